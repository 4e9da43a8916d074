from __future__ import annotations

from decimal import Decimal

import pytest

from aivideo_async.catalog.gpt_image import GptImage2
from tests.catalog.asking import credits_of, problems, urls


def test_the_defaults_are_the_documented_ones() -> None:
    assert GptImage2(prompt="x").fields() == {"prompt": "x", "resolution": "1k", "aspect_ratio": "auto"}


@pytest.mark.parametrize(("resolution", "price"), [("1k", "2.4"), ("2k", "4.8"), ("4k", "7.2")])
def test_an_image_costs_by_resolution(resolution: str, price: str) -> None:
    request = GptImage2.made_of({"prompt": "x", "resolution": resolution, "aspect_ratio": "16:9"})
    assert credits_of(request) == Decimal(price)


@pytest.mark.parametrize(
    ("data", "field", "meant"),
    [
        ({"prompt": "x", "resolution": "2K"}, "resolution", "2k"),
        ({"prompt": "x" * 20001}, "prompt", None),
        ({"image_urls": urls(17)}, "image_urls", None),
        ({"prompt": " "}, "prompt", None),
        ({}, "prompt", None),
    ],
)
def test_what_is_outside_the_limits_is_refused(data: dict[str, object], field: str, meant: str | None) -> None:
    (problem,) = problems(GptImage2, data)
    assert (problem.field, problem.meant) == (field, meant)


def test_images_alone_will_do() -> None:
    assert GptImage2(image_urls=urls(16)).prompt is None


@pytest.mark.parametrize("ratio", ["16:9", "9:16", "2:1", "1:2", "21:9", "9:21"])
def test_4k_is_for_wide_and_tall_images(ratio: str) -> None:
    assert GptImage2.made_of({"prompt": "x", "resolution": "4k", "aspect_ratio": ratio})


@pytest.mark.parametrize("ratio", ["auto", "1:1", "4:3"])
def test_4k_is_refused_for_other_ratios(ratio: str) -> None:
    (problem,) = problems(GptImage2, {"prompt": "x", "resolution": "4k", "aspect_ratio": ratio})
    assert (problem.field, problem.allowed) == ("aspect_ratio", "16:9, 9:16, 2:1, 1:2, 21:9, 9:21")
