from __future__ import annotations

from decimal import Decimal

import pytest

from aivideo_async.catalog.base import TypedRequest
from aivideo_async.catalog.happyhorse import (
    HappyHorse1ImageToVideo,
    HappyHorse1ReferenceToVideo,
    HappyHorse1TextToVideo,
    HappyHorse1VideoEdit,
)
from tests.catalog.asking import credits_of, refused_field, urls


def test_the_defaults_are_the_documented_ones() -> None:
    assert HappyHorse1TextToVideo(prompt="x").fields() == {
        "prompt": "x",
        "resolution": "720p",
        "duration": 5,
        "aspect_ratio": "16:9",
    }


def test_a_second_costs_by_resolution_and_may_be_a_fraction() -> None:
    assert credits_of(HappyHorse1TextToVideo(prompt="x", duration=3)) == Decimal("82.5")
    assert credits_of(HappyHorse1ImageToVideo(image_urls=urls(1), resolution="1080p")) == Decimal("242.5")


@pytest.mark.parametrize(
    ("request_class", "data", "field"),
    [
        (HappyHorse1TextToVideo, {}, "prompt"),
        (HappyHorse1TextToVideo, {"prompt": "x" * 2501}, "prompt"),
        (HappyHorse1TextToVideo, {"prompt": "x", "duration": 2}, "duration"),
        (HappyHorse1TextToVideo, {"prompt": "x", "duration": 16}, "duration"),
        (HappyHorse1TextToVideo, {"prompt": "x", "seed": -1}, "seed"),
        (HappyHorse1TextToVideo, {"prompt": "x", "seed": 2147483648}, "seed"),
        (HappyHorse1TextToVideo, {"prompt": "x", "image_urls": urls(1)}, "image_urls"),
        (HappyHorse1ImageToVideo, {}, "image_urls"),
        (HappyHorse1ImageToVideo, {"image_urls": urls(2)}, "image_urls"),
        (HappyHorse1ImageToVideo, {"image_urls": urls(1), "aspect_ratio": "16:9"}, "aspect_ratio"),
        (HappyHorse1ReferenceToVideo, {"prompt": "x", "image_urls": []}, "image_urls"),
        (HappyHorse1ReferenceToVideo, {"prompt": "x", "image_urls": urls(10)}, "image_urls"),
        (HappyHorse1VideoEdit, {"prompt": "x"}, "video_urls"),
        (HappyHorse1VideoEdit, {"video_urls": urls(1)}, "prompt"),
    ],
)
def test_what_is_outside_the_limits_is_refused(
    request_class: type[TypedRequest], data: dict[str, object], field: str
) -> None:
    assert refused_field(request_class, data) == field


def test_nine_references_are_taken() -> None:
    assert len(HappyHorse1ReferenceToVideo(prompt="x", image_urls=urls(9)).image_urls) == 9
