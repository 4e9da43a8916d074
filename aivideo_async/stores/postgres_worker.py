"""The one thread that talks to PostgreSQL, in an event loop of its own.

A connection belongs to the loop that made it, while a store is used from any loop and thread. So all connections live
here, and callers only wait for what was done: cancelling one of them harms no connection. The thread is a daemon, so a
store that nobody closes does not hold up the interpreter's exit.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from aivideo_async.core.errors import StoreError
from aivideo_async.stores.feeds import Subscription
from aivideo_async.stores.postgres_listener import Listener
from aivideo_async.stores.postgres_pool import Pool, Work
from aivideo_async.stores.postgres_schema import PREPARING, look, prepare
from aivideo_async.stores.postgres_server import Server, ours
from aivideo_async.supervise import Supervisor

T = TypeVar("T")

Locks = Callable[[str], Sequence[int]]
"""The locks of a transaction in a namespace."""
Told = Callable[[], None]
"""What tells somebody in a loop how it went; called in that loop."""


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """Something to be done for somebody in ``loop``."""

    loop: asyncio.AbstractEventLoop
    run: Callable[[], Awaitable[Told]]
    fail: Callable[[Exception], Told]


class Worker:
    """The thread and what it is given to do. ``pool`` and ``listener`` are its own, not used before.

    One that is ``read_only`` makes no tables.
    """

    def __init__(self, server: Server, pool: Pool, listener: Listener, *, read_only: bool = False) -> None:
        self._read_only = read_only
        self._server = server
        self._pool = pool
        self._listener = listener
        self._pid = os.getpid()
        self._loop: asyncio.AbstractEventLoop = asyncio.new_event_loop()
        self._closing = threading.Lock()
        self._closed: tuple[asyncio.AbstractEventLoop, Told] | None = None
        self._inbox: asyncio.Queue[Job | None] = asyncio.Queue()
        self._supervisor = Supervisor("a PostgreSQL store")
        self._preparing = asyncio.Lock()
        self._prepared = False
        self._listening: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the thread; it connects when it is given something to do."""
        threading.Thread(target=self._run, name="aivideo-postgres", daemon=True).start()

    # In the callers' loops

    async def call(self, work: Work[T], *, locks: Locks | None = None) -> T:
        """Do ``work`` in a turn; with ``locks`` it is committed when this returns.

        Raises what opening or ``work`` raised, foreign errors as StoreError. Cancelling it waits no longer, and what
        was begun is done all the same.
        """

        async def turn() -> T:
            held = None if locks is None else locks(self._server.namespace)
            return await self._pool.run(work, locks=held)

        return await self._do(turn)

    async def follow(self, follower: Subscription) -> None:
        """Tell the follower of every change from now on. Raises what ``call`` raises."""

        async def join() -> None:
            if self._listening is None:
                self._listening = self._supervisor.spawn(self._listener.run)
            await self._listener.follow(follower)

        await self._do(join)

    def unfollow(self, follower: Subscription) -> None:
        """Tell it no more. A no-op once the worker is closed."""

        async def leave() -> Told:
            self._listener.unfollow(follower)
            return _nobody

        with contextlib.suppress(StoreError):
            self._send(Job(asyncio.get_running_loop(), leave, lambda _error: _nobody))

    def close(self) -> asyncio.Future[None] | None:
        """Do what was given before, close the connections and end the thread; the future is done by then.

        ``None`` in a forked process: it has no thread, and the connections stay its parent's.
        """
        if os.getpid() != self._pid:
            return None
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._closing:
            self._closed = (loop, partial(_resolve, future, None))
            self._loop.call_soon_threadsafe(self._inbox.put_nowait, None)
        return future

    def require_own_process(self) -> None:
        """Raises StoreError in a forked process: its connections are its parent's too, and must not be touched."""
        if os.getpid() != self._pid:
            raise StoreError("an open PostgreSQL store does not work in a forked process", hint="make one in each")

    async def _do(self, run: Callable[[], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        async def resolve() -> Told:
            return partial(_resolve, future, await run())

        self._send(Job(loop, resolve, partial(partial, _reject, future)))
        return await future

    def _send(self, job: Job) -> None:
        self.require_own_process()
        with self._closing:
            if self._closed is not None:
                raise StoreError("the store was closed")
            self._loop.call_soon_threadsafe(self._inbox.put_nowait, job)

    # In the thread

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._main())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()

    async def _main(self) -> None:
        await self._supervisor.start()
        at_work: set[asyncio.Task[None]] = set()
        while (job := await self._inbox.get()) is not None:
            task = self._supervisor.spawn(self._serve, job)
            at_work.add(task)
            task.add_done_callback(at_work.discard)
        self._listener.close()
        if at_work:
            await asyncio.wait(at_work)
        if self._listening is not None:
            await asyncio.wait([self._listening])
        await self._supervisor.stop()
        await self._pool.close()
        if self._closed is not None:
            _tell(*self._closed)

    async def _serve(self, job: Job) -> None:
        try:
            await self._prepare()
            told = await job.run()
        except Exception as error:  # noqa: BLE001 - nothing may end the thread; the caller is told
            told = job.fail(ours(error))
        _tell(job.loop, told)

    async def _prepare(self) -> None:
        """Look at the tables, once: what is wrong with the URL or with rights is said as what has to be set right.

        It is tried once: a wrong password that is sent again and again may get the user locked out.
        """
        async with self._preparing:
            if self._prepared:
                return
            try:
                if self._read_only:
                    await self._pool.run(look, pauses=())
                else:
                    await self._pool.run(prepare, locks=[PREPARING], pauses=())
            except Exception as error:
                raise await self._server.refusal(error) from error
            self._prepared = True


def _tell(loop: asyncio.AbstractEventLoop, told: Told) -> None:
    with contextlib.suppress(RuntimeError):  # that loop is closed, and nobody waits there any more
        loop.call_soon_threadsafe(told)


def _resolve(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


def _reject(future: asyncio.Future[T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _nobody() -> None:
    """Nobody waits for it."""
