from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from aiohttp import StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import TransferEncodingError
from aiohttp.test_utils import make_mocked_request

from aivideo_async.asgi import Message
from aivideo_async.core.models import Reply
from aivideo_async.core.signing import RawHeaders
from aivideo_async.mounting import CUT_OFF, Accept, answer, asgi, listening, routes
from tests.asgi import AsgiServer

PATH = "/hooks/av_1/497223.secret"
LIMIT = 64
SLOW = Reply(408, (("Connection", "close"),), b"too slow\n")
REFUSED = Reply(404, (("Content-Type", "text/plain"),), b"not found\n")
TAKEN = Reply(200, (("Content-Type", "text/plain"),), b"ok\n")


class Door:
    """An endpoint that takes everything under one path and remembers it."""

    body_limit = LIMIT

    def __init__(self) -> None:
        self.admitted: list[tuple[str, str | bytes]] = []
        self.headers: RawHeaders = ()
        self.bodies: list[bytes] = []
        self.afterwards: list[int] = []

    def admit(self, method: str, raw_path: str | bytes, headers: RawHeaders) -> Reply | Accept:
        self.admitted.append((method, raw_path))
        self.headers = headers
        path = raw_path if isinstance(raw_path, str) else raw_path.decode()
        return self.accept if path.startswith(PATH) else REFUSED

    async def accept(self, body: bytes) -> Reply:
        self.bodies.append(body)
        return TAKEN if len(body) <= LIMIT else Reply(413, (("Connection", "close"),))

    def too_slow(self) -> Reply:
        return SLOW

    async def after(self, reply: Reply) -> None:
        self.afterwards.append(reply.status)


class Chunks:
    """A body in pieces that says how much of it was read; it waits for ever after ``stuck_after`` of them."""

    def __init__(self, *chunks: bytes, stuck_after: int | None = None) -> None:
        self.chunks = chunks
        self.stuck_after = stuck_after
        self.read = 0
        self.closed = False

    async def __call__(self) -> AsyncGenerator[bytes]:
        try:
            for chunk in self.chunks:
                if self.read == self.stuck_after:
                    await asyncio.Event().wait()
                self.read += 1
                yield chunk
        finally:
            self.closed = True


# Admit, read, accept


async def test_what_is_admitted_is_read_and_accepted() -> None:
    door = Door()
    assert await answer(door, "POST", PATH, [(b"a", b"b")], Chunks(b"{", b"", b"}")()) == TAKEN
    assert (door.admitted, door.headers, door.bodies) == ([("POST", PATH)], [(b"a", b"b")], [b"{}"])


async def test_what_is_refused_is_not_read() -> None:
    door, chunks = Door(), Chunks(b"{}")
    assert await answer(door, "POST", "/elsewhere", [], chunks()) == REFUSED
    assert (chunks.read, door.bodies) == (0, [])


async def test_no_more_is_read_than_shows_that_it_is_too_much() -> None:
    door, chunks = Door(), Chunks(*[b"x" * LIMIT] * 10)
    assert (await answer(door, "POST", PATH, [], chunks())).status == 413
    assert (chunks.read, chunks.closed) == (2, True)


async def test_a_body_at_the_limit_is_accepted() -> None:
    door = Door()
    assert await answer(door, "POST", PATH, [], Chunks(b"x" * LIMIT)()) == TAKEN


async def test_a_body_that_does_not_come_in_time_is_too_slow() -> None:
    door, chunks = Door(), Chunks(b"{", b"}", stuck_after=1)
    assert await answer(door, "POST", PATH, [], chunks(), body_within=0.01) == SLOW
    assert (chunks.closed, door.bodies) == (True, [])


async def test_a_cancelled_answer_stops_reading() -> None:
    chunks = Chunks(b"{}", stuck_after=0)
    answering = asyncio.create_task(answer(Door(), "POST", PATH, [], chunks()))
    await asyncio.sleep(0)
    answering.cancel()
    await asyncio.wait([answering])
    assert answering.cancelled()
    assert chunks.closed


# Over aiohttp


