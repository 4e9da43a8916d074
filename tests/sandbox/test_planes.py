from __future__ import annotations

import pytest
from PIL import Image

from aivideo_async.sandbox.palettes import Rgb
from aivideo_async.sandbox.planes import RGB, YUV, even, ramp, scaled, split, sprite


@pytest.mark.parametrize(
    ("colour", "yuv"), [((0, 0, 0), (16, 128, 128)), ((255, 255, 255), (235, 128, 128)), ((255, 0, 0), (63, 102, 240))]
)
def test_colours_are_bt709_in_limited_range(colour: Rgb, yuv: tuple[int, int, int]) -> None:
    assert tuple(band.value(colour) for band in YUV) == yuv


@pytest.mark.parametrize("colour", [(0, 0, 0), (250, 200, 10), (10, 30, 220)])
def test_a_picture_is_split_into_the_planes_that_its_colours_have(colour: Rgb) -> None:
    planes = split(Image.new("RGB", (8, 6), colour), YUV)
    assert [plane.size for plane in planes] == [(8, 6), (4, 3), (4, 3)]
    for plane, band in zip(planes, YUV, strict=True):
        assert abs(plane.tobytes()[0] - band.value(colour)) <= 1


def test_a_still_is_split_into_red_green_and_blue() -> None:
    assert [plane.tobytes()[0] for plane in split(Image.new("RGB", (2, 2), (1, 2, 3)), RGB)] == [1, 2, 3]


def test_a_sprite_is_pasted_at_every_size() -> None:
    dot = sprite(Image.new("L", (4, 4), 255), (255, 255, 255), YUV)
    luma, chroma = Image.new("L", (8, 8)), Image.new("L", (4, 4))
    dot.paste(0, 1, luma, (4, 4))
    dot.paste(1, 2, chroma, (4, 4))
    assert luma.getbbox() == (4, 4, 8, 8)
    assert chroma.getbbox() == (2, 2, 4, 4)


def test_a_ramp_has_a_value_per_row() -> None:
    assert ramp([1, 2], 3).tobytes() == bytes([1, 1, 1, 2, 2, 2])


def test_sizes_are_scaled_and_rounded_to_even() -> None:
    assert scaled(Image.new("L", (4, 4)), (7, 5)).size == (7, 5)
    assert [even(value) for value in (0, 2.9, 5, 7.1)] == [2, 2, 4, 8]
