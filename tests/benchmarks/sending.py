"""Creates in flight: what every contender of the submit rows has in common."""

from __future__ import annotations

import asyncio
import gc
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

PROMPT = "A realistic handheld shot of a city cafe at sunrise, people walk by, steam rises from a cup"
CALLBACK_URL = "http://127.0.0.1:9/webhooks/aivideo"
API_KEY = "sk-of-the-benchmarks"
MOST_IN_FLIGHT = 500
ENOUGH = 20
"""So many creates make a rate; a round with fewer goes on for up to four times as long."""


@dataclass(frozen=True, slots=True)
class Pace:
    """So many operations within so many seconds, the CPU seconds that this process used meanwhile, what failed."""

    count: int
    seconds: float
    cpu: float
    failures: tuple[str, ...] = ()


class Sending(ABC):
    """One contender: ``create`` creates one task."""

    may_fail = False
    """Whether a create that raises is counted, and one fewer is in flight from then on; else it ends the run."""

    def __init__(self) -> None:
        self._held: list[object] = []
        self._failures: list[str] = []

    @abstractmethod
    async def create(self) -> object:
        """Create one task and give what its user would hold on to."""

    async def run(self, in_flight: int, seconds: float, warm_up: float) -> Pace:
        """Keep so many creates in flight, and count those that succeed within ``seconds`` after the warm-up.

        The warm-up lasts until as many creates have ended as are in flight, but at most ``warm_up`` seconds; what is
        still in flight at the end has two seconds.
        """
        self._failures.clear()
        stop = asyncio.Event()
        workers = [asyncio.create_task(self._work(stop)) for _ in range(in_flight)]
        try:
            await self._until(len(self._held) + in_flight, workers, warm_up)
            gc.collect()
            held, cpu, began = len(self._held), time.process_time(), time.perf_counter()
            await asyncio.wait(workers, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
            await self._until(held + ENOUGH, workers, seconds * 3)
            return Pace(
                len(self._held) - held,
                time.perf_counter() - began,
                time.process_time() - cpu,
                tuple(self._failures),
            )
        finally:
            stop.set()
            await asyncio.wait(workers, timeout=2.0)
            for worker in workers:
                worker.cancel()
            for end in await asyncio.gather(*workers, return_exceptions=True):
                if isinstance(end, Exception):
                    raise end

    async def _until(self, held: int, workers: Sequence[asyncio.Task[None]], within: float) -> None:
        until = time.perf_counter() + within
        while len(self._held) < held and time.perf_counter() < until and not any(one.done() for one in workers):
            await asyncio.sleep(0.01)

    async def _work(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                self._held.append(await self.create())
            except Exception as error:
                if not self.may_fail:
                    raise
                self._failures.append(type(error).__name__)
                return
