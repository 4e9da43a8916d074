"""What a picture is, judged by its bytes and never by its name: type and dimensions, within the limits of api.md §2.

Only the head of a file is read, and nothing is decoded: what a decoder would make of the rest is the service's affair.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aivideo_async.core.errors import InvalidRequestError

LARGEST = 30 * 10**6
"""Bytes."""
SIDES = (300, 6000)
"""Pixels of a side, at least and at most."""
RATIOS = (0.4, 2.5)
"""Width to height, at least and at most."""

_NO_SIZE_MARKERS = frozenset({0x01, *range(0xD0, 0xDA)})
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TIFF_TYPES = {3: "H", 4: "I"}
_TIFF_ENTRIES = 64


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What the bytes are; ``suffix`` is without a dot, ``width`` and ``height`` in pixels."""

    suffix: str
    width: int
    height: int

    @property
    def media_type(self) -> str:
        """``image/jpeg``, ``image/png``, …"""
        return MEDIA_TYPES[self.suffix]


MEDIA_TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "bmp": "image/bmp",
    "tiff": "image/tiff",
    "gif": "image/gif",
}


def facts_of(data: bytes) -> PictureFacts:
    """What a picture is. Raises InvalidRequestError for what the service would not take: type, size, sides, ratio."""
    if len(data) > LARGEST:
        raise InvalidRequestError(f"it has {len(data):,} bytes, and the service takes {LARGEST:,} at most")
    try:
        suffix, size = next(((suffix, read(data)) for suffix, starts, read in _FORMATS if starts(data)), ("", None))
    except (struct.error, IndexError):
        suffix, size = "", None
    if size is None:
        raise InvalidRequestError("it is no whole JPEG, PNG, WebP, BMP, TIFF or GIF")
    width, height = size
    if not all(SIDES[0] <= side <= SIDES[1] for side in size):
        raise InvalidRequestError(f"it is {width}×{height}, and a side has {SIDES[0]} to {SIDES[1]} pixels")
    if not RATIOS[0] <= width / height <= RATIOS[1]:
        raise InvalidRequestError(f"it is {width}×{height}, and width to height is {RATIOS[0]} to {RATIOS[1]}")
    return PictureFacts(suffix, width, height)


Size = tuple[int, int]


def _png(data: bytes) -> Size | None:
    return struct.unpack_from(">II", data, 16) if data[12:16] == b"IHDR" else None


def _gif(data: bytes) -> Size:
    return struct.unpack_from("<HH", data, 6)


def _bmp(data: bytes) -> Size:
    if struct.unpack_from("<I", data, 14)[0] == 12:
        return struct.unpack_from("<HH", data, 18)
    width, height = struct.unpack_from("<ii", data, 18)
    return width, abs(height)  # a negative one counts its rows from the top


def _webp(data: bytes) -> Size | None:
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    return None


def _jpeg(data: bytes) -> Size | None:
    at = 2
    while at < len(data) - 1:
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
        elif marker in _FRAME_MARKERS:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        elif marker in _NO_SIZE_MARKERS:
            at += 2
        else:
            at += 2 + max(2, struct.unpack_from(">H", data, at + 2)[0])
    return None


def _tiff(data: bytes) -> Size | None:
    found = dict(_tiff_fields(data))
    return None if 256 not in found or 257 not in found else (found[256], found[257])


def _tiff_fields(data: bytes) -> Iterator[tuple[int, int]]:
    """Tag and value of the first directory's entries that are one whole number."""
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, at)
    for entry in range(at + 2, at + 2 + 12 * min(count, _TIFF_ENTRIES), 12):
        tag, kind = struct.unpack_from(f"{order}HH", data, entry)
        if kind in _TIFF_TYPES:
            yield tag, struct.unpack_from(order + _TIFF_TYPES[kind], data, entry + 8)[0]


def _starting(*starts: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(starts)


_FORMATS: tuple[tuple[str, Callable[[bytes], bool], Callable[[bytes], Size | None]], ...] = (
    ("jpg", _starting(b"\xff\xd8\xff"), _jpeg),
    ("png", _starting(b"\x89PNG\r\n\x1a\n"), _png),
    ("gif", _starting(b"GIF87a", b"GIF89a"), _gif),
    ("bmp", _starting(b"BM"), _bmp),
    ("tiff", _starting(b"II*\0", b"MM\0*"), _tiff),
    ("webp", lambda data: data.startswith(b"RIFF") and data[8:12] == b"WEBP", _webp),
)
