from __future__ import annotations

from decimal import Decimal

import pytest

from aivideo_async.catalog.nano_banana import NanoBanana2
from tests.catalog.asking import credits_of, problems, urls


def test_the_defaults_are_the_documented_ones() -> None:
    assert NanoBanana2(prompt="x").fields() == {
        "prompt": "x",
        "resolution": "1K",
        "aspect_ratio": "auto",
        "output_format": "jpg",
    }


@pytest.mark.parametrize(("resolution", "price"), [("1K", 16), ("2K", 24), ("4K", 36)])
def test_an_image_costs_by_resolution(resolution: str, price: int) -> None:
    assert credits_of(NanoBanana2.made_of({"prompt": "x", "resolution": resolution})) == Decimal(price)


@pytest.mark.parametrize(
    ("data", "field", "meant"),
    [
        ({"resolution": "2k"}, "resolution", "2K"),
        ({"aspect_ratio": "adaptive"}, "aspect_ratio", "auto"),
        ({"output_format": "jpeg"}, "output_format", "jpg"),
        ({"prompt": "x" * 20001}, "prompt", None),
        ({"image_urls": urls(15)}, "image_urls", None),
    ],
)
def test_what_is_outside_the_limits_is_refused(data: dict[str, object], field: str, meant: str | None) -> None:
    (problem,) = problems(NanoBanana2, {"prompt": "x", **data})
    assert (problem.field, problem.meant) == (field, meant)
