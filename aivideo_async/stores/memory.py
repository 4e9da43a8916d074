"""The store of one process: quick, thread-safe, gone with the process.

It keeps what has ended for 24 hours and at most 10,000 of it (flow.md §6). What has not ended so long after its
deadline has nobody who asks for it, and goes as well.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from aivideo_async.core import lifecycle
from aivideo_async.core.errors import EventsLostError, StoreError
from aivideo_async.core.models import TaskRecord, moment
from aivideo_async.core.retry import DEADLINE
from aivideo_async.stores.base import Delivery, Put, Query
from aivideo_async.stores.feeds import DueQueue, Ending, EventFeed, Subscription
from aivideo_async.stores.rounds import deliveries

KEEP_ENDED = timedelta(hours=24)
KEEP_AT_MOST = 10_000
EVENT_LEASE = 30.0


class MemoryStore:
    """Records in dictionaries under one lock, so that it may be shared by loops and threads.

    ``clock`` gives unix seconds; leases and retention run on it. What has ended is kept for ``keep_ended``, and at most
    ``keep_at_most`` of it, and as many endings for ``events``; what has not, for so long after its deadline of 24
    hours. An ending that is not acknowledged within ``event_lease`` seconds is given again. In a forked process every
    method raises StoreError: there it would be another store that looks like this one.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        keep_ended: timedelta = KEEP_ENDED,
        keep_at_most: int = KEEP_AT_MOST,
        event_lease: float = EVENT_LEASE,
    ) -> None:
        self._clock = clock
        self._keep_ended = keep_ended
        self._keep_at_most = keep_at_most
        self._pid = os.getpid()
        self._own_lock = threading.Lock()
        self._users = 0
        self._records: dict[str, TaskRecord] = {}
        self._by_service_id: dict[str, str] = {}
        self._by_key: dict[str, str] = {}
        self._began: OrderedDict[str, float] = OrderedDict()  # unix seconds, as in the next
        self._ended: OrderedDict[str, float] = OrderedDict()
        self._of_origin: Counter[str] = Counter()
        self._due: dict[str, DueQueue] = {}
        self._subscriptions: dict[Subscription, None] = {}  # told in the order in which they came
        self._event_lease = event_lease
        self._feed = EventFeed(at_most=keep_at_most, lease=event_lease)
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
        with self._lock:
            self._users += 1
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._users -= 1

    @property
    def _lock(self) -> threading.Lock:
        if os.getpid() != self._pid:
            raise StoreError("a memory store does not work in a forked process", hint="make one in each process")
        return self._own_lock

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
        if record.key is not None and record.key == after.key:  # a key that went on to another task is not taken back
            self._by_key[record.key] = after.id
        now, won = self._clock(), lifecycle.won(before, after)
        if before is None or before.origin != after.origin:
            self._of_origin[after.origin] += 1
        if before is None:
            self._began[after.id] = now
        self._schedule(before, after)
        if won:
            self._ending(after, now)
        if won or before is None:
            self._forget_old(now)
        return Put(after, changed=True, won=won)

    def _ending(self, record: TaskRecord, now: float) -> None:
        self._feed.append(record, now)
        self._began.pop(record.id, None)
        self._ended[record.id] = now
        self._ended.move_to_end(record.id)

    def _other_holder(self, record: TaskRecord) -> TaskRecord | None:
        by_service_id = self._records.get(self._by_service_id.get(record.service_id or "", record.id))
        if by_service_id is not None and by_service_id.id != record.id:
            return by_service_id
        by_key = self._records.get(self._by_key.get(record.key or "", record.id))
        if by_key is not None and by_key.id != record.id and not lifecycle.frees_key(by_key):
            return by_key
        return None

    def _schedule(self, before: TaskRecord | None, after: TaskRecord) -> None:
        # A new hint or status counts too: the entry of a task that could not be claimed has left the queue.
        fresh = before is None or _timing(before) != _timing(after)
        if after.next_check is not None and fresh:
            self._queue(after.origin).push(after.next_check, after.id, counts=self._is_due_at)

    def _queue(self, origin: str) -> DueQueue:
        return self._due.setdefault(origin, DueQueue())

    def _is_due_at(self, at: datetime, id: str) -> bool:
        record = self._records.get(id)
        return record is not None and record.next_check == at

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
            queue = self._due.get(origin) or DueQueue()
            while len(claimed) < limit and (entry := queue.pop_until(moment(now))) is not None:
                if self._is_due_at(*entry) and lifecycle.claimable(record := self._records[entry[1]]):
                    claimed.append(self._move(record, moment(now + lease)))
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
        self._queue(record.origin).push(next_check, record.id, counts=self._is_due_at)
        return moved

    @asynccontextmanager
    async def changes(self) -> AsyncGenerator[AsyncIterator[frozenset[str]]]:
        """Hints for the running loop, from whatever thread they come; see Store.changes."""
        subscription = Subscription(asyncio.get_running_loop())
        with self._lock:
            self._subscriptions[subscription] = None
        try:
            yield subscription
        finally:
            with self._lock:
                self._subscriptions.pop(subscription, None)

    def _hint(self, id: str) -> None:
        if not self._subscriptions:
            return
        with self._lock:
            subscriptions = tuple(self._subscriptions)
        running = asyncio.get_running_loop()
        for subscription in subscriptions:
            if not subscription.tell(id, running):
                with self._lock:
                    self._subscriptions.pop(subscription, None)

    def events(self, group: str, /) -> AsyncIterator[Delivery]:
        """Endings for a group of consumers; see Store.events. Waiting ends with the iterator.

        Raises EventsLostError, once, when endings were forgotten that the group was not given or did not acknowledge.
        """

        async def take() -> _MemoryDelivery | EventsLostError | float:
            with self._lock:
                taken = self._feed.take(group, self._clock())
            if isinstance(taken, Ending):
                return _MemoryDelivery(taken.record, self, group, taken.number)
            return self._event_lease if taken is None else taken

        return deliveries(self.changes(), take)

    async def acknowledge(self, group: str, number: int) -> None:
        """Never give the event to the group again; what ``Delivery.ack`` calls."""
        with self._lock:
            self._feed.acknowledge(group, number)

    async def prune(self, before: datetime, /) -> int:
        """Forget what ended before; see Store.prune."""
        with self._lock:
            old = [id for id, ended_at in self._ended.items() if ended_at < before.timestamp()]
            for id in old:
                self._forget(id)
            self._feed.prune(before.timestamp())
        return len(old)

    async def note(self, name: str, value: str | None = None, /) -> str | None:
        """Keep or give a small value; see Store.note."""
        with self._lock:
            if value:
                self._notes[name] = value
            elif value is not None:
                self._notes.pop(name, None)
            return self._notes.get(name, value)

    def _forget_old(self, now: float) -> None:
        oldest = now - self._keep_ended.total_seconds()
        while self._ended:
            id, ended_at = next(iter(self._ended.items()))
            if len(self._ended) <= self._keep_at_most and ended_at >= oldest:
                break
            self._forget(id)
        while self._began:
            id, began_at = next(iter(self._began.items()))
            if began_at >= oldest - DEADLINE:
                break
            self._forget(id)
        self._feed.prune(oldest)

    def _forget(self, id: str) -> None:
        self._began.pop(id, None)
        self._ended.pop(id, None)
        record = self._records.pop(id)
        self._of_origin[record.origin] -= 1
        if not self._of_origin[record.origin]:
            del self._of_origin[record.origin]
            self._due.pop(record.origin, None)  # what is left in it no longer counts
        for index, name in ((self._by_service_id, record.service_id), (self._by_key, record.key)):
            if name is not None and index.get(name) == id:
                del index[name]


def _timing(record: TaskRecord) -> tuple[object, ...]:
    return record.origin, record.next_check, record.hinted_at, record.status


@dataclass(frozen=True, slots=True)
class _MemoryDelivery:
    record: TaskRecord
    store: MemoryStore
    group: str
    number: int

    async def ack(self) -> None:
        await self.store.acknowledge(self.group, self.number)
