from __future__ import annotations

import io
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aivideo_async.core.errors import InvalidRequestError
from aivideo_async.core.pictures import LARGEST, PictureFacts, facts_of

NO_MARKER = b"\xff\xd8\xff\xe0\x00\x02no marker"
FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "bmp": "BMP", "tiff": "TIFF", "gif": "GIF"}


def drawn(kind: str, width: int = 640, height: int = 360, **how: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, kind, **how)
    return file.getvalue()


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_picture_is_known_by_its_bytes(suffix: str) -> None:
    facts = facts_of(drawn(FORMATS[suffix]))
    assert facts == PictureFacts(suffix, 640, 360)
    assert facts.media_type == f"image/{'jpeg' if suffix == 'jpg' else suffix}"


def test_the_other_ways_of_writing_the_same_are_known_too() -> None:
    lossless, progressive = drawn("WEBP", lossless=True), drawn("JPEG", progressive=True, comment=b"x" * 300)
    transparent = io.BytesIO()
    Image.new("RGBA", (640, 360), (0, 0, 0, 9)).save(transparent, "WEBP", exif=b"Exif\0\0" + bytes(20))
    for data in (lossless, progressive, transparent.getvalue()):
        assert (facts_of(data).width, facts_of(data).height) == (640, 360)


def test_old_bitmaps_and_motorolas_tiff_are_known() -> None:
    core = b"BM" + bytes(12) + struct.pack("<IHH", 12, 640, 360)
    upside = b"BM" + bytes(12) + struct.pack("<Iii", 40, 640, -360)
    entries = struct.pack(">HHIHH", 256, 3, 1, 640, 0) + struct.pack(">HHII", 257, 4, 1, 360)
    tiff = b"MM\0*" + struct.pack(">IH", 8, 2) + entries
    assert [facts_of(data).height for data in (core, upside, tiff)] == [360, 360, 360]


def test_what_may_stand_before_the_size_is_passed_over() -> None:
    frame = b"\xff\xc2" + struct.pack(">HBHH", 11, 8, 360, 640)
    jpeg = b"\xff\xd8\xff\xe0\x00\x02" + b"\xff\xff\x01" + frame
    entries = struct.pack("<HHIHH", 256, 3, 1, 640, 0) + struct.pack("<HHII", 258, 5, 1, 8)
    tiff = b"II*\0" + struct.pack("<IH", 8, 3) + entries + struct.pack("<HHIHH", 257, 3, 1, 360, 0)
    assert [facts_of(data).width for data in (jpeg, tiff)] == [640, 640]


@pytest.mark.parametrize(
    ("width", "height", "words"),
    [
        (299, 400, "a side has 300 to 6000"),
        (6001, 3000, "a side has"),
        (300, 751, "width to height"),
        (2000, 700, "2.5"),
    ],
)
def test_what_the_service_would_not_take_is_refused(width: int, height: int, words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        facts_of(drawn("PNG", width, height))


def test_what_is_too_large_is_refused_unread() -> None:
    with pytest.raises(InvalidRequestError, match="30,000,000 at most"):
        facts_of(bytes(LARGEST + 1))


@pytest.mark.parametrize(
    "data", [b"", b"<svg/>", b"\xff\xd8\xff", b"BM", b"GIF89a", b"RIFF\0\0\0\0WEBPVP9 ", b"II*\0", NO_MARKER]
)
def test_what_is_no_whole_picture_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequestError, match="no whole JPEG"):
        facts_of(data)


@given(st.sampled_from(list(FORMATS.values())), st.data())
def test_nothing_but_a_refusal_comes_of_a_broken_one(kind: str, data: st.DataObject) -> None:
    whole = bytearray(drawn(kind, 300, 300)[: data.draw(st.integers(0, 400))])
    for at in data.draw(st.lists(st.integers(0, max(0, len(whole) - 1)), max_size=6)):
        whole[at : at + 1] = data.draw(st.binary(min_size=1, max_size=1))
    with suppress(InvalidRequestError):
        assert facts_of(bytes(whole)).media_type.startswith("image/")
