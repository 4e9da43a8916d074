"""Sends prepared requests over keep-alive connections by a raw asyncio.Protocol: as fast as answered, or at a pace."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from tests.benchmarks.lean_server import whole

TICK = 0.001


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent: when the first left, when each did (monotonic seconds), and how often which status came back."""

    started: float
    at: Sequence[float]
    statuses: dict[int, int]


class Sender:
    """Holds what is to be sent next."""

    def __init__(self) -> None:
        self._requests: list[bytes] = []
        self._port = 0

    async def load(self, requests: list[bytes], port: int) -> None:
        """Take whole requests, to be sent to this port of this machine."""
        self._requests, self._port = requests, port

    async def send(self, connections: int, over: float | None = None, within: float = 120.0) -> Sent:
        """Send everything and wait for the answers, at most ``within`` seconds.

        Each connection sends its next request when the one before was answered; with ``over``, requests leave evenly
        within so many seconds, and wait for a free connection where there is none.
        """
        job = _Job(self._requests)
        loop = asyncio.get_running_loop()
        made = [
            await loop.create_connection(lambda: _Connection(job), "127.0.0.1", self._port) for _ in range(connections)
        ]
        job.started = time.monotonic()
        try:
            async with asyncio.timeout(within):
                if over is None:
                    job.release(len(self._requests))
                else:
                    await self._paced(job, over)
                await job.all_answered.wait()
        finally:
            for transport, _ in made:
                transport.close()
        return Sent(job.started, job.at, dict(job.statuses))

    async def _paced(self, job: _Job, over: float) -> None:
        count, released = len(self._requests), 0
        while released < count:
            due = min(count, int((time.monotonic() - job.started) / over * count) + 1)
            job.release(due - released)
            released = due
            await asyncio.sleep(TICK)


class _Job:
    """One sending: which request is next, which connections are free."""

    def __init__(self, requests: Sequence[bytes]) -> None:
        self._requests = requests
        self._next = 0
        self._allowed = 0
        self._idle: deque[Callable[[bytes], None]] = deque()
        self.started = 0.0
        self.at: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.all_answered = asyncio.Event()

    def release(self, count: int) -> None:
        """Let so many more requests go."""
        self._allowed += count
        while self._idle and self._next < self._allowed:
            self.go_on(self._idle.popleft())

    def go_on(self, write: Callable[[bytes], None]) -> None:
        """Send the next request by ``write``, or keep the connection until there is one."""
        if self._next >= self._allowed:
            self._idle.append(write)
            return
        request = self._requests[self._next]
        self._next += 1
        self.at.append(time.monotonic())
        write(request)

    def answered(self, status: int) -> None:
        """Count an answer."""
        self.statuses[status] += 1
        if self.statuses.total() == len(self._requests):
            self.all_answered.set()


class _Connection(asyncio.Protocol):
    def __init__(self, job: _Job) -> None:
        self._job = job
        self._rest = b""
        self._write: Callable[[bytes], None] = lambda _data: None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = cast("asyncio.Transport", transport).write
        self._job.go_on(self._write)

    def data_received(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        end = whole(data)
        self._rest = data if end is None else data[end:]
        if end is not None:
            self._job.answered(int(data[9:12]))
            self._job.go_on(self._write)


@asynccontextmanager
async def sender() -> AsyncGenerator[Sender]:
    """Host a sender."""
    yield Sender()
