"""Given pictures, and how one comes to life as an image-to-video clip. Needs the ``sandbox`` extra."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Protocol

from PIL import Image, ImageOps

from aivideo_async.sandbox.plan import UnreadablePictureError
from aivideo_async.sandbox.planes import Band, split
from aivideo_async.sandbox.scenery import Scene


class View(Protocol):
    """Something that can be drawn at any moment; ``Scene`` and ``Living`` are two."""

    def draw(self, planes: Sequence[Image.Image], seconds: float) -> None:
        """Draw the moment ``seconds`` into the planes."""
        ...


def opened(data: bytes) -> Image.Image:
    """A picture from a file's bytes, upright and in RGB. Raises UnreadablePictureError."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return ImageOps.exif_transpose(picture).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadablePictureError("it is no picture that can be read") from error


class Living:
    """A given picture that comes to life: the first moment *is* the picture, then the camera leaves it.

    What the camera finds beyond the edges is the picture mirrored. With ``last`` the clip ends in that picture.
    """

    def __init__(
        self,
        first: Image.Image,
        last: Image.Image | None,
        *,
        scene: Scene,
        size: tuple[int, int],
        bands: Sequence[Band],
        seconds: float,
    ) -> None:
        self._bands, self._scene, self._seconds = tuple(bands), scene, seconds
        self._reach = (size[0] * 0.35, size[1] * 0.12)
        self._mirrored = [mirrored(plane) for plane in split(fitted(first, size), bands)]
        self._ends = None if last is None else split(fitted(last, size), bands)

    def draw(self, planes: Sequence[Image.Image], seconds: float) -> None:
        """Draw the moment ``seconds`` into the planes, one for each band."""
        share = min(1.0, seconds / self._seconds) if self._seconds else 0.0
        swing = (1 - math.cos(math.pi * share)) / 2
        left, top = (2 * round(reach * swing / 2) for reach in self._reach)
        arrival = max(0.0, (share - 0.6) / 0.4)
        for number, (band, plane) in enumerate(zip(self._bands, planes, strict=True)):
            width, height = plane.size
            x, y = left // band.divisor, top // band.divisor
            window = self._mirrored[number].crop((x, y, x + width, y + height))
            if self._ends is not None and arrival > 0:
                window = Image.blend(window, self._ends[number], arrival)
            plane.paste(window, (0, 0))
        if arrival < 1 or self._ends is None:
            self._scene.draw_motes(planes, seconds, limit=int(seconds * 4))


def fitted(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture scaled to fill ``size``; what does not fit is cut off evenly."""
    return picture if picture.size == size else ImageOps.fit(picture, size, Image.Resampling.BICUBIC)


def mirrored(plane: Image.Image) -> Image.Image:
    """The plane with its mirror images to the right and below."""
    width, height = plane.size
    tile = Image.new("L", (2 * width, 2 * height))
    side = plane.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for at, part in (((0, 0), plane), ((width, 0), side)):
        tile.paste(part, at)
        tile.paste(part.transpose(Image.Transpose.FLIP_TOP_BOTTOM), (at[0], height))
    return tile
