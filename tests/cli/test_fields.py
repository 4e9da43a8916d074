"""``--set field=value``: text becomes what the field takes, or is refused in the catalog's words."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from aivideo_async.catalog import GenericRequest, Kling3, KlingShot, Sora2, SunoV5
from aivideo_async.cli.fields import assigned, loosely, request_of
from aivideo_async.core.errors import InvalidRequestError

PICTURE = "https://example.com/a.png"


def test_numbers_choices_and_text_are_told_apart_by_the_field() -> None:
    request = request_of("sora-2", "8", ["duration=12", "size=720x1280"], None)
    assert request == Sora2(prompt="8", duration=12, size="720x1280")


def test_switches_and_fractions_are_read() -> None:
    request = request_of("suno-v5", "x", ["instrumental=true", "style_weight=0.5"], None)
    assert request == SunoV5(prompt="x", instrumental=True, style_weight=0.5)


@pytest.mark.parametrize("given", [[f"image_urls={PICTURE}"], [f'image_urls=["{PICTURE}"]']])
def test_a_list_of_one_is_a_value_or_json(given: list[str]) -> None:
    assert request_of("sora-2", "x", given, None) == Sora2(prompt="x", image_urls=[PICTURE])


def test_a_list_is_set_item_by_item() -> None:
    request = request_of("kling-3.0", "x", [f"image_urls={PICTURE}?n={n}" for n in (1, 2)], None)
    assert request == Kling3(prompt="x", image_urls=[f"{PICTURE}?n=1", f"{PICTURE}?n=2"])


def test_what_has_parts_is_given_as_json() -> None:
    shots = 'multi_prompt=[{"prompt": "a", "duration": 3}]'
    request = request_of("kling-3.0", None, [shots, "multi_shots=true"], None)
    assert request == Kling3(multi_shots=True, multi_prompt=[KlingShot(prompt="a", duration=3)])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["duration=6"], r"duration cannot be 6 \(allowed: 4, 8, 12\)"),
        (["duration=soon"], "duration cannot be 'soon'"),
        (["image_url=x"], "did you mean image_urls"),
        (["duration"], "--set takes field=value, not 'duration'"),
        (["=4"], "--set takes field=value"),
        (["model=veo-3"], "use --model"),
        (["input={}"], "use --set, once for each field"),
        (["prompt=y"], "given twice"),
        (["duration=NaN"], "duration cannot be 'NaN'"),
        (["duration=" + "[" * 100_000], "duration cannot be"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(given: list[str], words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        request_of("sora-2", "x", given, None)


def test_an_unknown_model_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(InvalidRequestError, match="did you mean sora-2"):
        request_of("sora2", "x", ["duration=4"], None)


def test_a_model_that_nobody_knows_takes_what_it_is_given() -> None:
    request = request_of("new-1", "4", ["seed=7", "style=noir", "refs=a", "refs=2"], "video")
    inputs: dict[str, JsonValue] = {"prompt": "4", "seed": 7, "style": "noir", "refs": ["a", 2]}
    assert request == GenericRequest(kind="video", model="new-1", input=inputs)


def test_an_equals_sign_in_the_value_stays() -> None:
    assert assigned(["prompt=a=b", "prompt="]) == {"prompt": ["a=b", ""]}


def test_json_is_read_where_it_is_json() -> None:
    assert loosely(["1.5"]) == 1.5
    assert loosely(["one", "null"]) == ["one", None]
