"""The sender's side of a callback: what it signs, as bytes on the wire, and how it is answered."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aivideo_async.core.signing import HmacKey, RawHeaders, sign
from aivideo_async.core.tokens import CallbackKeys

KEY = "k" * 32
SECRET_BYTES = bytes(range(32))
SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
PATH = "/webhooks/aivideo"


@dataclass(frozen=True, slots=True)
class Callback:
    """One delivery: its target, its headers as raw pairs, its body."""

    target: str
    headers: RawHeaders
    body: bytes

    def raw(self, *lines: bytes, method: str = "POST", target: str | None = None, body: bytes | None = None) -> bytes:
        """The whole request, with more header ``lines``, or another method, target or body under this signature."""
        body = self.body if body is None else body
        head = [
            f"{method} {target or self.target} HTTP/1.1".encode(),
            b"Host: 127.0.0.1",
            b"Content-Length: %d" % len(body),
            *(b": ".join(pair) for pair in self.headers),
            *lines,
        ]
        return b"\r\n".join(head) + b"\r\n\r\n" + body


def completed(id: str, *, service_id: str | None = None, url: str | None = None) -> bytes:
    """The body that says that a task is done (api.md §4)."""
    service_id = service_id or f"svc-{id}"
    output = {"urls": [url or f"https://cdn.example.com/{service_id}.mp4"]}
    return json.dumps({"id": service_id, "status": "completed", "model": "sora-2", "output": output}).encode()


def callback(
    id: str, body: bytes | None = None, *, delivery: str | None = None, base: str = PATH, now: float | None = None
) -> Callback:
    """A valid callback for a task, signed at ``now`` (unix seconds)."""
    now = time.time() if now is None else now
    body = completed(id) if body is None else body
    signed = sign([HmacKey(SECRET_BYTES)], delivery_id=delivery or f"msg_{id}", timestamp=int(now), body=body)
    headers = [(b"Content-Type", b"application/json"), *((k.encode(), v.encode()) for k, v in signed.items())]
    return Callback(f"{base}/{id}/{CallbackKeys(KEY).mint(id, now=now)}", headers, body)


class Connection:
    """One connection to a server, in raw bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.head = b""
        self.body = b""

    async def send(self, raw: bytes) -> None:
        """Write, and wait until it is on its way."""
        self._writer.write(raw)
        await self._writer.drain()

    async def status(self) -> int:
        """The status of the next answer, which is read to its end."""
        self.head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = [line for line in self.head.split(b"\r\n") if line.startswith(b"content-length:")]
        if length:
            self.body = await self._reader.readexactly(int(length[0].partition(b":")[2]))
        elif b"transfer-encoding: chunked" in self.head:
            self.body = await self._reader.readuntil(b"0\r\n\r\n")
        return int(self.head.split(b" ")[1])

    async def asked(self, raw: bytes) -> int:
        """Send a whole request; the status of its answer."""
        await self.send(raw)
        return await self.status()

    async def ended(self) -> bytes:
        """What still comes until the server closes the connection."""
        with contextlib.suppress(ConnectionError):
            return await self._reader.read()
        return b""

    def read_nothing(self) -> None:
        """Leave on the wire whatever is answered."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]  # of a socket, so that it can be read

    def say_no_more(self) -> None:
        """Nothing more will be sent; answers may still come."""
        self._writer.write_eof()

    def hang_up(self) -> None:
        """Be gone, without a word."""
        self._writer.transport.abort()


@asynccontextmanager
async def connected(port: int, *, receives: int | None = None) -> AsyncGenerator[Connection]:
    """A connection to a port of this machine; the system keeps at most ``receives`` bytes or so of what is not read."""
    own = socket.socket()
    if receives is not None:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
    own.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(own, ("127.0.0.1", port))
    except BaseException:
        own.close()
        raise
    reader, writer = await asyncio.open_connection(sock=own)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def answers(port: int, process: asyncio.subprocess.Process | None = None) -> None:
    """Wait until something listens on a port of this machine; fails when the process that is to do so ends before."""
    while True:
        assert process is None or process.returncode is None
        with contextlib.suppress(OSError):
            async with connected(port):
                return
        await asyncio.sleep(0.02)


async def statuses(port: int, requests: Sequence[bytes], *, connections: int = 50) -> list[int]:
    """The status of every request's answer, over connections that are kept alive."""
    left = iter(enumerate(requests))
    found = [0] * len(requests)

    async def work() -> None:
        async with connected(port) as connection:
            for index, raw in left:
                found[index] = await connection.asked(raw)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(connections, len(requests))):
            group.create_task(work())
    return found
