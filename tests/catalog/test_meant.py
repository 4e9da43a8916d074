from __future__ import annotations

import pytest

from aivideo_async.catalog.meant import meant_field, meant_model, meant_value

MODELS = ("sora-2", "doubao-seedance-2.0", "doubao-seedance-2.0-fast", "kling-3.0", "suno-v5", "suno-v5_5")


@pytest.mark.parametrize(
    ("written", "fields", "meant"),
    [
        ("image_url", ("prompt", "image_urls"), "image_urls"),
        ("imageUrls", ("prompt", "image_urls"), "image_urls"),
        ("first_frame", ("prompt", "image_urls"), "image_urls"),
        ("seed", ("seeds",), "seeds"),
        ("seeds", ("seed",), "seed"),
        ("ratio", ("size", "aspect_ratio"), "aspect_ratio"),
        ("aspect_ratio", ("prompt", "size"), "size"),
        ("size", ("aspect_ratio", "resolution"), "aspect_ratio"),
        ("resolution", ("size",), "size"),
        ("seconds", ("duration",), "duration"),
        ("generate_audio", ("sound",), "sound"),
        ("sound", ("generate_audio",), "generate_audio"),
        ("negative_prompt", ("negative_tags",), "negative_tags"),
        ("promt", ("prompt", "size"), "prompt"),
    ],
)
def test_a_misnamed_field_is_recognised(written: str, fields: tuple[str, ...], meant: str) -> None:
    assert meant_field(written, fields) == meant


@pytest.mark.parametrize("written", ["api_key", "size", "", "zzz"])
def test_a_field_like_no_other_is_not_guessed(written: str) -> None:
    assert meant_field(written, ("prompt", "duration")) is None


@pytest.mark.parametrize(
    ("written", "allowed", "meant"),
    [
        ("2K", ("1k", "2k"), "2k"),
        ("2k", ("1K", "2K"), "2K"),
        (" 720P ", ("480p", "720p"), "720p"),
        ("auto", ("16:9", "Auto"), "Auto"),
        ("Auto", ("16:9", "adaptive"), "adaptive"),
        ("adaptive", ("auto", "16:9"), "auto"),
        ("8", (4, 8, 12), 8),
        ("8s", (4, 8, 12), 8),
        ("8.0", (4, 8, 12), 8),
        ("1080", ("720p", "1080p"), "1080p"),
        ("portrait", ("1280x720", "720x1280"), "720x1280"),
        ("9:16", ("1280x720", "720x1280"), "720x1280"),
        ("1920x1080", ("16:9", "9:16"), "16:9"),
        ("16/9", ("16:9", "9:16"), "16:9"),
        ("standard", ("std", "pro"), "std"),
        ("jpeg", ("jpg", "png"), "jpg"),
        ("text_to_video", ("TEXT_2_VIDEO", "REFERENCE_2_VIDEO"), "TEXT_2_VIDEO"),
    ],
)
def test_a_misspelt_value_is_recognised(written: str, allowed: tuple[str | int, ...], meant: str | int) -> None:
    assert meant_value(written, allowed) == meant


@pytest.mark.parametrize(
    ("written", "allowed"),
    [
        ("6", (4, 8, 12)),
        ("True", (1, 2)),
        ("1080p", ("480p", "720p")),
        ("4:0", ("16:9", "0:4")),
        ("elephant", ("16:9", "9:16")),
        ("None", ("std", "pro")),
    ],
)
def test_another_value_is_not_taken_for_a_misspelling(written: str, allowed: tuple[str | int, ...]) -> None:
    assert meant_value(written, allowed) is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("sora2", "sora-2"),
        ("Sora_2", "sora-2"),
        ("sora-2-pro", "sora-2"),
        ("seedance", "doubao-seedance-2.0"),
        ("doubao-seedance-2.0-fastest", "doubao-seedance-2.0-fast"),
        ("kling", "kling-3.0"),
        ("klnig-3.0", "kling-3.0"),
        ("suno-v5.5", "suno-v5_5"),
    ],
)
def test_a_misnamed_model_is_recognised(written: str, meant: str) -> None:
    assert meant_model(written, MODELS) == meant


@pytest.mark.parametrize("written", ["", "--", "zzzz"])
def test_a_model_like_no_other_is_not_guessed(written: str) -> None:
    assert meant_model(written, MODELS) is None
