from __future__ import annotations

from decimal import Decimal

import pytest

from aivideo_async.catalog.veo import Veo3
from tests.catalog.asking import credits_of, problems, refused_field, urls


def test_the_defaults_are_the_documented_ones() -> None:
    assert Veo3(prompt="x").fields() == {"prompt": "x", "mode": "fast", "aspect_ratio": "16:9"}


def test_the_price_is_per_task_by_mode() -> None:
    assert credits_of(Veo3(prompt="x")) == Decimal(40)
    assert credits_of(Veo3(prompt="x", mode="quality")) == Decimal(300)


@pytest.mark.parametrize(
    ("data", "field", "meant"),
    [
        ({"aspect_ratio": "auto"}, "aspect_ratio", "Auto"),
        ({"seed": 12345}, "seed", "seeds"),
        ({"seeds": 9999}, "seeds", None),
        ({"seeds": 100000}, "seeds", None),
        ({"watermark": True}, "watermark", None),
        ({"image_urls": urls(4)}, "image_urls", None),
        ({"prompt": ""}, "prompt", None),
        ({"mode": "quality", "generation_type": "REFERENCE_2_VIDEO", "image_urls": urls(1)}, "mode", "fast"),
    ],
)
def test_what_is_outside_the_limits_is_refused(data: dict[str, object], field: str, meant: str | None) -> None:
    (problem,) = problems(Veo3, {"prompt": "x", **data})
    assert (problem.field, problem.meant) == (field, meant)


@pytest.mark.parametrize(
    ("generation_type", "good", "bad"),
    [
        ("TEXT_2_VIDEO", (0,), (1,)),
        ("FIRST_AND_LAST_FRAMES_2_VIDEO", (1, 2), (0, 3)),
        ("REFERENCE_2_VIDEO", (1, 2, 3), (0,)),
    ],
)
def test_each_generation_type_takes_its_own_number_of_images(
    generation_type: str, good: tuple[int, ...], bad: tuple[int, ...]
) -> None:
    for count in good:
        data: dict[str, object] = {"prompt": "x", "generation_type": generation_type, "image_urls": urls(count)}
        assert len(Veo3.made_of(data).image_urls) == count
    for count in bad:
        data = {"prompt": "x", "generation_type": generation_type, "image_urls": urls(count)}
        assert refused_field(Veo3, data) == "image_urls"


def test_images_without_a_generation_type_are_left_to_the_service() -> None:
    assert len(Veo3(prompt="x", image_urls=urls(3)).image_urls) == 3
