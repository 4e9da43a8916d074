"""Memory per pending awaited task, by the difference in resident memory (RSS) of a process of its own."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aivideo_async import Client, GenerationTask
from aivideo_async.catalog import Sora2
from aivideo_async.core.wire import HttpRequest, HttpResponse
from tests.benchmarks.contest import Effort, Spread
from tests.benchmarks.lean_server import ID
from tests.benchmarks.processes import Child, Crew
from tests.benchmarks.report import Figure, Measured, Target
from tests.benchmarks.sending import API_KEY, CALLBACK_URL, PROMPT

PAGE = os.sysconf("SC_PAGE_SIZE")
AT_ONCE = 200


class Growing(ABC):
    """One contender: its tasks pend until the process ends."""

    async def grow(self, count: int) -> tuple[float, float]:
        """Bytes per task: once they exist, and once somebody awaits each."""
        await self.exist(AT_ONCE)
        before = resident()
        await self.exist(count)
        existing = (resident() - before) / count
        await self.be_awaited(count)
        return existing, (resident() - before) / count

    @abstractmethod
    async def exist(self, count: int) -> None:
        """Have so many more."""

    @abstractmethod
    async def be_awaited(self, count: int) -> None:
        """Have the last so many awaited, each in an asyncio.Task."""


class Futures(Growing):
    """Bare futures in a dict."""

    def __init__(self) -> None:
        self._futures: dict[str, asyncio.Future[object]] = {}
        self._awaiters: list[asyncio.Task[object]] = []
        self._numbers = itertools.count()

    async def exist(self, count: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count):
            self._futures[ID.format(next(self._numbers))] = loop.create_future()

    async def be_awaited(self, count: int) -> None:
        last = list(self._futures.values())[-count:]
        self._awaiters += [asyncio.create_task(_wait(future)) for future in last]
        await asyncio.sleep(0)


async def _wait(future: asyncio.Future[object]) -> object:
    return await future


class Accepting:
    """A Transport that accepts every create, so that no socket's buffers are counted."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    async def send(self, request: HttpRequest, *, on_sent: Callable[[], None] | None = None) -> HttpResponse:
        if on_sent is not None:
            on_sent()
        id = ID.format(next(self._numbers))
        return HttpResponse(200, {}, f'{{"code":200,"msg":"success","data":{{"taskId":"{id}"}}}}'.encode())


class OurTasks(Growing):
    """Handles of a client over the memory store."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._tasks: list[GenerationTask] = []
        self._awaiters: list[asyncio.Task[object]] = []

    async def exist(self, count: int) -> None:
        for start in range(0, count, AT_ONCE):
            await asyncio.gather(*(self._one(start + n) for n in range(min(AT_ONCE, count - start))))

    async def _one(self, number: int) -> None:
        request = Sora2(prompt=f"{PROMPT} {number}", duration=8, size="1280x720")
        self._tasks.append(await self._client.submit(request))

    async def be_awaited(self, count: int) -> None:
        self._awaiters += [asyncio.create_task(task.wait()) for task in self._tasks[-count:]]
        while len(self._client.owner.waiters().awaited()) < count:
            await asyncio.sleep(0)

    async def end(self) -> None:
        """Cancel the awaiters, so that none meets a closed client."""
        for awaiter in self._awaiters:
            awaiter.cancel()
        await asyncio.gather(*self._awaiters, return_exceptions=True)


@asynccontextmanager
async def futures() -> AsyncGenerator[Growing]:
    """Host bare futures."""
    yield Futures()


@asynccontextmanager
async def our_tasks() -> AsyncGenerator[Growing]:
    """Host a client whose creates never leave the process."""
    client = Client(
        API_KEY,
        base_url="http://127.0.0.1:9",
        callback_url=CALLBACK_URL,
        transport=Accepting(),
        max_concurrency=AT_ONCE,
        close_timeout=0.1,
    )
    async with client:
        tasks = OurTasks(client)
        yield tasks
        await tasks.end()


def resident() -> int:
    """Bytes of this process in memory, after a collection."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def measure(effort: Effort) -> Measured:
    """100,000 pending in one process, once: nothing about it is noisy."""
    count = effort.pick(100_000, 1_000)
    with Crew() as crew:
        hosts: dict[str, Child[Growing]] = {
            "ours": crew.start("ours", our_tasks).ready(),
            "futures": crew.start("futures", futures).ready(),
        }
        grown = {name: child.ask(Growing.grow, count) for name, child in hosts.items()}
    (existing, ours), (future, awaited) = grown["ours"], grown["futures"]
    what = f"{count:,} pending awaited tasks, RSS per task"
    return Measured(
        [
            Figure(
                row="memory",
                what=what,
                against="(itself)",
                value=Spread.of([ours / 1024]),
                unit="KiB",
                target=Target("at most", 3.0),
                note=f"{existing / 1024:.2f} KiB before anybody awaits: handle, record, request, indexes, due queue",
            ),
            Figure(
                row="memory",
                what=f"{what}: times as much as",
                against="bare future in a dict",
                value=Spread.of([ours / future]),
                note=f"{future:,.0f} bytes, {awaited:,.0f} with an asyncio.Task that awaits it",
            ),
        ]
    )
