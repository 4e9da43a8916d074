from __future__ import annotations

import asyncio

import pytest

from aivideo_async.core.errors import APIConnectionError, ClientClosedError, InvalidRequestError
from aivideo_async.posting import ANSWER_LIMIT, Poster
from tests.loopback import answering, http, refused_port, serving, silent

HEADERS = [
    (b"Host", b"elsewhere"),
    (b"Content-Length", b"999"),
    (b"webhook-id", b"msg_1"),
    (b"X-Twice", b"1"),
    (b"X-Twice", b"2"),
    (b"X-Name", "é".encode()),
]


async def test_bytes_and_headers_arrive_as_they_were_without_those_of_one_connection() -> None:
    seen: list[bytes] = []
    async with serving(answering(http(202, b"taken", "X-Answer: yes"), seen=seen)) as url, Poster(within=5) as poster:
        answer = await poster.send(f"{url}/a%2Fb?c=%7B", HEADERS, b"\x00\xff")
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert (answer.status, answer.body, answer.header("x-answer"), answer.header("none")) == (
        202,
        b"taken",
        "yes",
        None,
    )
    assert (head.split(b"\r\n")[0], body) == (b"POST /a%2Fb?c=%7B HTTP/1.1", b"\x00\xff")
    lines = head.split(b"\r\n")[1:]
    assert [line for line in lines if line.startswith((b"webhook", b"X-"))] == [
        b"webhook-id: msg_1",
        b"X-Twice: 1",
        b"X-Twice: 2",
        "X-Name: é".encode(),
    ]
    assert b"Content-Length: 2" in lines
    assert b"Content-Type" not in head
    assert b"Authorization" not in head


async def test_a_redirect_is_an_answer() -> None:
    async with serving(answering(http(307, b"", "Location: http://127.0.0.1:1/"))) as url, Poster(within=5) as poster:
        assert (await poster.send(url, [], b"")).status == 307


async def test_only_the_beginning_of_a_long_answer_is_read() -> None:
    async with serving(answering(http(200, b"x" * (ANSWER_LIMIT * 4)))) as url, Poster(within=5) as poster:
        assert len((await poster.send(url, [], b"")).body) == ANSWER_LIMIT


async def test_no_answer_is_an_error_of_ours_that_shows_no_path() -> None:
    async with Poster(within=5) as poster:
        with pytest.raises(APIConnectionError, match="no connection") as failed:
            await poster.send(f"http://127.0.0.1:{refused_port()}/av_1/token", [], b"")
    assert "token" not in repr(failed.value) + str(failed.value)
    assert failed.value.__cause__ is None


async def test_who_never_answers_is_given_up() -> None:
    async with serving(silent) as url, Poster(within=0.05) as poster:
        with pytest.raises(APIConnectionError, match="in time"):
            await poster.send(url, [], b"")


async def test_what_is_no_url_is_refused_and_a_closed_poster_sends_nothing() -> None:
    async with Poster(within=5) as poster:
        with pytest.raises(InvalidRequestError):
            await poster.send("file:///etc/passwd", [], b"")
    with pytest.raises(ClientClosedError):
        await poster.send("http://127.0.0.1/", [], b"")


async def test_cancelling_it_ends_it() -> None:
    async with serving(silent) as url, Poster(within=60) as poster:
        sending = asyncio.ensure_future(poster.send(url, [], b""))
        await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
