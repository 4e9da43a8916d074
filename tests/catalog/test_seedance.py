from __future__ import annotations

from decimal import Decimal

import pytest

from aivideo_async.catalog.seedance import Seedance2, Seedance2Fast
from tests.catalog.asking import credits_of, problems, refused_field, urls


def test_the_defaults_are_the_documented_ones() -> None:
    assert Seedance2(prompt="x").fields() == {
        "prompt": "x",
        "generation_type": "omni_reference",
        "duration": 5,
        "aspect_ratio": "adaptive",
        "resolution": "720p",
        "generate_audio": True,
        "watermark": False,
        "seed": -1,
        "return_last_frame": False,
        "web_search": False,
    }


@pytest.mark.parametrize(("resolution", "price"), [("480p", 100), ("720p", 210), ("1080p", 510)])
def test_five_seconds_have_the_documented_prices(resolution: str, price: int) -> None:
    assert credits_of(Seedance2.made_of({"prompt": "x", "resolution": resolution})) == Decimal(price)


@pytest.mark.parametrize(("resolution", "price"), [("480p", 64), ("720p", 140)])
def test_the_fast_one_is_cheaper(resolution: str, price: int) -> None:
    request = Seedance2Fast.made_of({"prompt": "x", "resolution": resolution, "duration": 4})
    assert credits_of(request) == Decimal(price)


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(1, 62 * (10 + 2), 62 * (10 + 15)), (3, 62 * (10 + 6), 62 * (10 + 15))],
)
def test_a_video_reference_is_charged_by_input_and_output_together(count: int, low: int, high: int) -> None:
    request = Seedance2(prompt="x", resolution="1080p", duration=10, video_urls=urls(count))
    assert credits_of(request) == (Decimal(low), Decimal(high))


def test_the_fast_one_has_its_own_reference_price() -> None:
    assert credits_of(Seedance2Fast(video_urls=urls(1))) == (Decimal(22 * 7), Decimal(22 * 20))


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"duration": 3}, "duration"),
        ({"duration": 16}, "duration"),
        ({"image_urls": urls(10)}, "image_urls"),
        ({"video_urls": urls(4)}, "video_urls"),
        ({"image_urls": urls(1), "audio_urls": urls(4)}, "audio_urls"),
        ({"seed": -2}, "seed"),
        ({"seed": 4294967296}, "seed"),
        ({"resolution": "4k"}, "resolution"),
    ],
)
def test_what_is_outside_the_limits_is_refused(data: dict[str, object], field: str) -> None:
    assert refused_field(Seedance2, {"prompt": "x", **data}) == field


def test_the_fast_one_has_no_1080p() -> None:
    (problem,) = problems(Seedance2Fast, {"prompt": "x", "resolution": "1080p"})
    assert (problem.allowed, problem.meant) == ("480p, 720p", None)


def test_something_to_go_by_is_needed() -> None:
    assert refused_field(Seedance2, {"prompt": " "}) == "prompt"
    assert Seedance2(image_urls=urls(9)).prompt is None


def test_sound_cannot_stand_alone() -> None:
    assert refused_field(Seedance2, {"prompt": "x", "audio_urls": urls(1)}) == "audio_urls"
    assert Seedance2(image_urls=urls(1), audio_urls=urls(3)).audio_urls


@pytest.mark.parametrize("count", [0, 3])
def test_frames_are_one_or_two(count: int) -> None:
    data: dict[str, object] = {"generation_type": "first_and_last_frames", "image_urls": urls(count)}
    assert refused_field(Seedance2, data) == "image_urls"


def test_frames_alone_need_no_prompt() -> None:
    request = Seedance2(generation_type="first_and_last_frames", image_urls=urls(2))
    assert credits_of(request) == Decimal(210)


@pytest.mark.parametrize("name", ["video_urls", "audio_urls"])
def test_references_that_frames_would_ignore_are_refused(name: str) -> None:
    data: dict[str, object] = {"generation_type": "first_and_last_frames", "image_urls": urls(1), name: urls(1)}
    (problem,) = problems(Seedance2, data)
    assert (problem.field, problem.meant) == ("generation_type", "omni_reference")
    assert name in problem.message
