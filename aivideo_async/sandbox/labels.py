"""The label that is burned into every picture: model, task id, seed, the frame's number. Needs the ``sandbox`` extra.

The built-in font of Pillow has ASCII only, so the prompt is not written into the picture; it goes into the file's
metadata.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from aivideo_async.sandbox.palettes import Rgb
from aivideo_async.sandbox.planes import Band, even, sprite

INK: Rgb = (255, 255, 255)
SHADE: Rgb = (8, 8, 16)
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


class Label:
    """Two lines in a corner: below for a clip and above for an image, so that both can be read in the first frame of an
    image-to-video clip. The text is rasterised once; of the counter, only the digits that change are pasted.
    """

    def __init__(
        self, title: str, detail: str, size: tuple[int, int], bands: Sequence[Band], *, frames: int = 0
    ) -> None:
        unit = min(size)
        large, small = (ImageFont.load_default(size=max(8, round(unit * share))) for share in (0.032, 0.021))
        self._bands, self._frames = tuple(bands), frames
        self._cells = cells(large, max(1, unit // 500))
        self._shown = " " * len(self._counter(0))
        pad, wide = even(unit * 0.016), len(self._shown) * self._cells["0"].width
        head, foot = raster(title, large), raster(detail, small)
        width = even(max(head.width + 3 * pad + wide, foot.width) + 2 * pad)
        height = even(head.height + foot.height + 2.5 * pad)
        self._counter_at = width - pad - wide, pad
        self._text = Image.new("L", (width, height), 0)
        self._text.paste(head, (pad, pad))
        self._text.paste(foot, (pad, height - pad - foot.height))
        shade = Image.new("L", (width, height), 0)
        ImageDraw.Draw(shade).rounded_rectangle((0, 0, width - 1, height - 1), radius=pad, fill=165)
        self._shade = sprite(shade, SHADE, bands)
        margin = even(unit * 0.03)
        self._at = margin, even(size[1] - margin - height) if frames else margin

    def draw(self, planes: Sequence[Image.Image], frame: int) -> None:
        """Burn the label of this frame in."""
        left, top = self._counter_at
        count = self._counter(frame)
        for place, (sign, old) in enumerate(zip(count, self._shown, strict=True)):
            if sign != old:
                self._text.paste(self._cells[sign], (left + place * self._cells[sign].width, top))
        self._shown = count
        for number, (band, plane) in enumerate(zip(self._bands, planes, strict=True)):
            self._shade.paste(number, band.divisor, plane, self._at)
            if band.divisor == 1:
                box = (*self._at, self._at[0] + self._text.width, self._at[1] + self._text.height)
                plane.paste(band.value(INK), box, self._text)

    def _counter(self, frame: int) -> str:
        return f"{frame + 1:04d}/{self._frames:04d}" if self._frames else ""


def cells(font: Font, gap: int) -> dict[str, Image.Image]:
    """The counter's signs, each in the middle of a cell of the same size."""
    signs = {sign: raster(sign, font) for sign in "0123456789/"}
    width = max(image.width for image in signs.values()) + gap
    boxed: dict[str, Image.Image] = {}
    for sign, image in signs.items():
        boxed[sign] = Image.new("L", (width, image.height), 0)
        boxed[sign].paste(image, ((width - image.width) // 2, 0))
    return boxed


def raster(text: str, font: Font) -> Image.Image:
    """A mask of the text, as high as the font's line. What is not ASCII becomes a question mark."""
    plain = text.encode("ascii", "replace").decode("ascii")
    _, top, _, bottom = font.getbbox("0123456789AZgjpqy/")
    left, _, right, _ = font.getbbox(plain)
    image = Image.new("L", (max(1, math.ceil(right - left)), max(1, math.ceil(bottom - top))), 0)
    ImageDraw.Draw(image).text((-left, -top), plain, fill=255, font=font)
    return image
