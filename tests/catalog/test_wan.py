from __future__ import annotations

from decimal import Decimal

import pytest

from aivideo_async.catalog.base import TypedRequest
from aivideo_async.catalog.wan import (
    Wan26ImageToVideo,
    Wan26ReferenceToVideo,
    Wan26TextToVideo,
    Wan27ImageToVideo,
    Wan27ReferenceToVideo,
    Wan27TextToVideo,
    Wan27VideoEdit,
)
from tests.catalog.asking import credits_of, problems, refused_field, urls

DEFAULTS = {"prompt": "x", "resolution": "1080p", "duration": 5, "prompt_extend": True, "watermark": False}


def test_the_defaults_are_the_documented_ones() -> None:
    assert Wan27TextToVideo(prompt="x").fields() == DEFAULTS
    assert Wan26TextToVideo(prompt="x").fields() == {**DEFAULTS, "shot_type": "single"}


def test_a_second_costs_by_resolution() -> None:
    assert credits_of(Wan27TextToVideo(prompt="x")) == Decimal(200)
    assert credits_of(Wan26ImageToVideo(image_urls=urls(1), resolution="720p", duration=2)) == Decimal(48)


@pytest.mark.parametrize(
    ("request_class", "data", "field"),
    [
        (Wan27TextToVideo, {"prompt": "x" * 5001}, "prompt"),
        (Wan27TextToVideo, {"prompt": "x", "negative_prompt": "x" * 501}, "negative_prompt"),
        (Wan27TextToVideo, {"prompt": "x", "duration": 1}, "duration"),
        (Wan27TextToVideo, {"prompt": "x", "duration": 16}, "duration"),
        (Wan27TextToVideo, {"prompt": "x", "resolution": "480p"}, "resolution"),
        (Wan27TextToVideo, {"prompt": "x", "shot_type": "single"}, "shot_type"),
        (Wan27TextToVideo, {"prompt": "x", "seed": 2147483648}, "seed"),
        (Wan27ImageToVideo, {"image_urls": urls(3)}, "image_urls"),
        (Wan27ImageToVideo, {}, "image_urls"),
        (Wan27ReferenceToVideo, {"prompt": "x"}, "image_urls"),
        (Wan27VideoEdit, {"prompt": "x"}, "video_urls"),
        (Wan26TextToVideo, {"prompt": "x" * 1501}, "prompt"),
        (Wan26ImageToVideo, {"image_urls": urls(2)}, "image_urls"),
        (Wan26ReferenceToVideo, {"prompt": "x"}, "image_urls"),
    ],
)
def test_what_is_outside_the_limits_is_refused(
    request_class: type[TypedRequest], data: dict[str, object], field: str
) -> None:
    assert refused_field(request_class, data) == field


@pytest.mark.parametrize("request_class", [Wan27ReferenceToVideo, Wan26ReferenceToVideo])
@pytest.mark.parametrize("name", ["image_urls", "video_urls"])
def test_a_reference_is_an_image_or_a_video(request_class: type[TypedRequest], name: str) -> None:
    request = request_class.made_of({"prompt": "x", name: urls(1)})
    assert request.media_urls() == ((f"{name}.0", urls(1)[0]),)


def test_several_shots_need_the_prompt_extended() -> None:
    (problem,) = problems(Wan26TextToVideo, {"prompt": "x", "shot_type": "multi", "prompt_extend": False})
    assert (problem.field, problem.meant) == ("prompt_extend", "True")
    assert Wan26TextToVideo(prompt="x", shot_type="multi").shot_type == "multi"


def test_a_reference_request_shows_all_that_is_wrong_at_once() -> None:
    found = problems(Wan26ReferenceToVideo, {"prompt": "x", "shot_type": "multi", "prompt_extend": False})
    assert [problem.field for problem in found] == ["prompt_extend", "image_urls"]