class Connection:
    """One connection to a server, in raw bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.head = b""

    async def send(self, *lines: str, body: bytes = b"", target: str = PATH, method: str = "POST") -> None:
        head = "\r\n".join([f"{method} {target} HTTP/1.1", "Host: example.com", *lines, "", ""])
        self.writer.write(head.encode() + body)
        await self.writer.drain()

    async def send_more(self, body: bytes) -> None:
        self.writer.write(body)
        await self.writer.drain()

    async def status(self) -> int:
        """The status of the answer, whose head and body are read."""
        self.head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        for line in self.head.split(b"\r\n"):
            if line.startswith(b"content-length:"):
                await self.reader.readexactly(int(line.partition(b":")[2]))
        return int(self.head.split(b" ")[1])

    def will_be_closed(self) -> bool:
        """Whether the last answer said so; what of the body is on its way is still taken off the sender's hands."""
        return b"\r\nconnection: close\r\n" in self.head


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


@asynccontextmanager
async def connected(door: Door, *, body_within: float = 5.0) -> AsyncGenerator[Connection]:
    async with listening(door, "127.0.0.1", 0, "/hooks/", body_within=body_within) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        try:
            async with asyncio.timeout(5):
                yield Connection(reader, writer)
        finally:
            await closed(writer)


def has_ipv6_loopback() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


@pytest.mark.parametrize(
    ("host", "shown"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("::", "[::1]")],  # noqa: S104 - the case
)
async def test_a_server_says_where_it_can_be_called(host: str, shown: str) -> None:
    if ":" in host and not has_ipv6_loopback():
        pytest.skip("this machine has no IPv6")
    async with listening(Door(), host, 0, "/hooks/") as server:
        assert server.url == f"http://{shown}:{server.port}/hooks"
        _, writer = await asyncio.open_connection(shown.strip("[]"), server.port)
        await closed(writer)
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection(shown.strip("[]"), server.port)


async def test_a_port_that_is_taken_is_an_error() -> None:
    async with listening(Door(), "127.0.0.1", 0, "/hooks") as server:
        with pytest.raises(OSError, match="in use"):
            async with listening(Door(), "127.0.0.1", server.port, "/hooks"):
                pass


async def test_a_request_comes_with_raw_path_and_raw_headers() -> None:
    door = Door()
    async with connected(door) as connection:
        await connection.send("X-Twice: a", "x-twice: b", "Content-Length: 2", body=b"{}", target=f"{PATH}?a=%2F")
        assert await connection.status() == 200
    assert (door.admitted, door.bodies) == ([("POST", f"{PATH}?a=%2F")], [b"{}"])
    assert [pair for pair in door.headers if pair[0].lower() == b"x-twice"] == [(b"X-Twice", b"a"), (b"x-twice", b"b")]


async def test_a_connection_serves_one_request_after_another() -> None:
    door = Door()
    async with connected(door) as connection:
        for _ in range(2):
            await connection.send("Content-Length: 2", body=b"{}")
            assert await connection.status() == 200
            assert not connection.will_be_closed()
    assert door.bodies == [b"{}", b"{}"]


async def test_the_rest_is_done_once_the_reply_is_out() -> None:
    released = asyncio.Event()

    class Busy(Door):
        """An endpoint that still has something to do afterwards."""

        async def after(self, reply: Reply) -> None:
            await released.wait()
            await super().after(reply)

    door = Busy()
    async with connected(door) as connection:
        await connection.send("Content-Length: 2", body=b"{}")
        assert await connection.status() == 200
        assert door.afterwards == []
        released.set()
    assert door.afterwards == [200]


async def test_the_rest_is_done_for_a_sender_that_has_hung_up(caplog: pytest.LogCaptureFixture) -> None:
    accepting, gone = asyncio.Event(), asyncio.Event()

    class Slow(Door):
        """An endpoint that takes its time over accepting."""

        async def accept(self, body: bytes) -> Reply:
            accepting.set()
            await gone.wait()
            return await super().accept(body)

    door = Slow()
    async with connected(door) as connection:
        await connection.send("Content-Length: 2", body=b"{}")
        await accepting.wait()
        connection.writer.transport.abort()
        for _ in range(5):
            await asyncio.sleep(0)
        gone.set()
    assert door.afterwards == [200]
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_refusal_comes_before_the_body_does() -> None:
    door = Door()
    async with connected(door) as connection:
        await connection.send("Content-Length: 50", target="/hooks/av_1/497223.wrong")
        assert await connection.status() == 404
    assert door.bodies == []


