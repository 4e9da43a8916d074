"""The store of one process: quick, thread-safe, gone with the process.

It keeps what has ended for 24 hours and at most 10,000 of it (flow.md §6).
"""

from __future__ import annotations

import asyncio
import dataclasses
import heapq
import itertools
import threading
import time
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from aivideo_async.core import lifecycle
from aivideo_async.core.models import TaskRecord, moment
from aivideo_async.stores.base import Delivery, Put, Query

KEEP_ENDED = timedelta(hours=24)
KEEP_AT_MOST = 10_000
EVENT_LEASE = 30.0
HINTS_AT_MOST = 10_000


class MemoryStore:
    """Records in dictionaries under one lock, so that it may be shared by loops and threads.

    ``clock`` gives unix seconds; leases and retention run on it.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        keep_ended: timedelta = KEEP_ENDED,
        keep_at_most: int = KEEP_AT_MOST,
    ) -> None:
        self._clock = clock
        self._keep_ended = keep_ended
        self._keep_at_most = keep_at_most
        self._lock = threading.Lock()
        self._users = 0
        self._records: dict[str, TaskRecord] = {}
        self._by_service_id: dict[str, str] = {}
        self._by_key: dict[str, str] = {}
        self._ended: OrderedDict[str, datetime] = OrderedDict()
        self._due: dict[str, _DueQueue] = {}
        self._subscriptions: set[_Subscription] = set()
        self._feed = _EventFeed()
        self._notes: dict[str, str] = {}

    @property
    def opened(self) -> bool:
        """Whether it is open; what it holds stays when it is closed."""
        return self._users > 0

    @property
    def durable(self) -> bool:
        """Records do not outlive the process."""
        return False

    async def __aenter__(self) -> Self:
        self._users += 1
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._users -= 1

    async def put(self, record: TaskRecord, /) -> Put:
        """Merge; see Store.put."""
        with self._lock:
            put = self._put(record)
        if put.changed:
            self._hint(put.record.id)
        return put

    def _put(self, record: TaskRecord) -> Put:
        holder = self._other_holder(record)
        if holder is not None:
            return Put(holder, changed=False, won=False)
        before = self._records.get(record.id)
        after = record if before is None else lifecycle.merge(before, record)
        if after is before:
            return Put(after, changed=False, won=False)
        self._records[after.id] = after
        if after.service_id is not None:
            self._by_service_id[after.service_id] = after.id
        if after.key is not None:
            self._by_key[after.key] = after.id
        self._schedule(before, after)
        won = lifecycle.won(before, after)
        if won:
            self._feed.append(after)
        if after.status in lifecycle.ENDED:
            self._ended.setdefault(after.id, moment(self._clock()))
            self._forget_old()
        return Put(after, changed=True, won=won)

    def _other_holder(self, record: TaskRecord) -> TaskRecord | None:
        by_service_id = self._records.get(self._by_service_id.get(record.service_id or "", record.id))
        if by_service_id is not None and by_service_id.id != record.id:
            return by_service_id
        by_key = self._records.get(self._by_key.get(record.key or "", record.id))
        if by_key is not None and by_key.id != record.id and not lifecycle.frees_key(by_key):
            return by_key
        return None

    def _schedule(self, before: TaskRecord | None, after: TaskRecord) -> None:
        if after.next_check is not None and (before is None or before.next_check != after.next_check):
            self._due.setdefault(after.origin, _DueQueue()).push(after.next_check, after.id)

    async def get(self, ids: Collection[str], /) -> Mapping[str, TaskRecord]:
        """By our id, the service's id or a key; see Store.get."""
        with self._lock:
            found = ((name, self._find(name)) for name in ids)
            return {name: record for name, record in found if record is not None}

    def _find(self, name: str) -> TaskRecord | None:
        id = name if name in self._records else self._by_service_id.get(name) or self._by_key.get(name)
        return None if id is None else self._records.get(id)

    async def scan(self, query: Query, /) -> AsyncIterator[TaskRecord]:
        """Newest first, over a snapshot of the ids; see Store.scan."""
        with self._lock:
            ids = list(reversed(self._records))
        given = 0
        for id in ids:
            record = self._records.get(id)
            if record is None or not query.matches(record, ended=record.status in lifecycle.ENDED):
                continue
            if given == query.limit:
                return
            given += 1
            yield record

    async def claim(self, origin: str, limit: int, lease: float, /) -> Sequence[TaskRecord]:
        """Take due records; see Store.claim."""
        now = self._clock()
        claimed: list[TaskRecord] = []
        with self._lock:
            queue = self._due.setdefault(origin, _DueQueue())
            while len(claimed) < limit and (entry := queue.pop_until(moment(now))) is not None:
                due_at, id = entry
                record = self._records.get(id)
                if record is None or record.next_check != due_at or not lifecycle.claimable(record):
                    continue
                claimed.append(self._move(record, moment(now + lease)))
            queue.compact(self._records)
        return claimed

    async def due(self, id: str, delay: float, /) -> None:
        """Move the next check; see Store.due."""
        with self._lock:
            record = self._records.get(id)
            if record is not None and record.status not in lifecycle.SERVICE:
                self._move(record, moment(self._clock() + delay))

    def _move(self, record: TaskRecord, next_check: datetime) -> TaskRecord:
        moved = dataclasses.replace(record, next_check=next_check)
        self._records[record.id] = moved
        self._due.setdefault(record.origin, _DueQueue()).push(next_check, record.id)
        return moved

    @asynccontextmanager
    async def changes(self) -> AsyncGenerator[AsyncIterator[frozenset[str]]]:
        """Hints for the running loop, from whatever thread they come; see Store.changes."""
        subscription = _Subscription(asyncio.get_running_loop())
        with self._lock:
            self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            with self._lock:
                self._subscriptions.discard(subscription)

    def _hint(self, id: str) -> None:
        if not self._subscriptions:
            return
        with self._lock:
            subscriptions = tuple(self._subscriptions)
        running = asyncio.get_running_loop()
        for subscription in subscriptions:
            if not subscription.tell(id, running):
                with self._lock:
                    self._subscriptions.discard(subscription)

    async def events(self, group: str, /) -> AsyncIterator[Delivery]:
        """Endings for a group of consumers; see Store.events. Waiting ends with the iterator."""
        async with self.changes() as changes:
            while True:
                with self._lock:
                    entry = self._feed.take(group, self._clock())
                if entry is not None:
                    yield _MemoryDelivery(entry.record, self, group, entry.number)
                    continue
                try:
                    async with asyncio.timeout(EVENT_LEASE):
                        await anext(changes)
                except TimeoutError:
                    continue

    async def acknowledge(self, group: str, number: int) -> None:
        """Never give the event to the group again; what ``Delivery.ack`` calls."""
        with self._lock:
            self._feed.acknowledge(group, number)

    async def prune(self, before: datetime, /) -> int:
        """Forget what ended before; see Store.prune."""
        with self._lock:
            old = [id for id, ended_at in self._ended.items() if ended_at < before]
            for id in old:
                self._forget(id)
            self._feed.prune(before)
        return len(old)

    async def note(self, name: str, value: str | None = None, /) -> str | None:
        """Keep or give a small value; see Store.note."""
        with self._lock:
            if value is not None:
                self._notes[name] = value
            return self._notes.get(name)

    def _forget_old(self) -> None:
        oldest = moment(self._clock()) - self._keep_ended
        while self._ended:
            id, ended_at = next(iter(self._ended.items()))
            if len(self._ended) <= self._keep_at_most and ended_at >= oldest:
                break
            self._forget(id)

    def _forget(self, id: str) -> None:
        del self._ended[id]
        record = self._records.pop(id)
        for index, name in ((self._by_service_id, record.service_id), (self._by_key, record.key)):
            if name is not None and index.get(name) == id:
                del index[name]


