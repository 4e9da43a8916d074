"""The store for many replicas: a Redis (6.2 or newer) or Valkey, by redis-py (stores.md §3).

It is as durable as the engine is: with its append-only file on and ``appendfsync always`` it loses nothing that was
acknowledged, with ``everysec`` up to a second when it crashes. An engine that evicts keys may lose any task; both are
logged as a WARNING when a store is opened. One namespace is one store; all of its keys begin with ``av:{namespace}:``.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Self, TypeVar

from aivideo_async.core.errors import StoreError
from aivideo_async.core.models import TaskRecord
from aivideo_async.stores import redis_events, redis_reading, redis_records
from aivideo_async.stores.base import Delivery, Put, Query
from aivideo_async.stores.feeds import Subscription
from aivideo_async.stores.redis_branch import Branch
from aivideo_async.stores.redis_connections import TIMEOUT, Connections
from aivideo_async.stores.redis_link import Address, translated, translated_in_use
from aivideo_async.stores.redis_opening import check_version, remarks
from aivideo_async.stores.redis_records import Terms
from aivideo_async.stores.rounds import deliveries, pages, until_none_is_left

logger: logging.Logger = logging.getLogger(__name__)

T = TypeVar("T")

KEEP_ENDED = timedelta(days=7)
EVENT_LEASE = 30.0
NAMES_AT_ONCE = 200


class RedisStore:
    """Records in a namespace of the engine at ``address``.

    ``clock`` gives unix seconds for leases and retention instead of the engine's own clock. What has ended is kept for
    ``keep_ended``, what has not for so long after its deadline of 24 hours. An ending that is not acknowledged within
    ``event_lease`` seconds is given again. A command is given up after ``timeout`` seconds and tried three times more.

    ``read_only`` asks the engine only for what reads, so that its user need not be allowed any more; what would write
    is not to be called.

    It may be shared by threads and loops. Opening it raises StoreError when the engine cannot be reached, and
    ConfigurationError when it refuses us, or holds data of a newer version, or none where it is ``read_only``. In a
    process that was forked while it was open, every method raises StoreError.
    """

    def __init__(
        self,
        address: Address,
        *,
        clock: Callable[[], float] | None = None,
        keep_ended: timedelta = KEEP_ENDED,
        event_lease: float = EVENT_LEASE,
        timeout: float = TIMEOUT,
        read_only: bool = False,
    ) -> None:
        self._address = address
        self._terms = Terms(clock, keep_ended // timedelta(microseconds=1))
        self._event_lease = event_lease
        self._timeout = timeout
        self._read_only = read_only
        self._counting = threading.Lock()
        self._users = 0
        self._pid = 0
        self._branches: dict[asyncio.AbstractEventLoop, Branch] = {}

    @classmethod
    def from_url(cls, url: str, *, read_only: bool = False) -> Self:
        """A store for ``redis://``, ``rediss://`` or ``unix://``; raises ConfigurationError for other forms."""
        return cls(Address.parse(url), read_only=read_only)

    @property
    def opened(self) -> bool:
        """Whether it is open."""
        return self._users > 0

    @property
    def durable(self) -> bool:
        """Records outlive the process."""
        return True

    async def __aenter__(self) -> Self:
        self._require_own_process()
        loop = asyncio.get_running_loop()
        with self._counting:
            first = not self._users
            self._users += 1
            self._pid = os.getpid()
            self._branch_of(loop).users += 1
        try:
            await self._open(first=first)
        except BaseException:
            await self._leave(loop)
            raise
        return self

    async def _open(self, *, first: bool) -> None:
        branch = await self._branch()
        with translated(self._address):
            if self._read_only:
                await redis_reading.look(branch.connections, self._address)
                return
            await check_version(branch.connections, self._address)
            for remark in await remarks(branch.connections) if first else ():
                logger.warning("%s: %s", self._address, remark)

    async def __aexit__(self, *exc_info: object) -> None:
        if os.getpid() == self._pid:
            await self._leave(asyncio.get_running_loop())

    async def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._counting:
            self._users -= 1
            branch = self._branches.get(loop)
            if branch is not None:
                branch.users -= 1
            closing = dict(self._branches) if not self._users else {}
            if branch is not None and not branch.users and not branch.followed:
                closing[loop] = branch  # who else uses it here without having opened it will get another
            for one in closing:
                del self._branches[one]
        own = closing.pop(loop, None)
        for other in closing.values():
            other.dismiss_soon()
        if own is not None:
            await own.close()

    def _require_own_process(self) -> None:
        if self._users and os.getpid() != self._pid:
            raise StoreError("an open Redis store does not work in a forked process", hint="make one in each process")

    async def _branch(self) -> Branch:
        """The part of the store that belongs to the running loop."""
        self._require_own_process()
        loop = asyncio.get_running_loop()
        with self._counting:
            if not self._users:
                raise StoreError("the Redis store is not open", hint="async with store: ...")
            branch = self._branch_of(loop)
        await branch.start()
        return branch

    def _branch_of(self, loop: asyncio.AbstractEventLoop) -> Branch:
        branch = self._branches.get(loop)
        if branch is None or branch.closed:  # whoever cancels every task of a loop closes it too
            users = 0 if branch is None else branch.users
            self._branches = {one: other for one, other in self._branches.items() if not one.is_closed()}
            branch = self._branches[loop] = Branch(self._address, timeout=self._timeout, users=users)
        return branch

    async def _call(self, work: Callable[[Connections], Awaitable[T]]) -> T:
        """Do some work on the connections of this loop. Raises StoreError."""
        branch = await self._branch()
        with translated_in_use(self._address):
            return await work(branch.connections)

    def _reading(self, plain: Callable[..., T], quick: Callable[..., T], **words: object) -> Callable[..., T]:
        """How to read: by plain commands where scripts may be forbidden."""
        return partial(plain, prefix=self._address.prefix, **words) if self._read_only else partial(quick, **words)

    async def put(self, record: TaskRecord, /) -> Put:
        """Merge; see Store.put. When it is cancelled, or raises StoreError, it may have been done or not.

        A put that was repeated because its answer was lost still says whether it won.
        """
        return await self._call(partial(redis_records.put, record=record, terms=self._terms))

    async def get(self, ids: Collection[str], /) -> Mapping[str, TaskRecord]:
        """By our id, the service's id or a key; see Store.get."""
        await self._branch()
        names, found = tuple(ids), dict[str, TaskRecord]()
        for start in range(0, len(names), NAMES_AT_ONCE):
            some = names[start : start + NAMES_AT_ONCE]
            found |= await self._call(self._reading(redis_reading.find, redis_records.find, names=some))
        return found

    def scan(self, query: Query, /) -> AsyncIterator[TaskRecord]:
        """Newest first, page by page; see Store.scan."""
        page = self._reading(redis_reading.page, redis_records.page, query=query)
        return pages(lambda below: self._call(partial(page, before=below)), query.limit)

    async def claim(self, origin: str, limit: int, lease: float, /) -> Sequence[TaskRecord]:
        """Take due records; see Store.claim. When it is cancelled, what it has taken comes back after its lease."""
        claim = partial(redis_records.claim, origin=origin, limit=limit, lease=lease, terms=self._terms)
        return await self._call(claim)

    async def due(self, id: str, delay: float, /) -> None:
        """Move the next check; see Store.due."""
        await self._call(partial(redis_records.due, id=id, delay=delay, terms=self._terms))

    @asynccontextmanager
    async def changes(self) -> AsyncGenerator[AsyncIterator[frozenset[str]]]:
        """Hints for the running loop, from every process; see Store.changes.

        Raises StoreError on entering when the engine cannot be reached. Once entered it goes on when the engine comes
        back: an empty set comes then, and when the store is closed.
        """
        branch, follower = await self._branch(), Subscription(asyncio.get_running_loop())
        try:
            await branch.follow(follower)
            yield follower
        finally:
            branch.unfollow(follower)

    def events(self, group: str, /) -> AsyncIterator[Delivery]:
        """Endings for a group of consumers, since the oldest that is kept; see Store.events.

        Waiting ends with the iterator. Raises StoreError when the engine is away or the store is closed, and
        EventsLostError, once, when endings were forgotten that the group was not given or did not acknowledge.
        """
        work = partial(redis_events.take, group=group, lease=self._event_lease)

        async def take() -> _RedisDelivery | float:
            taken = await self._call(work)
            if isinstance(taken, redis_events.Given):
                return _RedisDelivery(taken.record, self, group, taken.place)
            return taken

        return deliveries(self.changes(), take)

    async def acknowledge(self, group: str, place: bytes) -> None:
        """Never give the event to the group again; what ``Delivery.ack`` calls."""
        await self._call(partial(redis_events.acknowledge, address=self._address, group=group, place=place))

    async def prune(self, before: datetime, /) -> int:
        """Forget what ended before; see Store.prune."""
        forget = partial(redis_records.forget, before=before)
        return await until_none_is_left(lambda: self._call(forget))

    async def note(self, name: str, value: str | None = None, /) -> str | None:
        """Keep or give a small value; see Store.note."""
        return await self._call(partial(redis_records.note, prefix=self._address.prefix, name=name, value=value))


@dataclass(frozen=True, slots=True)
class _RedisDelivery:
    record: TaskRecord
    store: RedisStore
    group: str
    place: bytes

    async def ack(self) -> None:
        await self.store.acknowledge(self.group, self.place)
