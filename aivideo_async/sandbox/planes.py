"""The planes that the sandbox draws on: Y, U, V for a clip, R, G, B for a still. Needs the ``sandbox`` extra."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image

from aivideo_async.sandbox.palettes import Rgb


@dataclass(frozen=True, slots=True)
class Band:
    """One plane of a picture: drawn at ``1 / divisor`` of the full size, ``value`` turns a colour into its byte."""

    divisor: int
    value: Callable[[Rgb], int]


def luma(colour: Rgb) -> int:
    """Y of BT.709, limited range."""
    red, green, blue = colour
    return round(16 + (0.2126 * red + 0.7152 * green + 0.0722 * blue) * 219 / 255)


def chroma_blue(colour: Rgb) -> int:
    """U (Cb) of BT.709, limited range."""
    red, green, blue = colour
    return round(128 + (-0.1146 * red - 0.3854 * green + 0.5 * blue) * 224 / 255)


def chroma_red(colour: Rgb) -> int:
    """V (Cr) of BT.709, limited range."""
    red, green, blue = colour
    return round(128 + (0.5 * red - 0.4542 * green - 0.0458 * blue) * 224 / 255)


YUV = (Band(1, luma), Band(2, chroma_blue), Band(2, chroma_red))
RGB = (Band(1, lambda c: c[0]), Band(1, lambda c: c[1]), Band(1, lambda c: c[2]))


@dataclass(frozen=True, slots=True)
class Sprite:
    """A mask at every size that the bands have, and its colour in each band."""

    masks: dict[int, Image.Image]
    values: tuple[int, ...]

    def paste(self, number: int, divisor: int, plane: Image.Image, at: tuple[int, int]) -> None:
        """Paste it into the plane of band ``number`` with its top left corner ``at`` full-size coordinates."""
        mask = self.masks[divisor]
        x, y = at[0] // divisor, at[1] // divisor
        plane.paste(self.values[number], (x, y, x + mask.width, y + mask.height), mask)


def sprite(mask: Image.Image, colour: Rgb, bands: Sequence[Band]) -> Sprite:
    """The mask in one colour for all bands."""
    return Sprite(sizes(mask, bands), tuple(band.value(colour) for band in bands))


def sizes(mask: Image.Image, bands: Sequence[Band]) -> dict[int, Image.Image]:
    """The mask at every size that the bands have."""
    return {band.divisor: mask if band.divisor == 1 else mask.reduce(band.divisor) for band in bands}


def split(picture: Image.Image, bands: Sequence[Band]) -> list[Image.Image]:
    """An RGB picture's planes: its R, G, B, or its Y, U, V at their sizes."""
    if all(band.divisor == 1 for band in bands):
        return list(picture.split())
    planes: list[Image.Image] = []
    for band in bands:
        black, *primaries = (band.value(colour) for colour in ((0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)))
        weights = [(value - black) / 255 for value in primaries]
        mix = picture.convert("L", (weights[0], weights[1], weights[2], float(black)))
        planes.append(mix if band.divisor == 1 else mix.reduce(band.divisor))
    return planes


def ramp(rows: Sequence[int], width: int) -> Image.Image:
    """A plane of ``width`` whose rows have these values."""
    return scaled(Image.frombytes("L", (1, len(rows)), bytes(rows)), (width, len(rows)), Image.Resampling.NEAREST)


def scaled(picture: Image.Image, size: tuple[int, int], by: Image.Resampling = Image.Resampling.BICUBIC) -> Image.Image:
    """The picture at another size."""
    return picture.resize(size, by)  # pyright: ignore[reportUnknownMemberType] - Pillow lets NumPy's types in


def even(value: float) -> int:
    """The nearest even number, at least 2: chroma planes have half the size."""
    return max(2, round(value / 2) * 2)
