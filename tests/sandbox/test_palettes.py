from __future__ import annotations

from random import Random

import pytest

from aivideo_async.sandbox.palettes import PALETTES, Palette, Terrain, mixed, mood


@pytest.mark.parametrize(
    ("prompt", "palette", "terrain"),
    [
        ("A city cafe at SUNRISE", "sunrise", "city"),
        ("waves of the ocean", "ocean", "sea"),
        ("neon mountain", "neon", "mountains"),
    ],
)
def test_a_prompts_words_choose_light_and_place(prompt: str, palette: str, terrain: Terrain) -> None:
    assert mood(prompt, Random(1)) == (PALETTES[palette], terrain)


def test_what_the_words_leave_open_is_drawn() -> None:
    assert len({mood("something", Random(seed)) for seed in range(40)}) > 10


def test_a_mixture_lies_between() -> None:
    assert mixed((0, 0, 0), (100, 200, 50), 0.5) == (50, 100, 25)


@pytest.mark.parametrize("palette", PALETTES.values())
def test_sky_and_land_go_from_one_colour_to_the_other(palette: Palette) -> None:
    assert (palette.sky(0), palette.sky(1)) == (palette.zenith, palette.horizon)
    assert (palette.land(0), palette.land(1), palette.land(2)) == (palette.far, palette.near, palette.near)
