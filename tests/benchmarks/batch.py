"""A batch of submits beside the bare loop of them: what counting, backpressure and waiting for each cost."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager

from aivideo_async import Batch, Client
from aivideo_async.catalog import Sora2
from tests.benchmarks import contest
from tests.benchmarks.contest import Effort, Sample
from tests.benchmarks.lean_server import LeanServer, lean_server
from tests.benchmarks.processes import Child, Crew, Load
from tests.benchmarks.report import Figure, Measured, Target
from tests.benchmarks.sending import API_KEY, CALLBACK_URL, PROMPT, Pace

IN_FLIGHT = 50
COUNT = 10_000
BATCH, LOOP = "batch", "bare submit loop"


class Submits:
    """So many submits, by a batch or in a loop, each with a client and a store of its own."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def run(self, way: str, count: int) -> Pace:
        """Submit ``count`` requests; a batch is there when all of its items are awaited."""
        client = Client(API_KEY, base_url=self._url, callback_url=CALLBACK_URL, max_concurrency=IN_FLIGHT)
        async with client:
            gc.collect()
            return await (_batch if way == BATCH else _loop)(client, count)


class _Watch:
    """Begins when it is made."""

    def __init__(self) -> None:
        self._cpu, self._began = time.process_time(), time.perf_counter()

    def pace(self, count: int) -> Pace:
        """So many since then."""
        return Pace(count, time.perf_counter() - self._began, time.process_time() - self._cpu)


async def _batch(client: Client, count: int) -> Pace:
    watch = _Watch()
    async with Batch(client, _requests(count), concurrency=count):
        while len(client.owner.waiters().awaited()) < count:
            await asyncio.sleep(0.005)
        return watch.pace(count)


async def _loop(client: Client, count: int) -> Pace:
    watch = _Watch()
    requests = _requests(count)

    async def work() -> list[object]:
        return [await client.submit(request) for request in requests]

    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    return watch.pace(count)


def _requests(count: int) -> Iterator[Sora2]:
    return (Sora2(prompt=PROMPT, duration=8, size="1280x720") for _ in range(count))


@asynccontextmanager
async def submits(url: str) -> AsyncGenerator[Submits]:
    """A contender in a process of its own."""
    yield Submits(url)


def measure(effort: Effort) -> Measured:
    """Both ways in processes of their own on one core, the server on the other."""
    count = effort.pick(COUNT, 200)
    with Crew() as crew:
        server = crew.start_other("lean server", lean_server)
        url = server.ask(LeanServer.address)
        hosts = {way: crew.start(way, submits, url) for way in (BATCH, LOOP)}
        runs = {way: _round(child.ready(), server, way, count) for way, child in hosts.items()}
        samples = contest.alternate(runs, effort.rounds)
    rates = [contest.Spread.of(contest.values(samples[way])).median for way in (BATCH, LOOP)]
    return Measured(
        [
            Figure(
                row="batch",
                what=f"a batch of {count:,} submits, {IN_FLIGHT} in flight",
                against=LOOP,
                value=contest.ratio(contest.values(samples[BATCH]), contest.values(samples[LOOP])),
                target=Target("at least", 0.9),
                cpu=contest.cpu_ratio(samples[BATCH], samples[LOOP]),
                busy=contest.busiest(samples),
                note=f"{rates[0]:,.0f} and {rates[1]:,.0f} creates/s",
            )
        ]
    )


def _round(child: Child[Submits], server: Child[LeanServer], way: str, count: int) -> Callable[[], Sample]:
    def run() -> Sample:
        load = Load([server])
        pace = child.ask(Submits.run, way, count)
        return Sample(value=pace.count / pace.seconds, cpu=pace.cpu / pace.count, busy=load.share())

    return run
