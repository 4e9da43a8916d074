from __future__ import annotations

from PIL import Image

from aivideo_async.sandbox.planes import RGB, YUV
from aivideo_async.sandbox.scenery import Scene, glow

SIZE = (96, 54)


def frame(prompt: str = "night", seed: int = 1, seconds: float = 0.0) -> bytes:
    planes = [Image.new("L", SIZE) for _ in RGB]
    Scene(prompt, seed, SIZE, RGB).draw(planes, seconds)
    return b"".join(plane.tobytes() for plane in planes)


def test_the_same_prompt_and_seed_make_the_same_picture() -> None:
    assert frame() == frame()


def test_every_prompt_and_seed_has_its_own() -> None:
    assert len({frame(), frame(seed=2), frame("another night")}) == 3


def test_stars_are_white() -> None:
    planes = [Image.new("L", SIZE) for _ in RGB]
    Scene("night hills", 1, SIZE, RGB).draw(planes, 0)
    red, green, blue = (plane.crop((0, 0, SIZE[0], 12)).tobytes() for plane in planes)
    bright = [point for point in zip(red, green, blue, strict=True) if max(point) > 170]
    assert len(bright) > 5
    assert all(min(point) > 120 for point in bright)


def test_it_moves() -> None:
    assert frame(seconds=0) != frame(seconds=1)


def test_a_moment_looks_the_same_however_one_came_to_it() -> None:
    scene = Scene("sunset", 1, SIZE, RGB)
    planes = [Image.new("L", SIZE) for _ in RGB]
    for seconds in (0.0, 5.0, 2.0):
        scene.draw(planes, seconds)
    assert b"".join(plane.tobytes() for plane in planes) == frame("sunset", seconds=2.0)


def test_motes_float_over_whatever_is_there() -> None:
    planes = [Image.new("L", SIZE), Image.new("L", (48, 27)), Image.new("L", (48, 27))]
    scene = Scene("night", 1, SIZE, YUV)
    scene.draw_motes(planes, 1.0, limit=0)
    assert planes[0].getbbox() is None
    scene.draw_motes(planes, 1.0)
    assert planes[0].getbbox() is not None


def test_a_glow_is_brightest_in_the_middle() -> None:
    light = glow(10)
    values = light.tobytes()
    assert values[(light.height // 2) * light.width + light.width // 2] == 255
    assert values[0] < 10
