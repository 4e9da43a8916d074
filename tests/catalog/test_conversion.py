from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivideo_async.catalog import (
    MODELS,
    GenericRequest,
    GptImage2,
    GrokImagineTextToVideo,
    HappyHorse1TextToVideo,
    Kling3,
    KlingShot,
    NanoBanana2,
    Seedance2,
    Sora2,
    SunoV5,
    Veo3,
    Wan27TextToVideo,
    convert,
)
from aivideo_async.catalog.conversion import told
from aivideo_async.core.errors import InvalidRequestError
from aivideo_async.core.models import GenerationRequest
from tests.catalog.drawing import requests_of

FIRST = "https://media.example.com/first.jpg"
CLIP = Sora2(prompt="a cat on a roof", duration=8, size="720x1280")


@pytest.mark.parametrize(
    ("request_", "model", "fields", "changes"),
    [
        (CLIP, "kling-3.0", {"prompt": CLIP.prompt, "duration": 8, "aspect_ratio": "9:16"}, ""),
        (CLIP, "veo-3", {"aspect_ratio": "9:16"}, "duration: 8 is left out"),
        (CLIP, "happyhorse-1.0-text-to-video", {"resolution": "720p", "duration": 8}, ""),
        (CLIP, "grok-imagine-text-to-video", {"resolution": "720p", "aspect_ratio": "9:16"}, ""),
        (
            Kling3(prompt="a", duration=6, aspect_ratio="1:1", sound=True, mode="pro"),
            "sora-2",
            {"duration": 8, "size": "1280x720"},
            "duration: 6 becomes 8; size: 1:1 becomes 1280x720; sound: True is left out; mode: pro is left out",
        ),
        (Kling3(prompt="a", sound=True), "doubao-seedance-2.0", {"generate_audio": True}, ""),
        (Seedance2(prompt="a", generate_audio=False), "kling-3.0", {"sound": False}, ""),
        (
            Seedance2(prompt="a", aspect_ratio="21:9", resolution="480p", duration=15),
            "wan-2.7-text-to-video",
            {"duration": 15, "resolution": "720p"},
            "aspect_ratio: 21:9 is left out; resolution: 480p becomes 720p; generate_audio: True is left out",
        ),
        (Seedance2(prompt="a", resolution="720p"), "sora-2", {}, "duration: 5 becomes 4; generate_audio"),
        (Seedance2(prompt="a"), "veo-3", {"aspect_ratio": "Auto"}, "duration: 5 is left out"),
        (Wan27TextToVideo(prompt="a", seed=7), "happyhorse-1.0-text-to-video", {"seed": 7}, ""),
        (Wan27TextToVideo(prompt="a", seed=7), "kling-3.0", {}, "seed: 7 is left out"),
        (Veo3(prompt="a", watermark="mine"), "doubao-seedance-2.0", {"watermark": False}, "watermark: mine is left"),
        (NanoBanana2(prompt="a", resolution="4K"), "gpt-image-2", {"resolution": "4k"}, None),
        (NanoBanana2(prompt="a", aspect_ratio="1:8"), "gpt-image-2", {"aspect_ratio": "9:21"}, "aspect_ratio: 1:8"),
        (
            GrokImagineTextToVideo(prompt="a", duration=30),
            "wan-2.7-text-to-video",
            {"duration": 15},
            "duration: 30 becomes 15",
        ),
    ],
)
def test_each_thing_becomes_the_nearest_that_the_model_allows(
    request_: GenerationRequest, model: str, fields: Mapping[str, object], changes: str | None
) -> None:
    if changes is None:
        with pytest.raises(InvalidRequestError, match="4k does not go with aspect_ratio auto"):
            convert(request_, model)
        return
    made = convert(request_, model)
    assert made.request.model == model
    assert made.request.fields().items() >= fields.items()
    for part in changes.split("; "):
        assert part in told(made.changes)
    if not changes:
        assert made.changes == ()


@given(st.data())
def test_whatever_is_converted_is_valid_or_refused_and_never_changed_silently(data: st.DataObject) -> None:
    source = data.draw(st.sampled_from(sorted(MODELS.values(), key=str)).flatmap(requests_of))
    model = data.draw(st.sampled_from(sorted(MODELS)))
    try:
        made = convert(source, model)
    except InvalidRequestError:
        return
    made.request.check()
    before, after = source.fields(), made.request.fields()
    for name in ("prompt", "duration"):
        if before.get(name) not in (None, "") and before[name] != after.get(name):
            assert name in {change.field for change in made.changes}


