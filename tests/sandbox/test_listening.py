"""What is no HTTP, over raw sockets."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from aiohttp import web

from aivideo_async.sandbox.listening import bound, in_words, listening
from tests.sandbox.test_server import world

MALFORMED = {
    "unknown method": b"FOO /v1/credits HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no host": b"GET /v1/credits HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /v1/credits HTTP/1.1\r\nHost: localhost\r\nHost: other\r\n\r\n",
    "long URL": b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "long header": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
    "no header": b"GET / HTTP/1.1\r\nHost: localhost\r\nnone at all\r\n\r\n",
    "no URL": b"GET http://[/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    "no version": b"GET /v1/credits HTTP/9.9\r\nHost: localhost\r\n\r\n",
    "no length": b"POST /v1/videos/generations HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
    "no chunk": b"POST /v1/videos/generations HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "no gzip": b"POST /v1/videos/generations HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\n"
    b"Content-Length: 3\r\n\r\nxxx",
    "console without a host": b"GET /console/ HTTP/1.1\r\n\r\n",
}


async def asked(url: str, raw: bytes) -> tuple[bytes, bytes]:
    """Head and body of the answer to these bytes, after which the connection is closed."""
    reader, writer = await asyncio.open_connection(*url.rpartition("/")[2].split(":"))
    writer.write(raw)
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED)
async def test_what_is_malformed_is_refused_in_the_services_words(raw: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with world() as w:
        head, body = await asked(w.sandbox.base_url, raw)
        assert b" 400 " in head.split(b"\r\n")[0]
        assert b"application/json" in head
        error = json.loads(body)["error"]
        assert (error["code"], error["type"]) == ("invalid_request", "invalid_request_error")
        assert len(error["message"]) < 100
        assert [entry.status for entry in w.sandbox.requests] == [400]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_who_hangs_up_in_a_body_leaves_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async with world() as w:
        _, writer = await asyncio.open_connection(*w.sandbox.base_url.rpartition("/")[2].split(":"))
        writer.write(b"POST /v1/videos/generations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx")
        await writer.drain()
        writer.close()
        while not w.sandbox.requests:
            await asyncio.sleep(0)
        assert w.sandbox.requests[0].status is None
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_what_we_did_wrong_is_told_briefly_and_logged_in_full(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        raise RuntimeError(f"{request.path} broke")

    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half")
        raise RuntimeError("in the middle")

    def malformed(status: int, message: str) -> web.Response:
        return web.Response(status=status, text=message)

    app = web.Application()
    app.add_routes([web.get("/broken", broken), web.get("/half", half)])
    listener, url = bound("127.0.0.1", 0)
    async with listening(app, listener, malformed):
        head, body = await asked(url, b"GET /broken HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (head[9:12], body) == (b"500", b"The service failed to handle the request")
        _, body = await asked(url, b"GET /half HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert body == b"4\r\nhalf\r\n"
    assert ["/broken broke" in caplog.text, "in the middle" in caplog.text] == [True, True]


def test_what_failed_for_another_reason_is_nobodys_business() -> None:
    assert in_words(RuntimeError("secret")) == in_words(None) == "The service failed to handle the request"


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]")])  # noqa: S104
def test_a_socket_is_found_at_its_url(host: str, shown: str) -> None:
    listener, url = bound(host, 0)
    with listener:
        assert url == f"http://{shown}:{listener.getsockname()[1]}"
