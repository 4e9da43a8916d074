"""The durable store that all replicas share: one engine, and in each replica a way to it that may fail.

What a replica calls reaches the engine after a while and its answer comes after another while; the call may be lost on
the way there, and then nothing was stored, or on the way back, and then it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self, TypeVar

from aivideo_async.core.errors import StoreError
from aivideo_async.core.models import TaskRecord
from aivideo_async.stores.base import Delivery, Put, Query
from aivideo_async.stores.feeds import Subscription
from aivideo_async.stores.memory import MemoryStore
from tests.simulation.loop import WORLD, SimulatedLoop
from tests.simulation.weather import Sky

T = TypeVar("T")

ROOM = 100_000


@dataclass(frozen=True)
class Watcher:
    """Who looks at everything that happens in the engine."""

    stored: Callable[[TaskRecord, Put], None] = lambda _record, _put: None
    given: Callable[[str, TaskRecord], None] = lambda _group, _record: None
    acknowledged: Callable[[str, TaskRecord], None] = lambda _group, _record: None


class Engine:
    """What outlives every process. ``away`` names the replicas that cannot reach it now."""

    def __init__(
        self, loop: SimulatedLoop, sky: Sky, clock: Callable[[], float], inner: MemoryStore | None = None
    ) -> None:
        self.loop = loop
        self.sky = sky
        self.inner = inner or a_memory(clock)
        self.away: set[str] = set()
        self.watcher = Watcher()
        self.listening: dict[_Listening, None] = {}

    def put(self, record: TaskRecord, put: Put) -> Put:
        """Tell of what was put."""
        self.watcher.stored(record, put)
        if put.changed:
            for listening in tuple(self.listening):
                listening.hint(put.record.id)
        return put


def a_memory(clock: Callable[[], float]) -> MemoryStore:
    """A memory that forgets nothing within a run."""
    return MemoryStore(clock=clock, keep_ended=timedelta(days=365), keep_at_most=ROOM)


class _Listening:
    """One subscription of one replica; hints reach it late, twice, in another order or not at all."""

    def __init__(self, engine: Engine, owner: str) -> None:
        self._engine = engine
        self._owner = owner
        self._hints = Subscription(engine.loop)
        self._lost = False

    def hint(self, id: str) -> None:
        sky, loop = self._engine.sky, self._engine.loop
        if not loop.alive(self._owner):
            del self._engine.listening[self]
            return
        if sky.strikes(sky.weather.deaf):
            self.lose()
        if sky.strikes(sky.weather.hint_lost):
            return
        for _ in range(2 if sky.strikes(sky.weather.hint_doubled) else 1):
            loop.call_later(sky.latency(), self._hints.tell, id, loop, context=loop.context_of(WORLD))

    def lose(self) -> None:
        """The connection breaks."""
        self._lost = True
        self._hints.tell(None, self._engine.loop)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> frozenset[str]:
        ids = await anext(self._hints)
        if self._lost:
            raise StoreError("the subscription was lost")
        return ids


class SimulatedStore:
    """A replica's way to the engine."""

    def __init__(self, engine: Engine, owner: str) -> None:
        self._engine = engine
        self._owner = owner
        self._users = 0

    @property
    def opened(self) -> bool:
        return self._users > 0

    @property
    def durable(self) -> bool:
        return True

    async def __aenter__(self) -> Self:
        await self._call("open", _nothing)
        self._users += 1
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._users -= 1

    async def put(self, record: TaskRecord, /) -> Put:
        return await self._call("put", self._put, record)

    async def _put(self, record: TaskRecord) -> Put:
        return self._engine.put(record, await self._engine.inner.put(record))

    async def get(self, ids: Collection[str], /) -> Mapping[str, TaskRecord]:
        # Sets of text are walked in another order in every process.
        return await self._call("get", self._engine.inner.get, sorted(ids))

    async def scan(self, query: Query, /) -> AsyncIterator[TaskRecord]:
        await self._call("scan", _nothing)
        async for record in self._engine.inner.scan(query):
            yield record

    async def claim(self, origin: str, limit: int, lease: float, /) -> Sequence[TaskRecord]:
        return await self._call("claim", self._engine.inner.claim, origin, limit, lease)

    async def due(self, id: str, delay: float, /) -> None:
        await self._call("due", self._engine.inner.due, id, delay)

    @asynccontextmanager
    async def changes(self) -> AsyncGenerator[AsyncIterator[frozenset[str]]]:
        await self._call("listen", _nothing)
        listening = _Listening(self._engine, self._owner)
        self._engine.listening[listening] = None
        try:
            yield listening
        finally:
            self._engine.listening.pop(listening, None)

    async def events(self, group: str, /) -> AsyncIterator[Delivery]:
        async for delivery in self._engine.inner.events(group):
            self._engine.watcher.given(group, delivery.record)
            await self._call("event", _nothing)
            yield _Delivery(self, group, delivery)

    async def acknowledge(self, group: str, delivery: Delivery) -> None:
        await self._call("ack", self._acknowledge, group, delivery)

    async def _acknowledge(self, group: str, delivery: Delivery) -> None:
        await delivery.ack()
        self._engine.watcher.acknowledged(group, delivery.record)

    async def prune(self, before: datetime, /) -> int:
        return await self._call("prune", self._engine.inner.prune, before)

    async def note(self, name: str, value: str | None = None, /) -> str | None:
        return await self._call("note", self._engine.inner.note, name, value)

    async def _call(self, name: str, function: Callable[..., Awaitable[T]], *args: object) -> T:
        sky = self._engine.sky
        await _passes(sky.latency())
        self._reach(name)
        result = await function(*args)
        await _passes(sky.latency())
        self._reach(name)
        return result

    def _reach(self, name: str) -> None:
        sky = self._engine.sky
        if self._owner in self._engine.away or sky.strikes(sky.weather.store_fails):
            raise StoreError(f"{name}: the engine is away")


@dataclass(frozen=True)
class _Delivery:
    store: SimulatedStore
    group: str
    inner: Delivery

    @property
    def record(self) -> TaskRecord:
        return self.inner.record

    async def ack(self) -> None:
        await self.store.acknowledge(self.group, self.inner)


async def _nothing() -> None:
    """Only the way there and back counts."""


async def _passes(seconds: float) -> None:
    await asyncio.sleep(seconds)
