"""What people write without callbacks: one loop per task that sleeps and asks, over bare aiohttp."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from tests.benchmarks.lean_server import Plan
from tests.benchmarks.peers import CREATE_PATH, HEADERS, create_body

CREATES_IN_FLIGHT = 100


@dataclass(frozen=True, slots=True)
class Polled:
    """What polling came to: mean seconds from a task's end until its loop knew, and how many never did in time."""

    cpu: float
    delay: float
    unfinished: int
    seconds: float


class Polling:
    """The tasks that one round created."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url, self._session = url, session
        self._ids: list[str] = []
        self._delays: list[float] = []

    async def create(self, count: int) -> float:
        """Create tasks; gives the CPU seconds."""
        cpu = time.process_time()
        self._ids.clear()
        self._delays.clear()
        left = iter(range(count))
        await asyncio.gather(*(self._create(left) for _ in range(CREATES_IN_FLIGHT)))
        return time.process_time() - cpu

    async def _create(self, left: Iterator[int]) -> None:
        for _ in left:
            async with self._session.post(self._url + CREATE_PATH, json=create_body()) as response:
                response.raise_for_status()
                self._ids.append((await response.json())["data"]["taskId"])

    async def poll(self, interval: float, plan: Plan, within: float) -> Polled:
        """Poll every task until it ends, at most ``within`` seconds after the plan begins."""
        await asyncio.sleep(plan.begins - time.monotonic())
        cpu = time.process_time()
        loops = [asyncio.create_task(self._follow(id, interval, plan)) for id in self._ids]
        _, pending = await asyncio.wait(loops, timeout=within)
        cpu, seconds = time.process_time() - cpu, time.monotonic() - plan.begins
        for loop in pending:
            loop.cancel()
        for end in await asyncio.gather(*loops, return_exceptions=True):
            if isinstance(end, Exception):
                raise end
        mean = sum(self._delays) / len(self._delays) if self._delays else float("nan")
        return Polled(cpu, mean, len(pending), seconds)

    async def _follow(self, id: str, interval: float, plan: Plan) -> None:
        url = f"{self._url}/v1/tasks/{id}"
        await asyncio.sleep(random.random() * interval)
        while True:
            async with self._session.get(url) as response:
                response.raise_for_status()
                task = await response.json()
            if task["status"] == "completed":
                self._delays.append(time.monotonic() - plan.ends(int(id[-12:], 16)))
                return
            await asyncio.sleep(interval)


@asynccontextmanager
async def polling(url: str) -> AsyncGenerator[Polling]:
    """With a session as people open it; a pool of 100 connections."""
    async with aiohttp.ClientSession(headers=HEADERS) as session:
        yield Polling(url, session)
