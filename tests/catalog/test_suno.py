from __future__ import annotations

from decimal import Decimal

import pytest

from aivideo_async.catalog.suno import SunoV5, SunoV55
from tests.catalog.asking import credits_of, problems, refused_field

CUSTOM: dict[str, object] = {"custom_mode": True, "title": "Sunrise", "style": "calm piano"}


def test_the_defaults_are_the_documented_ones() -> None:
    assert SunoV5(prompt="x").fields() == {"prompt": "x", "custom_mode": False, "instrumental": False}


@pytest.mark.parametrize("request_class", [SunoV5, SunoV55])
def test_the_price_is_per_task(request_class: type[SunoV5 | SunoV55]) -> None:
    assert credits_of(request_class.made_of({"prompt": "x"})) == Decimal(24)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "prompt"),
        ({"prompt": " "}, "prompt"),
        ({"prompt": "x" * 501}, "prompt"),
        ({"prompt": "x", "title": "Sunrise"}, "custom_mode"),
        ({"prompt": "x", "style": "calm"}, "custom_mode"),
        ({**CUSTOM, "prompt": "x" * 3001}, "prompt"),
        ({**CUSTOM, "title": ""}, "title"),
        ({**CUSTOM, "title": "x" * 81}, "title"),
        ({**CUSTOM, "style": "x" * 201}, "style"),
        ({**CUSTOM, "negative_tags": "x" * 201}, "negative_tags"),
        ({**CUSTOM, "vocal_gender": "x"}, "vocal_gender"),
        ({**CUSTOM, "style_weight": 1.1}, "style_weight"),
        ({**CUSTOM, "weirdness_constraint": -0.1}, "weirdness_constraint"),
        ({**CUSTOM, "audio_weight": float("nan")}, "audio_weight"),
    ],
)
def test_what_is_outside_the_limits_is_refused(data: dict[str, object], field: str) -> None:
    assert refused_field(SunoV5, data) == field


def test_custom_mode_needs_title_and_style() -> None:
    assert [problem.field for problem in problems(SunoV5, {"custom_mode": True})] == ["title", "style"]


def test_custom_mode_takes_long_lyrics_and_weights() -> None:
    request = SunoV55.made_of({**CUSTOM, "prompt": "x" * 3000, "style_weight": 1, "vocal_gender": "f"})
    assert request.fields()["style_weight"] == 1.0