class _DueQueue:
    """A heap of (moment, id) with lazy deletion: an entry counts only while the record still names its moment."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, str]] = []
        self._compact_at = 1024

    def push(self, at: datetime, id: str) -> None:
        heapq.heappush(self._heap, (at, id))

    def pop_until(self, now: datetime) -> tuple[datetime, str] | None:
        if not self._heap or self._heap[0][0] > now:
            return None
        return heapq.heappop(self._heap)

    def compact(self, records: Mapping[str, TaskRecord]) -> None:
        if len(self._heap) < self._compact_at:
            return
        self._heap = [(at, id) for at, id in self._heap if id in records and records[id].next_check == at]
        heapq.heapify(self._heap)
        self._compact_at = max(1024, 2 * len(self._heap))


class _Subscription:
    """Ids that changed, collected for one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._ids: set[str] = set()
        self._overflow = False
        self._ready = asyncio.Event()

    def tell(self, id: str, running: asyncio.AbstractEventLoop) -> bool:
        """Collect the id and wake the loop; False when that loop is closed."""
        with self._lock:
            first = not self._ids and not self._overflow
            self._overflow = self._overflow or len(self._ids) >= HINTS_AT_MOST
            self._ids.add(id)
        if not first:
            return True
        if running is self._loop:
            self._ready.set()
            return True
        try:
            self._loop.call_soon_threadsafe(self._ready.set)
        except RuntimeError:
            return False
        return True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> frozenset[str]:
        await self._ready.wait()
        self._ready.clear()
        with self._lock:
            ids = frozenset[str]() if self._overflow else frozenset(self._ids)
            self._ids.clear()
            self._overflow = False
        return ids


@dataclass(frozen=True, slots=True)
class _Event:
    number: int
    at: datetime
    record: TaskRecord


@dataclass(slots=True)
class _Group:
    next: int = 0
    leased: dict[int, float] = field(default_factory=dict[int, float])


class _EventFeed:
    """Endings in order, and per group how far it is and what it has not acknowledged."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._events: deque[_Event] = deque(maxlen=KEEP_AT_MOST)
        self._groups: dict[str, _Group] = {}

    def append(self, record: TaskRecord) -> None:
        assert record.ended_at is not None  # noqa: S101 - an ending carries its moment
        self._events.append(_Event(next(self._numbers), record.ended_at, record))

    def take(self, group: str, now: float) -> _Event | None:
        state = self._groups.setdefault(group, _Group())
        for event in self._events:
            if event.number >= state.next or state.leased.get(event.number, now) < now:
                state.next = max(state.next, event.number + 1)
                state.leased[event.number] = now + EVENT_LEASE
                return event
        return None

    def acknowledge(self, group: str, number: int) -> None:
        self._groups.setdefault(group, _Group()).leased.pop(number, None)

    def prune(self, before: datetime) -> None:
        self._events = deque((event for event in self._events if event.at >= before), maxlen=KEEP_AT_MOST)


@dataclass(frozen=True, slots=True)
class _MemoryDelivery:
    record: TaskRecord
    store: MemoryStore
    group: str
    number: int

    async def ack(self) -> None:
        await self.store.acknowledge(self.group, self.number)
