"""The land of a scene: ridges, waves, houses; each a strip that scrolls for ever. Needs the ``sandbox`` extra."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw

from aivideo_async.sandbox.palettes import Palette, Rgb, Terrain, mixed
from aivideo_async.sandbox.planes import Band, even, ramp, sizes

OCTAVES: dict[Terrain, tuple[tuple[int, float], ...]] = {
    "mountains": ((2, 0.42), (3, 0.26), (5, 0.2), (9, 0.12), (17, 0.07), (31, 0.035), (57, 0.018)),
    "hills": ((1, 0.4), (2, 0.34), (3, 0.2), (5, 0.08)),
    "sea": ((4, 0.3), (7, 0.3), (11, 0.22), (19, 0.18)),
}
"""Waves per strip and their weight; whole numbers, so that the strip's end meets its beginning."""
REACH: dict[Terrain, float] = {"mountains": 1.0, "hills": 0.9, "sea": 0.3, "city": 1.4}
BOB: dict[Terrain, float] = {"mountains": 0.25, "hills": 0.25, "sea": 2.2, "city": 0.25}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ridge:
    """A strip of land: ``edges`` is the mask of its upper edge, twice as wide as the picture; below that it is solid.

    ``skins`` colour the edge (as wide as the mask where there are windows, else as wide as the picture), ``bodies``
    what is below it, down to where the next ridge covers everything.
    """

    top: int
    speed: float
    bob: float
    phase: float
    period: int
    edges: dict[int, Image.Image]
    skins: tuple[Image.Image, ...]
    bodies: tuple[Image.Image, ...]

    def draw(self, number: int, divisor: int, plane: Image.Image, seconds: float) -> None:
        """Draw where the strip is at ``seconds`` into the plane of band ``number``."""
        width = plane.width
        edge, skin, body = self.edges[divisor], self.skins[number], self.bodies[number]
        offset = int(self.phase + seconds * self.speed) % self.period // divisor
        top = (self.top + round(self.bob * math.sin(seconds * 1.7 + self.phase))) // divisor
        window = (offset, 0, offset + width, edge.height)
        shown = skin if skin.width == width else skin.crop(window)
        plane.paste(shown, (0, top, width, top + edge.height), edge.crop(window))
        plane.paste(body, (0, top + edge.height))


def land(
    palette: Palette, terrain: Terrain, size: tuple[int, int], horizon: float, bands: Sequence[Band], draw: Random
) -> tuple[Ridge, ...]:
    """Four ridges, the farthest first."""
    width, height = size
    unit = min(size)
    depths = (0.0, 0.33, 0.67, 1.0)
    reaches = [even((0.1 + 0.1 * depth) * unit * REACH[terrain]) for depth in depths]
    tops = [
        even(horizon + (height * 0.92 - horizon) * depth**1.25 - reach * (1 - 0.55 * depth))
        for depth, reach in zip(depths, reaches, strict=True)
    ]
    ends = [top + reach + even(unit * 0.06) for top, reach in zip(tops[1:], reaches[1:], strict=True)] + [height + unit]
    ridges: list[Ridge] = []
    for depth, reach, top, end in zip(depths, reaches, tops, ends, strict=True):
        mask, lights = edge(terrain, (width, reach), draw, lit=palette.lit)
        ridge = Ridge(
            top=top,
            speed=unit * (0.012 + 0.1 * depth**1.6),
            bob=unit * (0.004 + 0.008 * depth) * BOB[terrain],
            phase=draw.random() * width,
            period=width,
            edges=sizes(doubled(mask), bands),
            skins=tuple(skin(band, palette, depth, mask.size, lights if depth else None) for band in bands),
            bodies=tuple(body(band, palette, depth, (width, end - top - reach), height) for band in bands),
        )
        ridges.append(ridge)
    return tuple(ridges)


