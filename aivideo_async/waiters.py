"""Task -> futures, fed by one store subscription.

A waiter exists only while somebody awaits. Its futures resolve, never to an exception; each awaiter raises its own.
Hints carry ids only and may be lost, doubled or late: what resolves is always a record that was read from the store
(stores.md §1).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Collection
from typing import Any, Generic, Self, TypeVar

from aivideo_async.core import lifecycle
from aivideo_async.core.errors import StoreError
from aivideo_async.core.models import TaskRecord, TaskStatus
from aivideo_async.stores.base import Store

logger: logging.Logger = logging.getLogger(__name__)

T = TypeVar("T")

REREAD_EVERY = 15.0
READ_TOGETHER = 0.01
RECONNECT_AFTER = 1.0


class Waiter:
    """What the awaiters of one task share, while there are any: ``with waiter`` is one of them.

    Each has a future of its own: 100,000 of them pend in one process, and a shield around a shared one costs more.
    """

    __slots__ = ("_among", "_changed", "_ended", "_id", "_users", "record")

    def __init__(self, id: str, among: dict[str, Waiter]) -> None:
        self.record: TaskRecord | None = None
        self._id = id
        self._among = among
        self._users = 0
        self._ended: list[asyncio.Future[bool] | Parked[Any]] = []
        self._changed: asyncio.Event | None = None

    def __enter__(self) -> Self:
        self._users += 1
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._users -= 1
        if self._users == 0:
            del self._among[self._id]

    async def ended(self) -> TaskRecord | None:
        """The record once it has ended, or ``None`` when the wait was interrupted: look around and wait again.

        Cancelling it hurts no other awaiter.
        """
        if self.record is not None and self.record.status in lifecycle.ENDED:
            return self.record
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._ended.append(future)
        try:
            return self.record if await future else None
        finally:
            if future in self._ended:
                self._ended.remove(future)

    def park(self, wake: Callable[[T, TaskRecord | None], None], item: T) -> Parked[T]:
        """Be an awaiter without a coroutine, as ``Waiters.park`` says. What is known already wakes it at ``settle``."""
        parked = Parked(self, wake, item)
        self._users += 1
        self._ended.append(parked)
        return parked

    def forget(self, parked: Parked[T]) -> None:
        """Let an awaiter go, which nobody wakes any more."""
        if parked in self._ended:
            self._ended.remove(parked)
        self.__exit__()

    async def changed(self, timeout: float) -> None:
        """Return at the next change, or after ``timeout`` seconds."""
        self._changed = self._changed or asyncio.Event()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._changed.wait()

    def tell(self, record: TaskRecord) -> None:
        """Hand a record that was read from the store to everybody who waits.

        Of two readings that overlapped, the one with the lower rank is the older one and is dropped.
        """
        if self.record is not None and lifecycle.RANK[record.status] < lifecycle.RANK[self.record.status]:
            return
        self.record = record
        self._wake_watchers()
        if record.status in lifecycle.ENDED:
            self._wake_awaiters(ended=True)
        elif record.status is TaskStatus.IN_DOUBT:
            self._wake_awaiters(ended=False)

    def settle(self) -> None:
        """Wake everybody who need not have waited: it has ended already, or no store has such a record."""
        if self.record is None:
            self.interrupt()
        elif self.record.status in lifecycle.ENDED:
            self._wake_awaiters(ended=True)

    def interrupt(self) -> None:
        """Wake everybody without an ending."""
        self._wake_watchers()
        self._wake_awaiters(ended=False)

    def _wake_awaiters(self, *, ended: bool) -> None:
        awaiting, self._ended = self._ended, []
        for future in awaiting:
            if not future.done():
                future.set_result(ended)

    def _wake_watchers(self) -> None:
        changed, self._changed = self._changed, None
        if changed is not None:
            changed.set()


class Parked(Generic[T]):
    """A wait for one task that costs no coroutine, no future and no task of the loop."""

    __slots__ = ("_item", "_waiter", "_wake")

    def __init__(self, waiter: Waiter, wake: Callable[[T, TaskRecord | None], None], item: T) -> None:
        self._waiter: Waiter | None = waiter
        self._wake = wake
        self._item = item

    def done(self) -> bool:
        """Whether it was woken or cancelled."""
        return self._waiter is None

    def set_result(self, ended: bool) -> None:
        """Wake it, because the task has ended or to look around."""
        waiter = self._leave()
        if waiter is not None:
            self._wake(self._item, waiter.record if ended else None)

    def cancel(self) -> None:
        """End the wait, and wake nobody."""
        self._leave()

    def _leave(self) -> Waiter | None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.forget(self)
        return waiter


class Waiters:
    """Who awaits what in this loop.

    ``on_hint`` is called whenever the store hints at a change, or may have while nobody listened. What is awaited is
    read again every ``reread_every`` seconds ± 20 %, and the store is listened to again ``reconnect_after`` seconds
    after it was lost. What is parked within ``read_together`` seconds is read at once.
    """

    def __init__(
        self,
        store: Store,
        *,
        on_hint: Callable[[], None] = lambda: None,
        reread_every: float = REREAD_EVERY,
        reconnect_after: float = RECONNECT_AFTER,
        read_together: float = READ_TOGETHER,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._on_hint = on_hint
        self._reread_every = reread_every
        self._reconnect_after = reconnect_after
        self._read_together = read_together
        self._draw = draw
        self._waiters: dict[str, Waiter] = {}
        self._unread: set[str] = set()
        self._parked = asyncio.Event()
        self._tried = asyncio.Event()
        self._first_error: Exception | None = None

    def awaited(self) -> Collection[str]:
        """The ids of the tasks that somebody awaits here, as of now."""
        return self._waiters.keys()

    def join(self, id: str) -> Waiter:
        """Wait for a task together with whoever already does: ``with waiters.join(id) as waiter``.

        Join first, then ``read``, then wait.
        """
        waiter = self._waiters.get(id)
        if waiter is None:
            waiter = self._waiters[id] = Waiter(id, self._waiters)
        return waiter

    def park(self, id: str, wake: Callable[[T, TaskRecord | None], None], item: T) -> Parked[T]:
        """Wait for a task without a coroutine: ``wake(item, …)`` is called once, later, with the record that has ended,
        or with ``None`` when the wait was interrupted or the store has no such record. It must not raise.

        What is parked together is read together, by ``read_parked``.
        """
        self._unread.add(id)
        self._parked.set()
        return self.join(id).park(wake, item)

    async def read_parked(self) -> None:
        """Read what was parked since the last time, until cancelled."""
        while True:
            await self._parked.wait()
            await asyncio.sleep(self._read_together)
            self._parked.clear()
            ids, self._unread = self._unread, set()
            if await self.read(ids):
                for waiter in [self._waiters[id] for id in ids if id in self._waiters]:
                    waiter.settle()

    async def read(self, ids: Collection[str]) -> bool:
        """Read records and hand them to their waiters; whether the store could be read.

        A store that is down is met again by the next reading.
        """
        try:
            found = await self._store.get(ids)
        except StoreError as error:
            logger.warning("the store could not be read, waits go on: %s", error)
            return False
        for id, record in found.items():
            waiter = self._waiters.get(id)
            if waiter is not None and waiter.record != record:
                waiter.tell(record)
        return True

    def interrupt(self) -> None:
        """Wake every awaiter so that it looks around: the client closes, or asking was refused."""
        for waiter in tuple(self._waiters.values()):
            waiter.interrupt()

    async def subscribed(self) -> None:
        """Return once the store's changes arrive here; nothing that happens later can be missed.

        Raises what the first attempt to listen raised.
        """
        await self._tried.wait()
        if self._first_error is not None:
            raise self._first_error

    async def listen(self) -> None:
        """Follow the store's changes until cancelled, over every loss of its connection."""
        while True:
            try:
                await self._follow()
            except Exception as error:
                if not self._tried.is_set():
                    self._first_error = error
                    self._tried.set()
                if not isinstance(error, StoreError):
                    raise
                logger.warning("the store's changes do not arrive, trying again: %s", error)
            await asyncio.sleep(self._reconnect_after)

    async def _follow(self) -> None:
        async with self._store.changes() as changes:
            self._tried.set()
            self._on_hint()
            await self._reread()
            async for ids in changes:
                self._on_hint()
                awaited = self._waiters.keys() & ids if ids else frozenset(self._waiters)
                if awaited:
                    await self.read(awaited)

    async def reread(self) -> None:
        """Read everything that is awaited once in a while, until cancelled: hints may be lost."""
        while True:
            await asyncio.sleep(spread(self._reread_every, self._draw()))
            await self._reread()

    async def _reread(self) -> None:
        if self._waiters:
            await self.read(frozenset(self._waiters))


def spread(seconds: float, draw: float) -> float:
    """``seconds`` ± 20 % by a draw in [0, 1), so that replicas do not all read at once."""
    return seconds * (0.8 + 0.4 * draw)
