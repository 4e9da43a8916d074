from __future__ import annotations

from decimal import Decimal

import pytest

from aivideo_async.catalog.sora import Sora2
from tests.catalog.asking import credits_of, problems, refused_field, urls


def test_the_defaults_are_the_documented_ones() -> None:
    assert Sora2(prompt="a cat").fields() == {"prompt": "a cat", "duration": 8, "size": "1280x720"}


@pytest.mark.parametrize(("duration", "price"), [(4, 100), (8, 200), (12, 300)])
def test_each_duration_has_its_documented_price(duration: int, price: int) -> None:
    assert credits_of(Sora2.made_of({"prompt": "a cat", "duration": duration})) == Decimal(price)


def test_six_seconds_are_refused_with_the_durations_there_are() -> None:
    (problem,) = problems(Sora2, {"prompt": "a cat", "duration": 6})
    assert (problem.field, problem.value, problem.allowed, problem.meant) == ("duration", "6", "4, 8, 12", None)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "prompt"),
        ({"prompt": " \n"}, "prompt"),
        ({"prompt": "x" * 5001}, "prompt"),
        ({"prompt": "x", "size": "1920x1080"}, "size"),
        ({"prompt": "x", "image_urls": urls(2)}, "image_urls"),
        ({"prompt": "x", "aspect_ratio": "16:9"}, "aspect_ratio"),
    ],
)
def test_what_is_outside_the_limits_is_refused(data: dict[str, object], field: str) -> None:
    assert refused_field(Sora2, data) == field


def test_a_prompt_is_counted_in_characters() -> None:
    assert len(Sora2(prompt="\U0001f3a5" * 5000).prompt) == 5000


def test_it_is_sent_flat_first_and_nested_if_need_be() -> None:
    assert Sora2(prompt="x").body_forms() == ("flat", "nested")
