from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivideo_async.sandbox.shelf import Content, Shelf, ShelfError, byte_range

NOW = 1_790_000_000.5
BASE = "http://127.0.0.1:8"


def a_shelf(lifetime: int = 86_400) -> Shelf:
    return Shelf(b"secret", lifetime=lifetime, base_url=BASE)


def content(data: bytes) -> Content:
    return Content(data.hex() * 32, len(data))


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def failure(shelf: Shelf, url: str, now: float = NOW) -> tuple[int, str]:
    with pytest.raises(ShelfError) as caught:
        shelf.get(urlsplit(url).path, query_of(url), now)
    return caught.value.status, caught.value.code


def test_a_url_looks_presigned() -> None:
    query = query_of(a_shelf().put("name", "mp4", content(b"x"), NOW))
    assert (query["X-Amz-Expires"], len(query["X-Amz-Signature"])) == ("86400", 64)
    assert query["X-Amz-Date"] == "20260921T141320Z"


def test_a_url_gives_its_file() -> None:
    shelf = a_shelf()
    url = shelf.put("name", "png", content(b"x"), NOW)
    file = shelf.get("/files/name.png", query_of(url), NOW)
    assert (file.content, file.content_type, file.modified) == (content(b"x"), "image/png", NOW)
    assert file.etag == f'"{"78" * 16}"'


def test_a_url_dies_with_its_lifetime() -> None:
    shelf = a_shelf(60)
    url = shelf.put("name", "mp4", content(b"x"), NOW)
    assert shelf.behind(url, NOW + 59) == content(b"x")
    assert failure(shelf, url, NOW + 60) == (403, "AccessDenied")


def test_a_changed_url_is_refused() -> None:
    shelf = a_shelf()
    url = shelf.put("name", "mp4", content(b"x"), NOW)
    assert failure(shelf, url.replace("X-Amz-Expires=86400", "X-Amz-Expires=99999")) == (403, "SignatureDoesNotMatch")
    assert failure(shelf, url.partition("?")[0]) == (403, "SignatureDoesNotMatch")
    assert failure(shelf, url.replace("X-Amz-Signature=", "X-Amz-Signature=%C3%A9")) == (403, "SignatureDoesNotMatch")


def test_files_that_nobody_can_ask_for_are_dropped() -> None:
    shelf = a_shelf(60)
    old = shelf.put("old", "mp4", content(b"x"), NOW)
    shelf.put("new", "mp4", content(b"y"), NOW + 61)
    assert failure(shelf, old) == (404, "NoSuchKey")
    assert (shelf.dropped, list(shelf.contents())) == ([content(b"x").name], [content(b"y").name])


def test_only_our_own_urls_are_read() -> None:
    shelf = a_shelf()
    url = shelf.put("name", "mp4", content(b"x"), NOW)
    assert shelf.behind(url, NOW) == content(b"x")
    assert shelf.behind(url.replace(BASE, "http://sandbox:8"), NOW) == content(b"x")
    for other in (
        "https://cdn.example.com/files/name.mp4",
        "https://cdn.example.com/files/name.mp4?X-Amz-Signature=\ud800",
    ):
        assert shelf.behind(other, NOW) is None


def test_another_url_leads_to_the_same_host() -> None:
    shelf = a_shelf()
    url = shelf.put("name", "mp4", content(b"x"), NOW).replace(BASE, "http://sandbox:8")
    again = shelf.again(url, NOW)
    assert again.startswith("http://sandbox:8/files/name.mp4?")
    assert again != url


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-3", (0, 3)), ("bytes=4-", (4, 9)), ("bytes=-2", (8, 9)), ("bytes=-99", (0, 9)),
        ("bytes=9-99", (9, 9)),
        (None, None), ("", None), ("bytes=-", None), ("bytes=3-2", None), ("bytes=0-1,3-4", None), ("lines=0-1", None),
        ("bytes=" + "9" * 30 + "-", None),
    ],
)  # fmt: skip
def test_a_range_is_a_first_and_a_last_byte(header: str | None, span: tuple[int, int] | None) -> None:
    assert byte_range(header, 10) == span


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-12", "bytes=-0"])
def test_a_range_outside_of_the_file_cannot_be_satisfied(header: str) -> None:
    with pytest.raises(ShelfError) as caught:
        byte_range(header, 10)
    assert caught.value.status == 416


@given(st.text() | st.from_regex(r"bytes=\d*-\d*", fullmatch=True), st.integers(0, 50))
def test_whatever_the_range_it_stays_within_the_file(header: str, size: int) -> None:
    try:
        span = byte_range(header, size)
    except ShelfError:
        return
    assert span is None or 0 <= span[0] <= span[1] < size