async def test_every_method_is_asked_about() -> None:
    door = Door()
    async with connected(door) as connection:
        await connection.send(target="/hooks/a/b", method="GET")
        assert await connection.status() == 404
    assert door.admitted == [("GET", "/hooks/a/b")]


@pytest.mark.parametrize("target", ["/hooks", "/hooks/av_1", "/hooks/av_1/token/more", "/other/av_1/token"])
async def test_other_paths_are_nobodys(target: str) -> None:
    door = Door()
    async with connected(door) as connection:
        await connection.send(target=target)
        assert await connection.status() == 404
    assert door.admitted == []


async def test_a_chunked_body_is_put_together() -> None:
    door = Door()
    async with connected(door) as connection:
        await connection.send("Transfer-Encoding: chunked", body=b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n")
        assert await connection.status() == 200
    assert door.bodies == [b"{}"]


async def test_a_chunked_body_without_an_end_is_cut_at_the_limit() -> None:
    door = Door()
    async with connected(door) as connection:
        await connection.send("Transfer-Encoding: chunked", body=b"40\r\n" + b"x" * 64 + b"\r\n")
        await connection.send_more(b"40\r\n" + b"x" * 64 + b"\r\n")
        assert await connection.status() == 413
        assert connection.will_be_closed()


async def test_a_connection_that_is_to_be_closed_is_closed() -> None:
    async with connected(Door()) as connection:
        await connection.send(f"Content-Length: {LIMIT + 1}", body=b"x" * (LIMIT + 1))
        assert await connection.status() == 413
        assert await connection.reader.read() == b""


async def test_an_encoded_body_is_not_decoded() -> None:
    door = Door()
    async with connected(door) as connection:
        await connection.send("Content-Encoding: gzip", "Content-Length: 4", body=b"\x1f\x8b{}")
        assert await connection.status() == 200
    assert door.bodies == [b"\x1f\x8b{}"]


async def test_a_slow_body_is_answered_and_the_connection_closed() -> None:
    door = Door()
    async with connected(door, body_within=0.02) as connection:
        await connection.send("Content-Length: 50", body=b"{")
        assert await connection.status() == 408
        assert connection.will_be_closed()
    assert door.bodies == []


async def test_a_body_that_is_cut_off_is_not_accepted_and_makes_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    door = Door()
    async with connected(door) as connection:
        await connection.send("Content-Length: 50", body=b"{}")
        while not door.admitted:
            await asyncio.sleep(0)
        connection.writer.close()
    assert door.bodies == []
    assert "cut off after" in caplog.text
    assert not [record for record in caplog.records if record.levelno > logging.INFO or record.exc_info]


async def test_chunks_that_are_none_are_a_body_that_is_cut_off() -> None:
    loop, door = asyncio.get_running_loop(), Door()
    content = StreamReader(BaseProtocol(loop), limit=1024, loop=loop)
    content.feed_data(b"{")
    content.set_exception(TransferEncodingError("ZZ"))
    (route,) = routes(door, "/hooks")
    assert inspect.isfunction(route.handler)
    response = await route.handler(make_mocked_request("POST", PATH, payload=content))
    assert isinstance(response, web.Response)
    assert (response.status, door.bodies) == (CUT_OFF.status, [])


@pytest.mark.parametrize(
    "garbage",
    [b"GARBAGE\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n" * 2],
)
async def test_what_is_no_http_makes_one_line_and_no_traceback(
    garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    door = Door()
    async with connected(door) as connection:
        await connection.send_more(garbage)
        assert await connection.status() == 400
    assert door.admitted == []
    assert not [record for record in caplog.records if record.levelno > logging.INFO or record.exc_info]


async def test_a_fault_of_our_own_keeps_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Door):
        """An endpoint with a mistake in it."""

        async def accept(self, body: bytes) -> Reply:
            raise ZeroDivisionError

    async with connected(Broken()) as connection:
        await connection.send("Content-Length: 2", body=b"{}")
        assert await connection.status() == 500
    assert [record.levelname for record in caplog.records if record.exc_info] == ["ERROR"]


async def test_the_access_log_names_the_template_and_never_the_path(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with connected(Door()) as connection:
        for target in (f"{PATH}?secret=1", "/elsewhere/secret"):
            await connection.send("Content-Length: 2", body=b"{}", target=target)
            await connection.status()
    lines = [record.getMessage() for record in caplog.records if record.name == "aivideo_async.mounting"]
    assert [line.rsplit(" ", 2)[0] for line in lines] == ["POST /hooks/{id}/{token} 200", "POST - 404"]
    assert "secret" not in caplog.text


# Over ASGI


def scope_of(**changes: object) -> Message:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": PATH,
        "raw_path": PATH.encode(),
        "headers": [(b"content-type", b"application/json")],
        **changes,
    }


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def over_asgi(door: Door, server: AsgiServer, body_within: float = 5.0, **changes: object) -> list[Message]:
    await asgi(door, scope_of(**changes), server.receive, server.send, body_within=body_within)
    return server.sent


async def test_asgi_works_without_a_lifespan() -> None:
    door = Door()
    start, body = await over_asgi(door, AsgiServer(part(b"{}")))
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"3")]
    assert start == {"type": "http.response.start", "status": 200, "headers": headers}
    assert body == {"type": "http.response.body", "body": b"ok\n"}
    assert (door.admitted, door.bodies, door.afterwards) == ([("POST", PATH.encode())], [b"{}"], [200])


