from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from aivideo_async.sandbox.pictures import Living, fitted, mirrored, opened
from aivideo_async.sandbox.plan import UnreadablePictureError
from aivideo_async.sandbox.planes import RGB, scaled
from aivideo_async.sandbox.scenery import Scene

SIZE = (64, 36)
RED, BLUE = Image.new("RGB", SIZE, (250, 0, 0)), scaled(Image.linear_gradient("L"), SIZE).convert("RGB")


def moment(seconds: float, *, last: Image.Image | None = None) -> Image.Image:
    planes = [Image.new("L", SIZE) for _ in RGB]
    scene = Scene("x", 1, SIZE, RGB)
    Living(BLUE, last, scene=scene, size=SIZE, bands=RGB, seconds=4).draw(planes, seconds)
    return Image.merge("RGB", planes)


def file_of(picture: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


def png_of(width: int, height: int) -> bytes:
    """The beginning of a PNG file that says that it is so large."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0d" + header + struct.pack(">I", zlib.crc32(header))


def test_the_first_moment_is_the_picture() -> None:
    assert moment(0).tobytes() == BLUE.tobytes()


def test_then_it_moves() -> None:
    assert moment(2).tobytes() != BLUE.tobytes()


def test_the_last_moment_is_the_last_picture() -> None:
    assert moment(4, last=RED).tobytes() == RED.tobytes()
    assert moment(3.5, last=RED).tobytes() != RED.tobytes()


def test_a_picture_of_another_shape_is_cut_to_fit() -> None:
    assert fitted(Image.new("RGB", (500, 500)), SIZE).size == SIZE


def test_a_picture_is_mirrored_to_the_right_and_below() -> None:
    assert mirrored(Image.frombytes("L", (2, 2), b"abcd")).tobytes() == b"abbacddccddcabba"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF"])
def test_every_kind_of_picture_can_be_opened(kind: str) -> None:
    assert opened(file_of(RED, kind)).size == SIZE


@pytest.mark.parametrize("data", [b"", b"<html>", b"\x89PNG\r\n\x1a\n", file_of(BLUE)[:80]])
def test_what_is_no_picture_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(UnreadablePictureError):
        opened(data)


def test_a_picture_that_would_fill_the_memory_is_refused() -> None:
    with pytest.raises(UnreadablePictureError):
        opened(png_of(20_000, 20_000))
