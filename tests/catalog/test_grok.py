from __future__ import annotations

from decimal import Decimal

import pytest

from aivideo_async.catalog.base import TypedRequest
from aivideo_async.catalog.grok import GrokImagineImageToVideo, GrokImagineTextToVideo
from tests.catalog.asking import credits_of, refused_field, urls


def test_the_defaults_are_the_documented_ones() -> None:
    assert GrokImagineTextToVideo(prompt="x").fields() == {
        "prompt": "x",
        "aspect_ratio": "2:3",
        "duration": 6,
        "resolution": "480p",
        "mode": "normal",
    }


def test_a_second_costs_by_resolution_and_may_be_a_fraction() -> None:
    assert credits_of(GrokImagineTextToVideo(prompt="x")) == Decimal("14.4")
    assert credits_of(GrokImagineImageToVideo(image_urls=urls(7), resolution="720p", duration=30)) == Decimal(135)


@pytest.mark.parametrize(
    ("request_class", "data", "field"),
    [
        (GrokImagineTextToVideo, {"prompt": "x" * 5001}, "prompt"),
        (GrokImagineTextToVideo, {"prompt": "x", "duration": 5}, "duration"),
        (GrokImagineTextToVideo, {"prompt": "x", "duration": 31}, "duration"),
        (GrokImagineTextToVideo, {"prompt": "x", "aspect_ratio": "4:3"}, "aspect_ratio"),
        (GrokImagineImageToVideo, {"image_urls": urls(8)}, "image_urls"),
        (GrokImagineImageToVideo, {"image_urls": urls(1), "mode": "spicy"}, "mode"),
    ],
)
def test_what_is_outside_the_limits_is_refused(
    request_class: type[TypedRequest], data: dict[str, object], field: str
) -> None:
    assert refused_field(request_class, data) == field


def test_spicy_is_for_text_only() -> None:
    assert GrokImagineTextToVideo(prompt="x", mode="spicy").mode == "spicy"
