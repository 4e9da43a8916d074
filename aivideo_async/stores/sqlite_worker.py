"""The one thread that talks to SQLite, fed by a queue (stores.md §2).

It is a daemon, so a store that nobody closes does not hold up the interpreter's exit. What is queued while a commit
takes its time goes into the next one together: ten writes cost one sync of the disk, not ten.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import queue
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from aivideo_async.core.errors import ConfigurationError, StoreError
from aivideo_async.stores.feeds import Subscription
from aivideo_async.stores.sqlite_schema import DatabaseFile, Turn, code_of, needs_reopening, ours
from aivideo_async.stores.sqlite_watch import Watch

logger: logging.Logger = logging.getLogger(__name__)

T = TypeVar("T")

LOOK_EVERY = 0.1
TOGETHER_AT_MOST = 512

Told = Callable[[], None]
"""What tells somebody in a loop how it went; called in that loop."""


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """Something to be done on the connection for somebody in ``loop``.

    ``run`` may run more than once, when a transaction was given up. ``writes`` says whether it needs one.
    """

    loop: asyncio.AbstractEventLoop
    writes: bool
    run: Callable[[Turn], Told]
    fail: Callable[[Exception], Told]


class Worker:
    """The thread and its queue. ``clock`` gives unix seconds instead of SQLite's own clock.

    While somebody follows, it looks every ``look_every`` seconds for what others have changed. A file that was lost
    is opened again for the next that is to be done.
    """

    def __init__(
        self, file: DatabaseFile, *, clock: Callable[[], float] | None = None, look_every: float = LOOK_EVERY
    ) -> None:
        self._file = file
        self._clock = clock
        self._look_every = look_every
        self._pid = os.getpid()
        self._closing = threading.Lock()
        self._closed: tuple[asyncio.AbstractEventLoop, Told] | None = None
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._ending = False
        self._db: sqlite3.Connection | None = None
        self._was_open = False
        self._watch = Watch()
        self._next_look = 0.0
        self._outbox: defaultdict[asyncio.AbstractEventLoop, list[Told]] = defaultdict(list)

    def start(self) -> None:
        """Start the thread; it opens the file when it is given something to do."""
        threading.Thread(target=self._run, name="aivideo-sqlite", daemon=True).start()

    # In the callers' loops

    async def call(self, work: Callable[[Turn], T], *, writes: bool) -> T:
        """Do ``work`` in the thread; what it ``writes`` is on the disk when this returns.

        Raises what opening or ``work`` raised, foreign errors as StoreError. Cancelling it waits no longer, and what
        was queued is done all the same.
        """
        self.require_own_process()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._send(
            Job(
                loop,
                writes,
                run=lambda turn: partial(_resolve, future, work(turn)),
                fail=lambda error: partial(_reject, future, error),
            )
        )
        return await future

    async def follow(self, follower: Subscription) -> None:
        """Tell the follower of every change from now on. Raises what ``call`` raises."""
        await self.call(lambda turn: self._watch.add(turn.db, follower), writes=False)

    def unfollow(self, follower: Subscription) -> None:
        """Tell it no more. A no-op once the worker is closed."""

        def leave(_ignored: object) -> Told:
            self._watch.remove(follower)
            return _nobody

        loop = asyncio.get_running_loop()
        with contextlib.suppress(StoreError):
            self.require_own_process()
            self._send(Job(loop, writes=False, run=leave, fail=leave))

    def close(self) -> asyncio.Future[None] | None:
        """Do what is queued, close the file and end the thread; the future is done when the file is closed.

        ``None`` in a forked process: it has no thread, and the file stays its parent's.
        """
        if os.getpid() != self._pid:
            return None
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._closing:
            self._closed = (loop, partial(_resolve, future, None))
            self._queue.put(None)
        return future

    def require_own_process(self) -> None:
        """Raises StoreError in a forked process: it has the connection without the thread, and must not touch it."""
        if os.getpid() != self._pid:
            raise StoreError("an open SQLite store does not work in a forked process", hint="make one in each process")

    def _send(self, job: Job) -> None:
        with self._closing:
            if self._closed is not None:
                raise StoreError("the store was closed")
            self._queue.put(job)

    # In the thread

    def _run(self) -> None:
        while not self._ending:
            jobs = self._sweep()
            for job in jobs:
                if not job.writes:
                    self._outbox[job.loop].append(self._read(job))
            self._tell()
            self._write([job for job in jobs if job.writes])
            self._look()
            self._tell()
        self._end()

    def _sweep(self) -> list[Job]:
        """What is queued, waiting for the first; nothing when it is time to look."""
        jobs: list[Job] = []
        wait = max(0.0, self._next_look - time.monotonic()) if self._watch.followed else None
        with contextlib.suppress(queue.Empty):
            job = self._queue.get(timeout=wait)
            while job is not None:
                jobs.append(job)
                if len(jobs) == TOGETHER_AT_MOST:
                    return jobs
                job = self._queue.get_nowait()
            self._ending = True
        return jobs

    def _read(self, job: Job) -> Told:
        try:
            return job.run(Turn(self._connection(), self._clock))
        except Exception as error:  # noqa: BLE001 - nothing may end the thread; the caller is told
            return self._failed(job, error)

    def _write(self, jobs: list[Job]) -> None:
        """Commit them together; when one of them makes SQLite give up everything, each alone."""
        try:
            told = self._together(jobs) if jobs else []
        except Exception as error:  # noqa: BLE001 - nothing may end the thread; the callers are told
            if len(jobs) > 1 and (needs_reopening(error) or code_of(error) == sqlite3.SQLITE_FULL):
                for job in jobs:
                    self._write([job])
                return
            told = [self._failed(job, error) for job in jobs]
        for job, tell in zip(jobs, told, strict=True):
            self._outbox[job.loop].append(tell)

    def _together(self, jobs: list[Job]) -> list[Told]:
        turn = Turn(self._connection(), self._clock)
        try:
            turn.db.execute("BEGIN IMMEDIATE")
            told = [self._one(turn, job) for job in jobs]
            turn.db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                turn.db.execute("ROLLBACK")
            raise
        self._watch.committed(turn.changed)
        return told

    def _one(self, turn: Turn, job: Job) -> Told:
        """One of several: when it fails, the others are still committed."""
        changed = len(turn.changed)
        turn.db.execute("SAVEPOINT one")
        try:
            told = job.run(turn)
        except Exception as error:
            if not turn.db.in_transaction or needs_reopening(error):
                raise
            turn.db.execute("ROLLBACK TO one")
            del turn.changed[changed:]
            told = job.fail(ours(error, self._file.path))
        turn.db.execute("RELEASE one")
        return told

    def _failed(self, job: Job, error: Exception) -> Told:
        if needs_reopening(error):
            self._disconnect()
        return job.fail(ours(error, self._file.path))

    def _connection(self) -> sqlite3.Connection:
        """The connection to what is at the path now. Raises what opening raises."""
        if self._db is not None and self._file.moved():
            logger.warning("%s was deleted or replaced", self._file.path)
            self._disconnect()
        elif self._db is not None and self._file.stirred():
            self._disconnect()
        if self._db is None:
            self._db = self._reopen() if self._was_open else self._file.open()
            self._was_open = True
        return self._db

    def _reopen(self) -> sqlite3.Connection:
        try:
            db = self._file.open()
        except ConfigurationError as error:
            raise StoreError(error.message, hint=error.hint) from error
        if not self._file.read_only:
            logger.warning("%s was opened anew", self._file.path)
        self._watch.begin(db)
        self._watch.missed()
        return db

    def _disconnect(self) -> None:
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
        self._db = None

    def _look(self) -> None:
        """See what others have changed, if it is time and somebody wants to know."""
        if not self._watch.followed or time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + self._look_every
        try:
            self._watch.look(self._connection())
        except Exception as error:  # noqa: BLE001 - nothing may end the thread; once it is back, followers read again
            logger.debug("changes cannot be seen: %s", error)
            self._disconnect()

    def _tell(self) -> None:
        outbox, self._outbox = self._outbox, defaultdict(list)
        for loop, told in outbox.items():
            with contextlib.suppress(RuntimeError):  # that loop is closed, and nobody waits there any more
                loop.call_soon_threadsafe(_call_all, told)

    def _end(self) -> None:
        self._disconnect()
        self._watch.missed()
        if self._closed is not None:
            loop, closed = self._closed
            self._outbox[loop].append(closed)
        self._tell()


def _call_all(calls: list[Told]) -> None:
    for call in calls:
        call()


def _resolve(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


def _reject(future: asyncio.Future[T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _nobody() -> None:
    """Nobody waits for it."""
