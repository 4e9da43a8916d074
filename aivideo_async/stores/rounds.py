"""What every store does in rounds, whatever its engine: page after page, ending after ending, until nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from aivideo_async.core.errors import EventsLostError
from aivideo_async.core.models import TaskRecord
from aivideo_async.stores.base import Delivery

D = TypeVar("D", bound=Delivery)

Page = Callable[[int | None], Awaitable[tuple[Sequence[TaskRecord], int | None]]]
"""The records below a place (``None``: the newest), and the place to go on below, ``None`` at the end."""


async def pages(page: Page, limit: int | None) -> AsyncGenerator[TaskRecord]:
    """At most ``limit`` records, page by page."""
    left = limit
    below: int | None = None
    while left is None or left > 0:
        records, below = await page(below)
        for record in records[:left]:
            yield record
        left = None if left is None else left - len(records)
        if below is None:
            return


async def deliveries(
    changes: AbstractAsyncContextManager[AsyncIterator[frozenset[str]]],
    take: Callable[[], Awaitable[D | EventsLostError | float]],
) -> AsyncGenerator[D]:
    """What ``take`` gives, one after the other; seconds are how long there may be nothing without a change."""
    async with changes as hints:
        while True:
            taken = await take()
            if isinstance(taken, EventsLostError):
                raise taken
            if not isinstance(taken, int | float):
                yield taken
                continue
            try:
                async with asyncio.timeout(taken):
                    await anext(hints)
            except TimeoutError:
                continue


async def until_none_is_left(forget: Callable[[], Awaitable[tuple[int, bool]]]) -> int:
    """Forget some at a time, as long as there may be more; how many it was."""
    forgotten, more = 0, True
    while more:
        some, more = await forget()
        forgotten += some
    return forgotten
