from __future__ import annotations

from random import Random
from typing import get_args

import pytest
from PIL import Image

from aivideo_async.sandbox.palettes import PALETTES, Terrain
from aivideo_async.sandbox.planes import RGB, YUV
from aivideo_async.sandbox.terrain import doubled, edge, land


@pytest.mark.parametrize("terrain", get_args(Terrain))
def test_land_covers_the_picture_from_its_ridges_down(terrain: Terrain) -> None:
    size = (96, 54)
    plane = Image.new("L", size)
    for ridge in land(PALETTES["ocean"], terrain, size, 30, YUV, Random(1)):
        ridge.draw(0, 1, plane, seconds=3)
    assert 0 not in plane.crop((0, 50, *size)).tobytes()


def test_a_near_ridge_goes_faster_than_a_far_one() -> None:
    speeds = [ridge.speed for ridge in land(PALETTES["night"], "hills", (64, 36), 20, RGB, Random(1))]
    assert speeds == sorted(speeds)


@pytest.mark.parametrize("terrain", ["mountains", "hills", "sea"])
def test_a_strips_end_meets_its_beginning(terrain: Terrain) -> None:
    mask, _ = edge(terrain, (640, 40), Random(3), lit=0)
    first, last = (sum(mask.crop((x, 0, x + 1, 40)).tobytes()) / 255 for x in (0, 639))
    assert abs(first - last) <= 3


def test_a_city_has_lit_windows_and_only_as_many_as_asked() -> None:
    _, dark = edge("city", (200, 100), Random(1), lit=0)
    _, bright = edge("city", (200, 100), Random(1), lit=1)
    assert dark is not None
    assert bright is not None
    assert dark.getbbox() is None
    assert bright.getbbox() is not None


def test_a_doubled_strip_repeats_itself() -> None:
    strip = Image.frombytes("L", (2, 1), b"ab")
    assert doubled(strip).tobytes() == b"abab"
