"""The embedded, durable store: a file, no server, no dependency (stores.md §2).

Several processes of one host may share the file: they are replicas of one another. **Not on a network file system**
(NFS, SMB and their like): SQLite relies on file locks, which these keep badly, and the file would be damaged sooner or
later. Use PostgreSQL or Redis between hosts. All processes should have the same version of SQLite: 3.51.3 and later
keep a write-ahead log, earlier ones a rollback journal, since they can corrupt the former.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Self, TypeVar

from aivideo_async.core.errors import ConfigurationError, EventsLostError, StoreError
from aivideo_async.core.models import TaskRecord, to_micros
from aivideo_async.stores import sqlite_events, sqlite_rows
from aivideo_async.stores.base import Delivery, Put, Query
from aivideo_async.stores.feeds import Ending, Subscription
from aivideo_async.stores.rounds import deliveries, pages, until_none_is_left
from aivideo_async.stores.sqlite_schema import DatabaseFile, Turn
from aivideo_async.stores.sqlite_worker import LOOK_EVERY, Worker

T = TypeVar("T")

KEEP_ENDED = timedelta(days=7)
EVENT_LEASE = 30.0
NAMES_AT_ONCE = 200

_FORMS = "sqlite:///relative.db or sqlite:////absolute.db"


class SqliteStore:
    """Records in the SQLite database at ``path``, made with its folder where they are missing (0600 in 0700).

    ``clock`` gives unix seconds for leases and retention instead of SQLite's own clock. What has ended is kept for
    ``keep_ended``, what has not for so long after its deadline of 24 hours. An ending that is not acknowledged within
    ``event_lease`` seconds is given again. What other processes change is seen within ``look_every`` seconds.

    ``read_only`` makes nothing and writes nothing: what would write raises StoreError.

    It may be shared by threads and loops. Opening it raises StoreError when the file cannot be used, and
    ConfigurationError when it is no database of ours or one of a newer version, or is not there and is ``read_only``.
    In a process that was forked while it was open, every method raises StoreError.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        clock: Callable[[], float] | None = None,
        keep_ended: timedelta = KEEP_ENDED,
        event_lease: float = EVENT_LEASE,
        look_every: float = LOOK_EVERY,
        read_only: bool = False,
    ) -> None:
        self._file = DatabaseFile(path, read_only=read_only)
        self._clock = clock
        self._keep = keep_ended // timedelta(microseconds=1)
        self._event_lease = event_lease
        self._look_every = look_every
        self._counting = threading.Lock()
        self._users = 0
        self._worker: Worker | None = None

    @classmethod
    def from_url(cls, url: str, *, read_only: bool = False) -> Self:
        """A store for ``sqlite:///relative`` or ``sqlite:////absolute``; raises ConfigurationError for other forms."""
        _, slashes, path = url.partition(":///")
        if not slashes or not path or path.endswith("/"):
            raise ConfigurationError("the URL of a SQLite store names a file after three slashes", hint=_FORMS)
        if path == ":memory:":
            raise ConfigurationError("a database in memory would be nobody else's", hint="memory:")
        if "?" in path or "#" in path or "\0" in path:
            raise ConfigurationError("the URL of a SQLite store has no options", hint=_FORMS)
        return cls(path, read_only=read_only)

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
                self._worker = Worker(self._file, clock=self._clock, look_every=self._look_every)
                self._worker.start()
            worker = self._worker
            self._users += 1
        try:
            await worker.call(_nothing, writes=False)
        except BaseException:
            self._leave()
            raise
        return self

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
            raise StoreError("the SQLite store is not open", hint="async with store: ...")
        self._worker.require_own_process()
        return self._worker

    async def _call(self, work: Callable[[Turn], T], *, writes: bool) -> T:
        return await self._open_worker().call(work, writes=writes)

    async def put(self, record: TaskRecord, /) -> Put:
        """Merge; see Store.put. It is on the disk when this returns. Cancelling does not take it back."""
        return await self._call(lambda turn: sqlite_rows.put(turn, record, self._keep), writes=True)

    async def get(self, ids: Collection[str], /) -> Mapping[str, TaskRecord]:
        """By our id, the service's id or a key; see Store.get."""
        worker, names, found = self._open_worker(), tuple(ids), dict[str, TaskRecord]()
        for start in range(0, len(names), NAMES_AT_ONCE):
            some = names[start : start + NAMES_AT_ONCE]
            found |= await worker.call(partial(sqlite_rows.find, names=some), writes=False)
        return found

    def scan(self, query: Query, /) -> AsyncIterator[TaskRecord]:
        """Newest first, page by page; see Store.scan."""
        page = partial(sqlite_rows.page, query=query)
        return pages(lambda below: self._call(partial(page, before=below), writes=False), query.limit)

    async def claim(self, origin: str, limit: int, lease: float, /) -> Sequence[TaskRecord]:
        """Take due records; see Store.claim. When it is cancelled, what it has taken comes back after its lease."""
        return await self._call(lambda turn: sqlite_rows.claim(turn, origin, limit, lease, self._keep), writes=True)

    async def due(self, id: str, delay: float, /) -> None:
        """Move the next check; see Store.due."""
        await self._call(lambda turn: sqlite_rows.due(turn, id, delay), writes=True)

    @asynccontextmanager
    async def changes(self) -> AsyncGenerator[AsyncIterator[frozenset[str]]]:
        """Hints for the running loop, also from other processes; see Store.changes.

        An empty set comes also when the file was lost and found again, and when the store is closed.
        """
        worker, follower = self._open_worker(), Subscription(asyncio.get_running_loop())
        try:
            await worker.follow(follower)
            yield follower
        finally:
            worker.unfollow(follower)

    def events(self, group: str, /) -> AsyncIterator[Delivery]:
        """Endings for a group of consumers, since the oldest that is kept; see Store.events.

        Waiting ends with the iterator. Raises StoreError when the store is closed, and EventsLostError, once, when
        endings were forgotten that the group was not given or did not acknowledge.
        """

        async def take() -> _SqliteDelivery | EventsLostError | float:
            taken = await self._call(lambda turn: sqlite_events.take(turn, group, self._event_lease), writes=True)
            return _SqliteDelivery(taken.record, self, group, taken.number) if isinstance(taken, Ending) else taken

        return deliveries(self.changes(), take)

    async def acknowledge(self, group: str, number: int) -> None:
        """Never give the event to the group again; what ``Delivery.ack`` calls."""
        await self._call(lambda turn: sqlite_events.acknowledge(turn, group, number), writes=True)

    async def prune(self, before: datetime, /) -> int:
        """Forget what ended before; see Store.prune."""
        forget = partial(sqlite_rows.forget, before=to_micros(before))
        return await until_none_is_left(lambda: self._call(forget, writes=True))

    async def note(self, name: str, value: str | None = None, /) -> str | None:
        """Keep or give a small value; see Store.note."""
        kept = await self._call(lambda turn: sqlite_rows.noted(turn, name), writes=False)
        if value is None or value == kept:
            return kept
        return await self._call(lambda turn: sqlite_rows.note(turn, name, value), writes=True)


@dataclass(frozen=True, slots=True)
class _SqliteDelivery:
    record: TaskRecord
    store: SqliteStore
    group: str
    number: int

    async def ack(self) -> None:
        await self.store.acknowledge(self.group, self.number)


def _nothing(_turn: Turn) -> None:
    """Enough to open the file."""