def test_the_first_image_stays_the_first_frame() -> None:
    clip = Sora2(prompt="a", image_urls=[FIRST])
    assert convert(clip, "kling-3.0").request.fields()["image_urls"] == [FIRST]
    frames = convert(clip, "doubao-seedance-2.0").request.fields()
    assert (frames["image_urls"], frames["generation_type"]) == ([FIRST], "first_and_last_frames")
    assert convert(clip, "veo-3").request.fields()["generation_type"] == "FIRST_AND_LAST_FRAMES_2_VIDEO"
    assert "image_urls: 1 images is left out" in told(convert(clip, "wan-2.7-text-to-video").changes)


def test_references_stay_references_as_many_as_are_allowed() -> None:
    many = Seedance2(prompt="a", image_urls=[f"{FIRST}?{n}" for n in range(5)])
    made = convert(many, "veo-3")
    assert made.request.fields()["generation_type"] == "REFERENCE_2_VIDEO"
    assert "image_urls: 5 images becomes 3 of them" in told(made.changes)


def test_a_last_frame_is_told_to_be_left_out() -> None:
    both = Kling3(prompt="a", image_urls=[FIRST, FIRST])
    assert "image_urls: 2 images becomes 1 of them" in told(convert(both, "sora-2").changes)


def test_a_long_prompt_is_cut_after_a_word() -> None:
    made = convert(Sora2(prompt="word " * 900), "kling-3.0")
    prompt = str(made.request.fields()["prompt"])
    assert len(prompt) <= 2500
    assert prompt.endswith("word")
    assert "prompt: 4500 characters becomes" in told(made.changes)
    assert len(str(convert(Sora2(prompt="x" * 4000), "kling-3.0").request.fields()["prompt"])) == 2500


def test_shots_become_one_prompt() -> None:
    shots = [KlingShot(prompt="a cat.", duration=2), KlingShot(prompt="a dog.", duration=3)]
    made = convert(Kling3(multi_shots=True, multi_prompt=shots), "sora-2")
    assert made.request.fields()["prompt"] == "a cat. a dog."
    assert "prompt: 2 shots becomes a cat. a dog." in told(made.changes)
    both = convert(Kling3(prompt="a cat", multi_shots=True, multi_prompt=shots), "sora-2")
    assert "multi_prompt: 2 shots is left out" in told(both.changes)


def test_a_request_of_no_known_class_is_read_by_the_names_of_its_fields() -> None:
    loose = GenericRequest(
        kind="video",
        model="new",
        input={"prompt": "a", "duration": 4.2, "aspect_ratio": 9, "multi_prompt": "x", "size": "0x0", "lens": "wide"},
    )
    made = convert(loose, "kling-3.0")
    assert made.request.fields().items() >= {"prompt": "a", "duration": 5}.items()
    assert "lens: wide is left out" in told(made.changes)


@pytest.mark.parametrize(
    ("request_", "model", "said"),
    [
        (CLIP, "nano-banana-2", "makes image, and this is a request for video"),
        (CLIP, "suno-v5", "makes music"),
        (CLIP, "sora-3", "did you mean sora-2"),
        (CLIP, "happyhorse-1.0-image-to-video", "image_urls is required"),
        (SunoV5(prompt="a"), "sora-2", "makes video"),
    ],
)
def test_what_cannot_be_carried_at_all_is_refused(request_: GenerationRequest, model: str, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        convert(request_, model)


def test_the_same_model_is_the_same_request() -> None:
    assert convert(CLIP, "sora-2").request is CLIP
    assert convert(GptImage2(prompt="a"), "gpt-image-2").changes == ()
    assert HappyHorse1TextToVideo(prompt="a") == convert(CLIP, "happyhorse-1.0-text-to-video").request.model_copy(
        update={"prompt": "a", "aspect_ratio": "16:9", "duration": 5}
    )


def test_a_text_that_both_models_take_goes_along() -> None:
    wanted = Wan27TextToVideo(prompt="a city", negative_prompt="rain")
    assert convert(wanted, "wan-2.6-text-to-video").request.fields()["negative_prompt"] == "rain"
