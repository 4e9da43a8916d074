from __future__ import annotations

import pytest

from aivideo_async.console.media import media, poster
from aivideo_async.console.music import Track
from aivideo_async.console.parts import Visit
from aivideo_async.console.store_source import StoreSource
from aivideo_async.stores import MemoryStore
from tests.console.asking import HOSTILE, a_line, a_visit

OWN = "http://127.0.0.1:8/files/"


def test_only_files_of_our_own_origin_are_loaded() -> None:
    line = a_line(files=("https://cdn.example/a.mp4", "javascript:alert(1)", f"{OWN}b.mp4"))
    shown = media(a_visit(), line)
    assert 'href="https://cdn.example/a.mp4" rel="noreferrer noopener"' in shown
    assert "javascript" not in shown
    assert '<video src="/files/b.mp4"' in shown


@pytest.mark.parametrize(("kind", "tag"), [("image", "<img"), ("music", "<figure"), ("video", "<video")])
def test_each_kind_has_its_element(kind: str, tag: str) -> None:
    assert media(a_visit(), a_line(kind=kind, files=(f"{OWN}b",))).startswith(tag)


@pytest.mark.parametrize(("kind", "tag"), [("image", "<img"), ("music", "<img"), ("video", "<video")])
def test_each_kind_has_one_poster(kind: str, tag: str) -> None:
    line = a_line(kind=kind, files=(f"{OWN}b", f"{OWN}c"), tracks=(Track(cover=f"{OWN}cover.jpg"),))
    shown = poster(a_visit(), line)
    assert shown.startswith(tag)
    assert shown.count("<") == len(f"<{tag[1:]}></video>".split("<")) - 1 if kind == "video" else shown.count("<") == 1


def test_music_has_titles_lengths_and_covers_of_our_own_origin() -> None:
    tracks = (Track(title=HOSTILE, cover=f"{OWN}1.jpg", seconds=125.0), Track(cover="https://cdn.example/2.jpg"))
    line = a_line(kind="music", prompt="rain", files=(f"{OWN}1.mp3", f"{OWN}2.mp3", f"{OWN}3.mp3"), tracks=tracks)
    shown = media(a_visit(), line)
    assert (shown.count("<figure"), shown.count("<audio"), shown.count("<img")) == (3, 3, 1)
    for text in ('src="/files/1.jpg"', "2 min 5 s", "&lt;script&gt;", "<bdi>rain</bdi>"):
        assert text in shown
    assert "cdn.example" not in shown
    assert "<script>" not in shown


async def test_where_nothing_is_of_our_own_origin_there_are_links() -> None:
    async with MemoryStore() as store:
        visit = Visit(source=StoreSource(store), base="", form_token="")
    line = a_line(kind="music", files=("https://cdn.example/1.mp3", "https://cdn.example/2.mp3"))
    assert media(visit, line).count("<a ") == 2
    assert poster(visit, line).count("<a ") == 1


def test_where_there_is_no_file_there_is_nothing() -> None:
    assert poster(a_visit(), a_line(files=())) == media(a_visit(), a_line(files=())) == ""
    assert poster(a_visit(), a_line(kind="music", files=(f"{OWN}b",))) == ""
