"""The fake server of every API here: a raw asyncio.Protocol with canned answers, so lean that it does not decide.

It parses what it must (where a request ends, its path), counts, and answers. It runs over uvloop where that is
installed; how busy it was is read from outside.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
LAST_CHUNK = b"0\r\n\r\n"
TASKS = b"/v1/tasks/"
HOOK = b"/hook"
ID = "00000000-0000-4000-8000-{:012x}"
NUMBER = b"%012x"
CREATED_AT = 1_790_000_000
RESULT = (
    "https://results.example.com/videos/{id}.mp4?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260921T120000Z"
    "&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=" + "5d" * 32
)


def completed(service_id: str) -> bytes:
    """The completed task as the service writes it, in answers and in callbacks: about 600 bytes."""
    task = {
        "id": service_id,
        "status": "completed",
        "model": "sora-2",
        "created_at": CREATED_AT,
        "completed_at": CREATED_AT + 300,
        "output": {
            "urls": [RESULT.format(id=service_id)],
            "metadata": {"ratio": "16:9", "duration": 8, "resolution": "720p", "framespersecond": 24, "seed": 77},
        },
    }
    return json.dumps(task, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Plan:
    """When the tasks from number ``first`` on end: one after another within ``over`` seconds from ``begins`` on."""

    first: int
    count: int
    begins: float
    over: float

    def ends(self, number: int) -> float:
        """The moment, on the monotonic clock that all processes of a machine share."""
        return self.begins + (number - self.first) * self.over / self.count


class LeanServer:
    """What the connections share. ``port`` is where it listens."""

    def __init__(self) -> None:
        self._port = 0
        self._number = 0
        self._creates = 0
        self._gets = 0
        self._hooks = 0
        self._last_hook = 0.0
        self._plan: Plan | None = None
        self._ended = _template(completed(ID.format(0)))
        running = {"id": ID.format(0), "status": "processing", "model": "sora-2", "created_at": CREATED_AT}
        self._running = _template(json.dumps({**running, "progress": None}, separators=(",", ":")).encode())
        self._creating = {path: _template(json.dumps(body).encode(), status) for path, status, body in _creates()}
        self._taken = _answer(b"ok")
        self._unknown = _answer(b"{}", b"404 Not Found")

    async def address(self) -> str:
        """``http://127.0.0.1:<port>``."""
        return f"http://127.0.0.1:{self._port}"

    async def counts(self) -> tuple[int, int]:
        """How many creates and how many GETs it has answered so far."""
        return self._creates, self._gets

    async def next_number(self) -> int:
        """The number in the id of the next task."""
        return self._number

    async def plan(self, plan: Plan | None) -> None:
        """Have tasks end by a plan; without one each has ended when it is asked for."""
        self._plan = plan

    async def hooks(self) -> tuple[int, float]:
        """How many callbacks came to ``/hook``, and when the last one did on the monotonic clock."""
        return self._hooks, self._last_hook

    async def expect_hooks(self, count: int, within: float) -> tuple[int, float]:
        """As ``hooks``, once there are ``count`` of them, or ``within`` seconds from now."""
        until = time.monotonic() + within
        while self._hooks < count and time.monotonic() < until:
            await asyncio.sleep(0.005)
        return self._hooks, self._last_hook

    def listens(self, port: int) -> None:
        """Say where."""
        self._port = port

    def answer(self, path: bytes) -> bytes:
        """The whole answer to a whole request."""
        make = self._creating.get(path.partition(b"?")[0])
        if make is not None:
            number, self._number = self._number, self._number + 1
            self._creates += 1
            return make(NUMBER % number)
        if path.startswith(TASKS):
            self._gets += 1
            return self._task(path[-12:])
        if path.startswith(HOOK):
            self._hooks += 1
            self._last_hook = time.monotonic()
            return self._taken
        return self._unknown

    def _task(self, number: bytes) -> bytes:
        plan = self._plan
        if plan is not None and time.monotonic() < plan.ends(int(number, 16)):
            return self._running(number)
        return self._ended(number)


class _Connection(asyncio.Protocol):
    def __init__(self, server: LeanServer) -> None:
        self._server = server
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        answers: list[bytes] = []
        while (end := whole(data)) is not None:
            answers.append(self._server.answer(data.split(b" ", 2)[1]))
            data = data[end:]
        self._rest = data
        if answers and self._transport is not None:
            self._transport.write(b"".join(answers))


def whole(data: bytes) -> int | None:
    """Where the first message in ``data`` ends; ``None`` while it has not."""
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return None
    found = LENGTH.search(data, 0, head)
    if found is not None:
        end = head + 4 + int(found[1])
        return end if len(data) >= end else None
    if CHUNKED.search(data, 0, head) is None:
        return head + 4
    last = data.find(LAST_CHUNK, head + 2)
    return None if last < 0 else last + len(LAST_CHUNK)


def _answer(body: bytes, status: bytes = b"200 OK") -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % (status, len(body)) + body


def _template(body: bytes, status: bytes = b"200 OK") -> Callable[[bytes], bytes]:
    """Answers with a body in which the number of task 0 gives way to another of the same length."""
    parts = _answer(body, status).split(NUMBER % 0)
    return lambda number: number.join(parts)


def _creates() -> list[tuple[bytes, bytes, dict[str, object]]]:
    """Path, status and body of what each API answers to a create, for task 0."""
    id = ID.format(0)
    here = f"https://queue.example.com/requests/{id}"
    video = {
        "id": id, "object": "video", "created_at": CREATED_AT, "status": "queued", "model": "sora-2", "progress": 0,
        "seconds": "8", "size": "1280x720",
    }  # fmt: skip
    queued = {
        "status": "IN_QUEUE", "request_id": id, "response_url": here, "status_url": f"{here}/status",
        "cancel_url": f"{here}/cancel", "queue_position": 0,
    }  # fmt: skip
    prediction = {
        "id": id, "model": "openai/sora-2", "version": "hidden", "input": {"prompt": "x", "seconds": 8}, "logs": "",
        "output": None, "error": None, "status": "starting", "created_at": "2026-09-21T12:00:00.000Z",
        "urls": {"cancel": f"{here}/cancel", "get": here},
    }  # fmt: skip
    return [
        (b"/v1/videos/generations", b"200 OK", {"code": 200, "msg": "success", "data": {"taskId": id}}),
        (b"/v1/videos", b"200 OK", dict(video)),
        (b"/fal-ai/sora-2/text-to-video", b"200 OK", dict(queued)),
        (b"/v1/models/openai/sora-2/predictions", b"201 Created", dict(prediction)),
    ]


@asynccontextmanager
async def lean_server() -> AsyncGenerator[LeanServer]:
    """Host the server on a free loopback port."""
    server = LeanServer()
    listening = await asyncio.get_running_loop().create_server(
        lambda: _Connection(server), "127.0.0.1", 0, backlog=2048
    )
    server.listens(cast("int", listening.sockets[0].getsockname()[1]))
    try:
        yield server
    finally:
        listening.close()
