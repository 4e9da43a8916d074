"""What a store in one process keeps beside its records: what is due, who is told of changes, which endings were given.

Nothing here locks on behalf of its caller except ``Subscription``, which several threads tell.
"""

from __future__ import annotations

import asyncio
import heapq
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from aivideo_async.core.errors import EventsLostError
from aivideo_async.core.models import TaskRecord

HINTS_AT_MOST = 10_000
COMPACT_AT = 1_024


class DueQueue:
    """A heap of (moment, id) with lazy deletion: an entry counts only while its record still names that moment."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, str]] = []
        self._compact_at = COMPACT_AT

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, at: datetime, id: str, *, counts: Callable[[datetime, str], bool]) -> None:
        """Add an entry. Once in a while everything goes that no longer ``counts``, so that the heap stays bounded."""
        heapq.heappush(self._heap, (at, id))
        if len(self._heap) >= self._compact_at:
            self._heap = [entry for entry in set(self._heap) if counts(*entry)]
            heapq.heapify(self._heap)
            self._compact_at = max(COMPACT_AT, 2 * len(self._heap))

    def pop_until(self, now: datetime) -> tuple[datetime, str] | None:
        """The earliest entry that is not after ``now``."""
        if not self._heap or self._heap[0][0] > now:
            return None
        return heapq.heappop(self._heap)


class Subscription:
    """Ids that changed, collected for one loop. More than it can hold become an empty set: read again."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, at_most: int = HINTS_AT_MOST) -> None:
        self._loop = loop
        self._at_most = at_most
        self._lock = threading.Lock()
        self._ids: set[str] = set()
        self._missed = False
        self._ready = asyncio.Event()

    def tell(self, id: str | None, running: asyncio.AbstractEventLoop | None) -> bool:
        """Collect an id, called from the loop ``running`` or from a thread without one, and wake this one's loop.

        An id of ``None`` means that ids were missed: what is read next is an empty set. Returns False when the loop to
        be woken is closed.
        """
        with self._lock:
            first = not self._ids and not self._missed
            if id is not None:
                self._ids.add(id)
            if id is None or len(self._ids) > self._at_most:
                self._ids.clear()
                self._missed = True
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
            ids = frozenset[str]() if self._missed else frozenset(self._ids)
            self._ids.clear()
            self._missed = False
        return ids


@dataclass(frozen=True, slots=True)
class Ending:
    """A task as it ended, the how many-th ending it was, and when (unix seconds)."""

    number: int
    at: float
    record: TaskRecord


@dataclass(slots=True)
class _Group:
    next: int
    leased: OrderedDict[int, float] = field(default_factory=OrderedDict[int, float])


class EventFeed:
    """Endings in order, and per group how far it is and what it has not acknowledged. Keeps the last ``at_most``."""

    def __init__(self, *, at_most: int, lease: float) -> None:
        self._endings: deque[Ending] = deque(maxlen=at_most)
        self._count = 0
        self._lease = lease
        self._groups: dict[str, _Group] = {}

    def append(self, record: TaskRecord, now: float) -> None:
        """Add an ending."""
        self._endings.append(Ending(self._count, now, record))
        self._count += 1

    def take(self, group: str, now: float) -> Ending | EventsLostError | None:
        """What the group is given next: what was not acknowledged within its lease, then what is new to it.

        Or, once, what it was not given in time. A new group begins with the oldest that is kept.
        """
        state = self._groups.setdefault(group, _Group(self._first))
        lost = self._lost(state)
        if lost:
            return EventsLostError(f"{lost} endings are forgotten that the group {group!r} has not dealt with")
        number = next((number for number, until in state.leased.items() if until <= now), None)
        if number is None:
            number = state.next
            if number >= self._count:
                return None
            state.next = number + 1
        state.leased[number] = now + self._lease
        state.leased.move_to_end(number)
        return self._endings[number - self._first]

    @property
    def _first(self) -> int:
        return self._count - len(self._endings)

    def _lost(self, state: _Group) -> int:
        """How many endings were forgotten before the group had dealt with them, since this was last asked."""
        forgotten = [number for number in state.leased if number < self._first]
        for number in forgotten:
            del state.leased[number]
        unread = max(0, self._first - state.next)
        state.next += unread
        return len(forgotten) + unread

    def acknowledge(self, group: str, number: int) -> None:
        """Never give it to the group again."""
        if group in self._groups:
            self._groups[group].leased.pop(number, None)

    def prune(self, before: float) -> None:
        """Forget endings from before a moment."""
        while self._endings and self._endings[0].at < before:
            self._endings.popleft()
