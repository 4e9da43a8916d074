"""Draws the sandbox's pictures: a landscape, a sea or a skyline in motion, different for every prompt and seed.

Everything is drawn with Pillow's 8-bit masks straight into planes: Y, U and V for a clip (the encoder's own memory); R,
G and B for a still. What does not change from frame to frame is drawn once; a frame is then a few dozen pastes, about a
millisecond at 720p. Needs the ``sandbox`` extra.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw, ImageFilter

from aivideo_async.sandbox.palettes import Palette, Rgb, mixed, mood
from aivideo_async.sandbox.planes import Band, Sprite, even, ramp, scaled, sprite
from aivideo_async.sandbox.terrain import land

MOTES = 12
BACKDROP_RATE = 8
"""Sky, clouds and the farthest ridge creep by a pixel or two in this part of a second; they are redrawn no oftener."""


@dataclass(frozen=True, slots=True)
class Drifting:
    """A sprite that crosses the picture: where it starts, how fast it goes (full-size pixels, seconds), its sway."""

    sprite: Sprite
    x: float
    y: float
    pace: float
    phase: float = 0.0


class Scene:
    """One prompt's and seed's place, seen through ``bands`` at ``size``; ``draw`` gives any moment of it."""

    def __init__(self, prompt: str, seed: int, size: tuple[int, int], bands: Sequence[Band]) -> None:
        draw = Random(f"{prompt}|{seed}")  # noqa: S311 - pictures, not secrets
        palette, terrain = mood(prompt, draw)
        width, height = size
        self._bands, self._size, self._unit = tuple(bands), size, min(size)
        horizon = height * draw.uniform(0.5, 0.62)
        lights = stars(palette, size, draw)
        self._sky = [self._gradient(band, palette, horizon, lights) for band in bands]
        self._sun = sprite(glow(self._unit * draw.uniform(0.07, 0.11)), palette.sun, bands)
        self._sun_path = (width * draw.uniform(0.22, 0.78), horizon * draw.uniform(0.5, 0.78), draw.choice((-1, 1)))
        self._clouds = [self._cloud(palette.cloud, horizon, draw) for _ in range(palette.clouds)]
        self._ridges = land(palette, terrain, size, horizon, bands, draw)
        self._motes = [self._mote(palette.mote, draw) for _ in range(MOTES)]
        self._backdrop = [sky.copy() for sky in self._sky]
        self._beat = -1

    def draw(self, planes: Sequence[Image.Image], seconds: float) -> None:
        """Draw the moment ``seconds`` into the planes, one for each band."""
        beat = int(seconds * BACKDROP_RATE)
        if beat != self._beat:
            self._beat = beat
            self._draw_backdrop(beat / BACKDROP_RATE)
        for number, (band, plane) in enumerate(zip(self._bands, planes, strict=True)):
            plane.paste(self._backdrop[number], (0, 0))
            for ridge in self._ridges[1:]:
                ridge.draw(number, band.divisor, plane, seconds)
        self.draw_motes(planes, seconds)

    def draw_motes(self, planes: Sequence[Image.Image], seconds: float, *, limit: int = MOTES) -> None:
        """Draw only what floats in the air, at most ``limit`` of it; also over a given picture that comes to life."""
        width, height = self._size
        for mote in self._motes[:limit]:
            x = (mote.x + seconds * mote.pace) % (width * 1.1) - width * 0.05
            y = mote.y + 0.02 * math.sin(seconds * 1.3 + mote.phase) * height
            for number, (band, plane) in enumerate(zip(self._bands, planes, strict=True)):
                if band.divisor == 1:  # a mote is too small for its colour to be missed
                    mote.sprite.paste(number, 1, plane, (int(x), int(y)))

    def _draw_backdrop(self, seconds: float) -> None:
        x, y, sense = self._sun_path
        half = self._sun.masks[1].width // 2
        sun_at = int(x) - half, int(y + sense * seconds * self._unit * 0.006) - half
        for number, (band, plane) in enumerate(zip(self._bands, self._backdrop, strict=True)):
            plane.paste(self._sky[number], (0, 0))
            self._sun.paste(number, band.divisor, plane, sun_at)
            for cloud in self._clouds:
                wide = cloud.sprite.masks[1].width
                left = (cloud.x + seconds * cloud.pace) % (self._size[0] + wide) - wide
                cloud.sprite.paste(number, band.divisor, plane, (int(left), int(cloud.y)))
            self._ridges[0].draw(number, band.divisor, plane, seconds)

    def _gradient(
        self, band: Band, palette: Palette, horizon: float, lights: Sequence[tuple[float, float, float]]
    ) -> Image.Image:
        width, height = self._size
        column = [band.value(palette.sky(min(1.0, y / horizon))) for y in range(0, height, band.divisor)]
        sky = ramp(column, -(-width // band.divisor))
        pen = ImageDraw.Draw(sky)
        for x, y, radius in lights:
            box = [value / band.divisor for value in (x - radius, y - radius, x + radius, y + radius)]
            pen.ellipse(box, fill=band.value(mixed(palette.sky(y / horizon), (255, 255, 255), 0.75)))
        return sky

    def _cloud(self, colour: Rgb, horizon: float, draw: Random) -> Drifting:
        wide = self._unit * draw.uniform(0.35, 0.8)
        shape = Image.new("L", (240, 48), 0)
        pen = ImageDraw.Draw(shape)
        for _ in range(9):
            x, half = draw.uniform(75, 165), draw.uniform(20, 50)
            y, thick = draw.uniform(18, 32), draw.uniform(2, 7)
            pen.ellipse((x - half, y - thick, x + half, y + thick), fill=draw.randint(70, 130))
        shape = scaled(shape.filter(ImageFilter.GaussianBlur(5)), (even(wide), even(wide * 0.2)))
        start, top = draw.random() * self._size[0] * 1.3, horizon * draw.uniform(0.1, 0.75)
        return Drifting(sprite(shape, colour, self._bands), start, top, self._unit * draw.uniform(0.006, 0.022))

    def _mote(self, colour: Rgb, draw: Random) -> Drifting:
        width, height = self._size
        side = even(self._unit * draw.uniform(0.008, 0.022))
        dot = Image.new("L", (64, 64), 0)
        ImageDraw.Draw(dot).ellipse((16, 16, 48, 48), fill=draw.randint(90, 190))
        dot = scaled(dot.filter(ImageFilter.GaussianBlur(8)), (side, side), Image.Resampling.BOX)
        x, y, pace = draw.random() * width * 1.1, height * draw.uniform(0.3, 0.92), width * draw.uniform(0.01, 0.05)
        return Drifting(sprite(dot, colour, self._bands), x, y, pace, draw.random() * math.tau)


def stars(palette: Palette, size: tuple[int, int], draw: Random) -> list[tuple[float, float, float]]:
    """Where the stars stand, and their radius."""
    width, height = size
    scale = min(size) / 720
    return [
        (draw.random() * width, draw.random() * height * 0.5, draw.choice((0.5, 0.5, 0.8, 1.2)) * scale)
        for _ in range(palette.stars)
    ]


def glow(radius: float) -> Image.Image:
    """The mask of a disc in its own light."""
    side, core = 160, 27
    halo = Image.new("L", (side, side), 0)
    pen = ImageDraw.Draw(halo)
    middle = side / 2
    for step in range(side // 2, core, -1):
        strength = ((middle - step) / (middle - core)) ** 2.2
        pen.ellipse((middle - step, middle - step, middle + step, middle + step), fill=int(120 * strength))
    big = even(radius * 6)
    halo = scaled(halo.filter(ImageFilter.GaussianBlur(2)), (big, big))
    wide = 4 * even(radius * 2)
    disc = Image.new("L", (wide, wide), 0)
    ImageDraw.Draw(disc).ellipse((2, 2, disc.width - 3, disc.height - 3), fill=255)
    disc = disc.reduce(4)
    halo.paste(255, ((big - disc.width) // 2, (big - disc.height) // 2), disc)
    return halo
