"""A store that misbehaves as told, over any other."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Self

from aivideo_async.core.errors import StoreError
from aivideo_async.core.models import TaskRecord
from aivideo_async.stores.base import Delivery, Put, Query, Store


class UnreliableStore:
    """Hands everything on to a store, except for what is ``down``: those methods raise StoreError.

    ``deaf`` subscriptions get no hints, and ``forgetful`` ones forget which ids they were about. ``gets`` is what was
    read, ``subscriptions`` how often somebody subscribed.
    """

    def __init__(self, inner: Store, *down: str, deaf: bool = False) -> None:
        self.inner: Store = inner
        self.down: set[str] = set(down)
        self.deaf: bool = deaf
        self.forgetful: bool = False
        self.gets: list[frozenset[str]] = []
        self.subscriptions: int = 0

    def _reach(self, name: str) -> None:
        if name in self.down:
            raise StoreError(f"{name}: the engine is away")

    @property
    def opened(self) -> bool:
        return self.inner.opened

    @property
    def durable(self) -> bool:
        return self.inner.durable

    async def __aenter__(self) -> Self:
        await self.inner.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.inner.__aexit__(*exc_info)

    async def put(self, record: TaskRecord, /) -> Put:
        self._reach("put")
        return await self.inner.put(record)

    async def get(self, ids: Collection[str], /) -> Mapping[str, TaskRecord]:
        self.gets.append(frozenset(ids))
        self._reach("get")
        return await self.inner.get(ids)

    def scan(self, query: Query, /) -> AsyncIterator[TaskRecord]:
        return self.inner.scan(query)

    async def claim(self, origin: str, limit: int, lease: float, /) -> Sequence[TaskRecord]:
        return await self.inner.claim(origin, limit, lease)

    async def due(self, id: str, delay: float, /) -> None:
        await self.inner.due(id, delay)

    @asynccontextmanager
    async def changes(self) -> AsyncGenerator[AsyncIterator[frozenset[str]]]:
        self.subscriptions += 1
        self._reach("changes")
        async with self.inner.changes() as changes:
            yield self._hints(changes)

    async def _hints(self, changes: AsyncIterator[frozenset[str]]) -> AsyncIterator[frozenset[str]]:
        async for ids in changes:
            self._reach("hints")
            if not self.deaf:
                yield frozenset() if self.forgetful else ids

    def events(self, group: str, /) -> AsyncIterator[Delivery]:
        return self.inner.events(group)

    async def prune(self, before: datetime, /) -> int:
        return await self.inner.prune(before)

    async def note(self, name: str, value: str | None = None, /) -> str | None:
        return await self.inner.note(name, value)
