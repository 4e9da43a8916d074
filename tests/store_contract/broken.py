"""Stores with one thing wrong, each, and how a test of the contract is run on them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import cast

from aivideo_async.core import lifecycle
from aivideo_async.core.errors import EventsLostError
from aivideo_async.core.models import TaskRecord, moment
from aivideo_async.stores.base import Delivery, Put, Query, Store
from aivideo_async.stores.memory import MemoryStore
from tests.doubles import ManualClock


class OneStore:
    """An engine whose every connection is one memory store."""

    def __init__(self, kind: type[MemoryStore]) -> None:
        self.clock = ManualClock()
        self.store = kind(clock=self.clock)

    def connect(self) -> AbstractAsyncContextManager[Store]:
        return self.store

    def now(self) -> float:
        return self.clock()

    async def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)


def run(test: object, kind: type[MemoryStore] = MemoryStore, **given: object) -> None:
    """Run one test of the contract, as pytest would."""
    cast("Callable[..., None]", test)(engine=OneStore(kind), **given)


class Overwriting(MemoryStore):
    """What is put replaces what was there."""

    async def put(self, record: TaskRecord, /) -> Put:
        self._records.pop(record.id, None)
        return await super().put(record)


class KeyBlind(MemoryStore):
    """A key is nobody's."""

    def _other_holder(self, record: TaskRecord) -> TaskRecord | None:
        return None


class Racing(MemoryStore):
    """Looks for what is due, and only then takes it: two claimers may have one task."""

    async def claim(self, origin: str, limit: int, lease: float, /) -> Sequence[TaskRecord]:
        now = moment(self._clock())
        records = [record async for record in self.scan(Query(origin=origin))]
        due = [r for r in records if lifecycle.claimable(r) and r.next_check is not None and r.next_check <= now]
        await asyncio.sleep(0)
        for record in due[:limit]:
            await self.due(record.id, lease)
        return due[:limit]


class Leaking(MemoryStore):
    """What was claimed once is never due again."""

    async def claim(self, origin: str, limit: int, lease: float, /) -> Sequence[TaskRecord]:
        return await super().claim(origin, limit, 1e9)


class Silent(MemoryStore):
    """Never hints."""

    @asynccontextmanager
    async def changes(self) -> AsyncGenerator[AsyncIterator[frozenset[str]]]:
        async with super().changes() as changes:
            self._subscriptions.clear()
            yield changes


class Generous(MemoryStore):
    """Gives every ending to every consumer, over and over."""

    async def events(self, group: str, /) -> AsyncIterator[Delivery]:
        async for delivery in super().events(group):
            yield delivery
            self._feed.acknowledge(group, 0)
            self._feed._groups[group].next = 0


class OutOfOrder(MemoryStore):
    """Scans the oldest first."""

    async def scan(self, query: Query, /) -> AsyncIterator[TaskRecord]:
        for record in reversed([record async for record in super().scan(query)]):
            yield record


class Sweeping(MemoryStore):
    """Forgets what has not ended, too."""

    async def prune(self, before: datetime, /) -> int:
        self._records.clear()
        return await super().prune(before)


class ForgetfulAfterClosing(MemoryStore):
    """Says that it lasts, and loses everything when it is closed."""

    @property
    def durable(self) -> bool:
        return True

    async def __aexit__(self, *exc_info: object) -> None:
        await super().__aexit__(*exc_info)
        self._records.clear()


class Doubting(MemoryStore):
    """Says that it has stored what it has not."""

    async def put(self, record: TaskRecord, /) -> Put:
        return Put(record, changed=True, won=record.status in lifecycle.ENDED)


class Stale(MemoryStore):
    """Reads what was there at first."""

    async def get(self, ids: Collection[str], /) -> Mapping[str, TaskRecord]:
        found = await super().get(ids)
        return {name: record for name, record in found.items() if record.status not in lifecycle.ENDED}


class Hushed(MemoryStore):
    """Says nothing of the endings that a group has missed."""

    async def events(self, group: str, /) -> AsyncIterator[Delivery]:
        while True:
            with contextlib.suppress(EventsLostError):
                async for delivery in super().events(group):
                    yield delivery
