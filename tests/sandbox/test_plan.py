from __future__ import annotations

from random import Random

import pytest
from pydantic import JsonValue

from aivideo_async.catalog import parse_request
from aivideo_async.sandbox.plan import MediaPlan, nearest_ratio, plan_of

ONE, TWO = "https://a.example/1.png", "https://a.example/2.png"


def plan(model: str, **fields: JsonValue) -> MediaPlan:
    request = parse_request({"model": model, **fields})
    return plan_of(request.kind, model, request.fields(), Random(1))


@pytest.mark.parametrize(("size", "ratio"), [("1280x720", "16:9"), ("720x1280", "9:16")])
def test_sora_is_made_at_its_size(size: str, ratio: str) -> None:
    made = plan("sora-2", prompt="x", size=size, duration=12)
    assert (made.ratio, made.seconds, made.suffix, made.resolution) == (ratio, 12, "mp4", "720p")
    assert "{}x{}".format(*made.size(ratio)) == size


@pytest.mark.parametrize(
    ("resolution", "ratio", "size"),
    [("480p", "16:9", (854, 480)), ("720p", "21:9", (1680, 720)), ("1080p", "9:16", (1080, 1920)),
     ("720p", "1:1", (720, 720)), ("1080p", "4:3", (1440, 1080))],
)  # fmt: skip
def test_a_resolution_is_the_short_side(resolution: str, ratio: str, size: tuple[int, int]) -> None:
    made = plan("doubao-seedance-2.0", prompt="x", resolution=resolution, aspect_ratio=ratio)
    assert made.size(ratio) == size


@pytest.mark.parametrize(
    ("model", "resolution", "ratio", "size"),
    [("nano-banana-2", "1K", "1:1", (1024, 1024)), ("nano-banana-2", "4K", "1:1", (4096, 4096)),
     ("nano-banana-2", "2K", "16:9", (2720, 1530)), ("nano-banana-2", "1K", "1:8", (362, 2896)),
     ("gpt-image-2", "1k", "3:2", (1254, 836)), ("gpt-image-2", "4k", "16:9", (3840, 2160))],
)  # fmt: skip
def test_an_image_is_exactly_in_its_ratio(model: str, resolution: str, ratio: str, size: tuple[int, int]) -> None:
    made = plan(model, prompt="x", resolution=resolution, aspect_ratio=ratio)
    assert made.size(ratio) == size
    wide, high = map(int, ratio.split(":"))
    assert size[0] * high == size[1] * wide


@pytest.mark.parametrize(
    ("model", "fields", "pictures"),
    [
        ("sora-2", {"image_urls": [ONE]}, (ONE, None)),
        ("kling-3.0", {"image_urls": [ONE, TWO]}, (ONE, TWO)),
        ("doubao-seedance-2.0", {"image_urls": [ONE, TWO]}, (None, None)),
        ("doubao-seedance-2.0", {"image_urls": [ONE, TWO], "generation_type": "first_and_last_frames"}, (ONE, TWO)),
        ("veo-3", {"image_urls": [ONE], "generation_type": "FIRST_AND_LAST_FRAMES_2_VIDEO"}, (ONE, None)),
        ("veo-3", {"image_urls": [ONE], "generation_type": "REFERENCE_2_VIDEO"}, (None, None)),
        ("grok-imagine-image-to-video", {"image_urls": [ONE, TWO]}, (ONE, None)),
        ("nano-banana-2", {"image_urls": [ONE, TWO]}, (ONE, None)),
        ("sora-2", {}, (None, None)),
    ],
)
def test_images_are_frames_where_the_request_means_them_so(
    model: str, fields: dict[str, JsonValue], pictures: tuple[str | None, str | None]
) -> None:
    made = plan(model, prompt="x", **fields)
    assert (made.first, made.last) == pictures


def test_an_open_ratio_is_the_first_pictures() -> None:
    assert plan("nano-banana-2", prompt="x").ratio == "1:1"
    assert plan("nano-banana-2", prompt="x", image_urls=[ONE]).ratio is None
    assert plan("doubao-seedance-2.0", prompt="x").ratio == "16:9"
    assert plan("happyhorse-1.0-image-to-video", prompt="x", image_urls=[ONE]).ratio is None


def test_a_given_seed_is_used_and_minus_one_is_drawn() -> None:
    assert plan("veo-3", prompt="x", seeds=12345).seed == 12345
    assert plan("doubao-seedance-2.0", prompt="x", seed=7).seed == 7
    assert plan("doubao-seedance-2.0", prompt="x", seed=-1).seed >= 0


def test_several_shots_add_up() -> None:
    shots: JsonValue = [{"prompt": "first", "duration": 3}, {"prompt": "then", "duration": 4}]
    made = plan("kling-3.0", multi_shots=True, multi_prompt=shots, mode="pro")
    assert (made.seconds, made.prompt, made.resolution) == (7, "first", "1080p")


def test_a_song_goes_by_its_title() -> None:
    made = plan("suno-v5", custom_mode=True, title="Rain", style="jazz")
    assert (made.prompt, made.title, made.suffix, made.seconds, made.metadata("1:1")) == ("Rain", "Rain", "mp3", 0, {})


def test_what_can_be_switched_is_switched() -> None:
    assert plan("doubao-seedance-2.0", prompt="x", return_last_frame=True, generate_audio=False).last_frame
    assert not plan("doubao-seedance-2.0", prompt="x", generate_audio=False).sound
    assert plan("nano-banana-2", prompt="x", output_format="png").suffix == "png"


def test_metadata_name_what_was_used() -> None:
    shape = {"ratio": "16:9", "resolution": "720p", "duration": 8, "framespersecond": 24}
    made = plan("sora-2", prompt="x")
    assert made.metadata("16:9") == {**shape, "seed": made.seed}
    assert plan("nano-banana-2", prompt="x").metadata("1:1").keys() == {"ratio", "resolution", "seed"}


def test_the_nearest_ratio_is_a_named_one() -> None:
    assert [nearest_ratio(value) for value in (1.78, 0.5625, 1.01, 2.33)] == ["16:9", "9:16", "1:1", "21:9"]
