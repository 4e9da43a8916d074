"""The store for several hosts on PostgreSQL (stores.md §4); needs ``aivideo-async[postgres]``.

Its tables, ``aivideo_*``, are made in the first schema of the user's search path; namespaces in them know nothing of
each other. Hints arrive by LISTEN and NOTIFY, which a bouncer that pools transactions does not deliver: the store
notices, says so once, and reads what is awaited every second instead.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Self

from aivideo_async.core.errors import EventsLostError, StoreError
from aivideo_async.core.models import TaskRecord, to_micros
from aivideo_async.stores import postgres_events, postgres_rows
from aivideo_async.stores.base import Delivery, Put, Query
from aivideo_async.stores.feeds import Ending, Subscription
from aivideo_async.stores.postgres_listener import Listener
from aivideo_async.stores.postgres_pool import CONNECTIONS, PATIENCE, Pool
from aivideo_async.stores.postgres_schema import Turn
from aivideo_async.stores.postgres_server import Server
from aivideo_async.stores.postgres_worker import Worker
from aivideo_async.stores.rounds import deliveries, pages, until_none_is_left

logger: logging.Logger = logging.getLogger(__name__)

KEEP_ENDED = timedelta(days=7)
EVENT_LEASE = 30.0
NAMES_AT_ONCE = 1_000


class PostgresStore:
    """Records in the database at ``url``, in the namespace that its option ``namespace`` names.

    ``clock`` gives unix seconds for leases and retention instead of the server's own clock. What has ended is kept for
    ``keep_ended``, what has not for so long after its deadline of 24 hours. An ending that is not acknowledged within
    ``event_lease`` seconds is given again. It uses up to ``connections``, and one more while somebody follows changes;
    whatever the server has not done after ``patience`` seconds is a StoreError.

    ``read_only`` makes no tables and needs no more than to read them; what would write is not to be called.

    It may be shared by threads and loops. Opening it raises StoreError when the server cannot be reached, and
    ConfigurationError when it does not let us in, when the tables are those of a newer version, or where it is
    ``read_only`` when there are none, or nothing in the namespace. In a process that
    was forked while it was open, every method raises StoreError.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Callable[[], float] | None = None,
        keep_ended: timedelta = KEEP_ENDED,
        event_lease: float = EVENT_LEASE,
        connections: int = CONNECTIONS,
        patience: float = PATIENCE,
        read_only: bool = False,
    ) -> None:
        self._server = Server(url)
        self._clock = clock
        self._keep = keep_ended // timedelta(microseconds=1)
        self._event_lease = event_lease
        self._connections = connections
        self._patience = patience
        self._read_only = read_only
        self._counting = threading.Lock()
        self._users = 0
        self._worker: Worker | None = None

    @classmethod
    def from_url(cls, url: str, *, read_only: bool = False) -> Self:
        """A store for ``postgresql://user:password@host/database?namespace=name``, the rest as libpq knows it.

        Raises ConfigurationError for other forms.
        """
        return cls(url, read_only=read_only)

    @property
    def opened(self) -> bool:
        """Whether it is open."""
        return self._users > 0

    @property
    def durable(self) -> bool:
        """Records outlive the process."""
        return True

    async def __aenter__(self) -> Self:
        if self._worker is not None:
            self._worker.require_own_process()
        with self._counting:
            if self._worker is None:
                self._worker = self._new_worker()
                self._worker.start()
            worker = self._worker
            self._users += 1
        try:
            await worker.call(_nothing)
        except BaseException:
            self._leave()
            raise
        return self

    def _new_worker(self) -> Worker:
        pool = Pool(self._server, clock=self._clock, size=self._connections, patience=self._patience)
        return Worker(self._server, pool, Listener(self._server, pool), read_only=self._read_only)

    async def __aexit__(self, *exc_info: object) -> None:
        closed = self._leave()
        if closed is not None:
            await closed

    def _leave(self) -> asyncio.Future[None] | None:
        with self._counting:
            self._users -= 1
            if self._users or self._worker is None:
                return None
            worker, self._worker = self._worker, None
        return worker.close()

    def _open_worker(self) -> Worker:
        if self._worker is None:
            raise StoreError("the PostgreSQL store is not open", hint="async with store: ...")
        self._worker.require_own_process()
        return self._worker

    async def put(self, record: TaskRecord, /) -> Put:
        """Merge; see Store.put. It is committed when this returns. Cancelling does not take it back."""
        putting = postgres_rows.Putting(record)
        work = partial(postgres_rows.put, putting=putting)
        put, prune = await self._open_worker().call(work, locks=putting.locks)
        if prune:
            await self._prune_hourly()
        return put

    async def get(self, ids: Collection[str], /) -> Mapping[str, TaskRecord]:
        """By our id, the service's id or a key; see Store.get."""
        worker, names, found = self._open_worker(), tuple(ids), dict[str, TaskRecord]()
        for start in range(0, len(names), NAMES_AT_ONCE):
            found |= await worker.call(partial(postgres_rows.find, names=names[start : start + NAMES_AT_ONCE]))
        return found

    def scan(self, query: Query, /) -> AsyncIterator[TaskRecord]:
        """Newest first, page by page; see Store.scan."""
        page = partial(postgres_rows.page, query=query)
        return pages(lambda below: self._open_worker().call(partial(page, before=below)), query.limit)

    async def claim(self, origin: str, limit: int, lease: float, /) -> Sequence[TaskRecord]:
        """Take due records; see Store.claim. When it is cancelled, what it has taken comes back after its lease."""
        work = partial(postgres_rows.claim, origin=origin, limit=limit, lease=lease)
        claimed, prune = await self._open_worker().call(work, locks=_none)
        if prune:
            await self._prune_hourly()
        return claimed

    async def due(self, id: str, delay: float, /) -> None:
        """Move the next check; see Store.due."""
        await self._open_worker().call(partial(postgres_rows.due, id=id, delay=delay), locks=_none)

    @asynccontextmanager
    async def changes(self) -> AsyncGenerator[AsyncIterator[frozenset[str]]]:
        """Hints for the running loop, also from other hosts; see Store.changes.

        An empty set comes also when the server was lost and found again, and when the store is closed.
        """
        worker, follower = self._open_worker(), Subscription(asyncio.get_running_loop())
        try:
            await worker.follow(follower)
            yield follower
        finally:
            worker.unfollow(follower)

    def events(self, group: str, /) -> AsyncIterator[Delivery]:
        """Endings for a group of consumers, since the oldest that is kept; see Store.events.

        Waiting ends with the iterator. Raises StoreError when the store is closed or the server is away, and
        EventsLostError, once, when endings were forgotten that the group was not given or did not acknowledge.
        """
        locks = partial(postgres_events.locks_of, group=group)
        work = partial(postgres_events.take, group=group, lease=self._event_lease)

        async def take() -> _PostgresDelivery | EventsLostError | float:
            taken = await self._open_worker().call(work, locks=locks)
            return _PostgresDelivery(taken.record, self, group, taken.number) if isinstance(taken, Ending) else taken

        return deliveries(self.changes(), take)

    async def acknowledge(self, group: str, number: int) -> None:
        """Never give the event to the group again; what ``Delivery.ack`` calls."""
        work = partial(postgres_events.acknowledge, group=group, number=number)
        await self._open_worker().call(work, locks=_none)

    async def prune(self, before: datetime, /) -> int:
        """Forget what ended before; see Store.prune."""
        forget = partial(postgres_rows.forget, before=to_micros(before))
        return await until_none_is_left(lambda: self._open_worker().call(forget, locks=_none))

    async def _prune_hourly(self) -> None:
        """Whatever becomes of it, what was asked for is done; the next one tries again."""
        try:
            await self._open_worker().call(partial(postgres_rows.prune_hourly, keep=self._keep), locks=_none)
        except StoreError as error:
            logger.warning("what has ended long ago could not be forgotten: %s", error)

    async def note(self, name: str, value: str | None = None, /) -> str | None:
        """Keep or give a small value; see Store.note."""
        kept = await self._open_worker().call(partial(postgres_rows.noted, name=name))
        if value is None or value == kept:
            return kept
        return await self._open_worker().call(partial(postgres_rows.note, name=name, value=value), locks=_none)


@dataclass(frozen=True, slots=True)
class _PostgresDelivery:
    record: TaskRecord
    store: PostgresStore
    group: str
    number: int

    async def ack(self) -> None:
        await self.store.acknowledge(self.group, self.number)


async def _nothing(_turn: Turn) -> None:
    """Enough to connect and to look at the tables."""


def _none(_namespace: str) -> Sequence[int]:
    """A transaction without locks."""
    return ()