def skin(band: Band, palette: Palette, depth: float, size: tuple[int, int], lights: Image.Image | None) -> Image.Image:
    """The colours of a ridge's edge in one band: a gradient, with its windows lit."""
    width, reach = size
    colour, foot = palette.land(depth), palette.land(depth + 0.16)
    rows = [band.value(mixed(colour, foot, y / reach)) for y in range(0, reach, band.divisor)]
    plain = ramp(rows, -(-width // band.divisor))
    if lights is None:
        return plain
    glow = lights.reduce(band.divisor) if band.divisor > 1 else lights
    lamp: Rgb = mixed(colour, palette.window, 0.35 + 0.65 * depth)
    plain.paste(band.value(lamp), (0, 0), glow)
    return doubled(plain)


def body(band: Band, palette: Palette, depth: float, size: tuple[int, int], height: int) -> Image.Image:
    """The colours below a ridge's edge in one band."""
    width, rows = size
    foot, end = palette.land(depth + 0.16), palette.land(depth + 0.3)
    below = [band.value(mixed(foot, end, min(1.0, y / height))) for y in range(0, rows, band.divisor)]
    return ramp(below, -(-width // band.divisor))


def edge(
    terrain: Terrain, size: tuple[int, int], draw: Random, *, lit: float
) -> tuple[Image.Image, Image.Image | None]:
    """The mask of a ridge's upper edge and, for a city, the mask of its lit windows."""
    if terrain == "city":
        return skyline(size, draw, lit=lit)
    width, height = size
    waves = [(turns, height * weight, draw.random() * math.tau) for turns, weight in OCTAVES[terrain]]
    whole = sum(amplitude for _, amplitude, _ in waves)
    points: list[tuple[float, float]] = []
    for x in range(0, width + 1, max(1, width // 640)):
        swing = sum(a * math.sin(math.tau * turns * x / width + phase) for turns, a, phase in waves)
        points.append((2 * x, height * (1 - swing / whole * 0.95)))
    mask = Image.new("L", (2 * width, 2 * height), 0)
    corners = [(2.0 * width, points[0][1]), (2.0 * width, 2.0 * height), (0.0, 2.0 * height)]
    ImageDraw.Draw(mask).polygon([*points, *corners], fill=255)
    return mask.reduce(2), None


def skyline(size: tuple[int, int], draw: Random, *, lit: float) -> tuple[Image.Image, Image.Image]:
    """The mask of houses and towers, and the mask of the windows that are lit."""
    width, height = size
    mask, lights = Image.new("L", size, 0), Image.new("L", size, 0)
    pen = ImageDraw.Draw(mask)
    cell = max(2, height // 22)
    left = 0
    while left < width:
        wide = cell * draw.randint(4, 11)
        wide = width - left if width - left - wide < 3 * cell else wide
        top = int(height * (1 - min(1.0, draw.betavariate(2.0, 2.2) * 1.1 + 0.08)))
        pen.rectangle((left, top, left + wide - 1, height), fill=255)
        if draw.random() < 0.25:
            middle = left + wide // 2
            pen.rectangle((middle - cell // 4, top - 3 * cell, middle + cell // 4, top), fill=255)
        windows(lights, (left + cell, top + cell, left + wide - cell, height - cell), cell, draw, lit=lit)
        left += wide
    return mask, lights


def windows(lights: Image.Image, house: tuple[int, int, int, int], cell: int, draw: Random, *, lit: float) -> None:
    """Light a share of one house's windows."""
    lamp = ImageDraw.Draw(lights)
    left, top, right, bottom = house
    for row in range(top, bottom, 2 * cell):
        for column in range(left, right, 2 * cell):
            if draw.random() < lit:
                lamp.rectangle((column, row, column + cell - 1, row + cell - 1), fill=draw.randint(90, 255))


def doubled(strip: Image.Image) -> Image.Image:
    """The strip beside itself, so that any window of it is one crop."""
    twice = Image.new("L", (2 * strip.width, strip.height))
    twice.paste(strip, (0, 0))
    twice.paste(strip, (strip.width, 0))
    return twice