async def test_asgi_puts_a_body_in_pieces_together() -> None:
    door = Door()
    await over_asgi(door, AsgiServer(part(b"{", more=True), {"type": "http.request", "more_body": True}, part(b"}")))
    assert door.bodies == [b"{}"]


async def test_asgi_refuses_before_the_body_is_received() -> None:
    server = AsgiServer(part(b"{}"))
    start, _ = await over_asgi(Door(), server, raw_path=b"/elsewhere")
    assert (start["status"], len(server.messages)) == (404, 1)


async def test_asgi_receives_no_more_than_shows_that_it_is_too_much() -> None:
    server = AsgiServer(*[part(b"x" * LIMIT, more=True) for _ in range(5)])
    start, _ = await over_asgi(Door(), server)
    assert (start["status"], len(server.messages)) == (413, 3)


async def test_asgi_answers_nobody_when_the_sender_is_gone() -> None:
    door = Door()
    assert await over_asgi(door, AsgiServer(part(b"{}", more=True), {"type": "http.disconnect"})) == []
    assert door.bodies == []


async def test_asgi_does_the_rest_for_a_sender_that_has_hung_up() -> None:
    class Gone(AsgiServer):
        """A server whose client is no longer there."""

        async def send(self, message: Message) -> None:
            raise OSError("disconnected")

    door = Door()
    assert await over_asgi(door, Gone(part(b"{}"))) == []
    assert door.afterwards == [200]


@pytest.mark.parametrize(("version", "closes"), [("1.0", True), ("1.1", True), ("2", False), ("3", False)])
async def test_asgi_closes_the_connection_where_the_protocol_has_such_a_header(version: str, closes: bool) -> None:
    start, _ = await over_asgi(Door(), AsgiServer(part(b"{", more=True)), body_within=0.01, http_version=version)
    headers = start["headers"]
    assert isinstance(headers, list)
    assert start["status"] == 408
    assert ((b"connection", b"close") in headers) is closes


@pytest.mark.parametrize(
    ("path", "seen"),
    [(PATH, PATH.encode()), (f"{PATH}?x", f"{PATH}%3Fx".encode()), (f"{PATH}\u20ac", f"{PATH}%E2%82%AC".encode())],
)
async def test_asgi_without_a_raw_path_quotes_the_decoded_one(path: str, seen: bytes) -> None:
    door = Door()
    await over_asgi(door, AsgiServer(part(b"{}")), raw_path=None, path=path)
    assert door.admitted == [("POST", seen)]


async def test_asgi_goes_along_with_a_lifespan() -> None:
    server = AsgiServer({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    sent = await over_asgi(Door(), server, type="lifespan")
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_asgi_closes_a_websocket() -> None:
    assert await over_asgi(Door(), AsgiServer(), type="websocket") == [{"type": "websocket.close"}]
