from __future__ import annotations

from decimal import Decimal

import pytest

from aivideo_async.catalog.kling import Kling3, KlingElement, KlingShot
from aivideo_async.core.errors import InvalidRequestError
from tests.catalog.asking import credits_of, problems, refused_field, urls

SHOTS = [{"prompt": "a door opens", "duration": 2}, {"prompt": "a cat walks in", "duration": 3}]


def test_the_defaults_are_the_documented_ones() -> None:
    assert Kling3(prompt="x").fields() == {
        "prompt": "x",
        "mode": "std",
        "aspect_ratio": "16:9",
        "duration": 5,
        "sound": False,
        "multi_shots": False,
    }


@pytest.mark.parametrize(
    ("mode", "sound", "price"),
    [("std", False, 140), ("std", True, 200), ("pro", False, 180), ("pro", True, 270)],
)
def test_five_seconds_cost_by_mode_and_sound(mode: str, sound: bool, price: int) -> None:
    assert credits_of(Kling3.made_of({"prompt": "x", "mode": mode, "sound": sound})) == Decimal(price)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"prompt": "x" * 2501}, "prompt"),
        ({"duration": 2}, "duration"),
        ({"duration": 16}, "duration"),
        ({"image_urls": urls(3)}, "image_urls"),
        ({"aspect_ratio": "4:3"}, "aspect_ratio"),
        ({"multi_shots": True, "multi_prompt": SHOTS * 3}, "multi_prompt"),
        ({"multi_shots": True, "multi_prompt": [{"prompt": "x" * 501, "duration": 1}]}, "multi_prompt.0.prompt"),
        ({"multi_shots": True, "multi_prompt": [{"prompt": "x", "duration": 13}]}, "multi_prompt.0.duration"),
        ({"kling_elements": [{"name": "a", "description": "b", "element_input_urls": urls(2)}] * 4}, "kling_elements"),
    ],
)
def test_what_is_outside_the_limits_is_refused(data: dict[str, object], field: str) -> None:
    assert refused_field(Kling3, {"prompt": "x", **data}) == field


def test_something_to_go_by_is_needed() -> None:
    assert refused_field(Kling3, {"prompt": ""}) == "prompt"
    assert Kling3(image_urls=urls(2)).prompt is None


def test_shots_must_be_asked_for() -> None:
    (problem,) = problems(Kling3, {"multi_prompt": SHOTS})
    assert (problem.field, problem.meant) == ("multi_shots", "True")


def test_several_shots_have_a_first_frame_only() -> None:
    data: dict[str, object] = {"multi_shots": True, "multi_prompt": SHOTS, "image_urls": urls(2)}
    assert refused_field(Kling3, data) == "image_urls"


def test_shots_are_sent_as_plain_objects() -> None:
    shots = [KlingShot(prompt="a door opens", duration=2), KlingShot(prompt="a cat walks in", duration=3)]
    assert Kling3(multi_shots=True, multi_prompt=shots).fields()["multi_prompt"] == SHOTS


def test_shots_of_another_length_than_the_clip_make_the_price_a_range() -> None:
    request = Kling3.made_of({"multi_shots": True, "multi_prompt": SHOTS, "duration": 10})
    assert credits_of(request) == (Decimal(140), Decimal(280))
    assert credits_of(request.model_copy(update={"duration": 5})) == Decimal(140)


@pytest.mark.parametrize("count", [1, 5])
def test_an_element_is_shown_from_two_to_four_sides(count: int) -> None:
    with pytest.raises(InvalidRequestError, match="2 to 4"):
        KlingElement(name="cat", description="a cat", element_input_urls=urls(count))
