from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest
from PIL import Image

from aivideo_async.core.errors import DownloadError
from aivideo_async.frames import write_last_frame, write_poster


def cached(name: str) -> bytes:
    return (resources.files("aivideo_async.sandbox") / "cached" / name).read_bytes()


def test_the_last_picture_of_a_clip_is_taken_and_the_same_each_time(tmp_path: Path) -> None:
    (tmp_path / "clip").write_bytes(cached("clip.mp4"))
    for name in ("one.png", "two.png"):
        write_last_frame(tmp_path / "clip", tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as picture:
        assert picture.format == "PNG"


def test_a_poster_is_a_small_picture_of_the_beginning(tmp_path: Path) -> None:
    (tmp_path / "clip").write_bytes(cached("clip.mp4"))
    write_poster(tmp_path / "clip", tmp_path / "x.jpg")
    with Image.open(tmp_path / "x.jpg") as picture:
        assert picture.format == "JPEG"


@pytest.mark.parametrize("data", [b"", b"no clip", cached("song.mp3")])
def test_what_is_no_clip_has_no_last_picture(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "clip").write_bytes(data)
    with pytest.raises(DownloadError, match="cannot be read"):
        write_last_frame(tmp_path / "clip", tmp_path / "x.png")


def test_a_clip_that_ends_before_its_first_picture_has_none(tmp_path: Path) -> None:
    whole = cached("clip.mp4")
    start = whole.index(b"mdat") + 4
    (tmp_path / "clip").write_bytes(whole[:start] + bytes(len(whole) - start))
    with pytest.raises(DownloadError):
        write_last_frame(tmp_path / "clip", tmp_path / "x.png")
