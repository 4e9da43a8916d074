from __future__ import annotations

import gzip
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType

import aiohttp
import pytest

from aivideo_async.core.wire import HttpRequest
from aivideo_async.exchange import Exchanger
from tests.loopback import Script, answering, http, serving

GET = HttpRequest("GET", "/v1/credits")
POST = HttpRequest("POST", "/v1/videos/generations", b'{"model":"sora-2"}')
NOTHING: Mapping[str, str] = MappingProxyType({})


@asynccontextmanager
async def exchanging(url: str, headers: Mapping[str, str] = NOTHING) -> AsyncGenerator[Exchanger]:
    async with aiohttp.TCPConnector() as connector:
        yield Exchanger(url, headers, connector, aiohttp.ClientTimeout(connect=5, sock_read=5))


def unheard() -> None:
    """Nobody asks when it left."""


async def test_a_request_is_written_as_http_says() -> None:
    seen: list[bytes] = []
    async with serving(answering(http(200), seen=seen)) as url, exchanging(url, {"Accept": "text/plain"}) as exchanger:
        await exchanger.exchange(POST, unheard)

    host = url.removeprefix("http://").encode()
    head, _, body = seen[0].partition(b"\r\n\r\n")
    line, *fields = head.split(b"\r\n")
    assert (line, body) == (b"POST /v1/videos/generations HTTP/1.1", POST.body)
    assert {b"Host: " + host, b"Accept: text/plain", b"Content-Length: 18"} <= {*fields}


async def test_a_get_has_no_body_and_no_length() -> None:
    seen: list[bytes] = []
    async with serving(answering(http(200), seen=seen)) as url, exchanging(url) as exchanger:
        await exchanger.exchange(GET, unheard)

    assert seen[0].endswith(b"\r\n\r\n")
    assert b"content-" not in seen[0].lower()


async def test_the_path_of_a_base_url_is_written_as_a_url_has_it() -> None:
    seen: list[bytes] = []
    async with serving(answering(http(200), seen=seen)) as url, exchanging(f"{url}/häuser und/") as exchanger:
        await exchanger.exchange(GET, unheard)

    assert seen[0].startswith(b"GET /h%C3%A4user%20und/v1/credits HTTP/1.1\r\n")


@pytest.mark.parametrize("path", ["/v1/x HTTP/1.1\r\nHost: elsewhere\r\n\r\n", "/v1/a b", "/v1/é"])
async def test_a_path_that_would_end_the_line_is_never_written(path: str) -> None:
    seen: list[bytes] = []
    async with serving(answering(http(200), seen=seen)) as url, exchanging(url) as exchanger:
        with pytest.raises(aiohttp.InvalidURL):
            await exchanger.exchange(HttpRequest("GET", path), unheard)

    assert seen == []


async def test_what_a_server_says_before_its_answer_is_skipped() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    async with serving(answering(early + http(200, b"{}"))) as url, exchanging(url) as exchanger:
        response = await exchanger.exchange(GET, unheard)

    assert (response.status, response.body) == (200, b"{}")


async def test_a_chunked_and_a_compressed_answer_come_whole() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    squeezed = http(200, gzip.compress(b"{}"), "Content-Encoding: gzip")
    async with serving(answering(chunked, squeezed)) as url, exchanging(url) as exchanger:
        assert (await exchanger.exchange(GET, unheard)).body == b"{}"
        assert (await exchanger.exchange(GET, unheard)).body == b"{}"


async def test_an_answer_that_ends_with_its_connection_comes_whole() -> None:
    async with serving(answering(b"HTTP/1.1 200 OK\r\n\r\n{}")) as url, exchanging(url) as exchanger:
        assert (await exchanger.exchange(GET, unheard)).body == b"{}"


async def test_a_connection_is_used_again_unless_the_server_closes_it() -> None:
    connections: list[Script] = []

    async def two_answers(reader: StreamReader, writer: StreamWriter) -> None:
        connections.append(two_answers)
        await answering(http(200), http(200, b"", "Connection: close"))(reader, writer)

    async with serving(two_answers) as url, exchanging(url) as exchanger:
        for _ in range(4):
            await exchanger.exchange(GET, unheard)

    assert len(connections) == 2


async def test_a_header_that_would_make_another_one_is_never_written() -> None:
    seen: list[bytes] = []
    async with serving(answering(http(200), seen=seen)) as url, exchanging(url) as exchanger:
        with pytest.raises(ValueError, match="line break"):
            await exchanger.exchange(HttpRequest("GET", "/v1/credits", headers={"X-Id": "1\r\nX-Admin: yes"}), unheard)

    assert seen == []
