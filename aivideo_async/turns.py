"""How many callbacks are worked on at once, and how many wait (flow.md §4).

A 503 costs the sender three minutes, and three of them cost the callback: so most of a burst waits instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

AT_WORK = 64
WAITING = 2_048
LONGEST_WAIT = 10.0


class Turns:
    """64 at work, up to 2,048 more wait for at most 10 s (flow.md §4). Works in one loop after the other."""

    def __init__(self, *, at_work: int = AT_WORK, waiting: int = WAITING, longest_wait: float = LONGEST_WAIT) -> None:
        self._at_work = at_work
        self._most_waiting = waiting
        self._longest_wait = longest_wait
        self._loop: asyncio.AbstractEventLoop | None = None
        self._slots = asyncio.Semaphore(at_work)
        self._waiting = 0

    async def take(self) -> Callable[[], None]:
        """Take a turn; gives what ends it. Raises TimeoutError when none comes in time or too many wait already."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._slots, self._waiting = loop, asyncio.Semaphore(self._at_work), 0
        slots = self._slots
        if slots.locked():
            await self._wait(slots)
        else:
            await slots.acquire()
        return slots.release

    async def _wait(self, slots: asyncio.Semaphore) -> None:
        if self._waiting >= self._most_waiting:
            raise TimeoutError
        self._waiting += 1
        try:
            async with asyncio.timeout(self._longest_wait):
                await slots.acquire()
        finally:
            self._waiting -= 1
