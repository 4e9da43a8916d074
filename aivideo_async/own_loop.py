"""An event loop in a thread of its own, for whoever has none: WSGI applications, functions in a cloud.

It is started by the first call, belongs to the process that made that call, and ends with ``close`` or the process.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from aivideo_async.core.errors import ConfigurationError

CLOSE_WITHIN = 10.0

T = TypeVar("T")


class OwnLoop:
    """Runs coroutines for threads, which may be many.

    ``last`` is awaited in the loop before it ends. Nothing is started before the first call, so that it may be made
    before a fork.
    """

    def __init__(
        self, name: str, last: Callable[[], Coroutine[object, object, None]], *, close_within: float = CLOSE_WITHIN
    ) -> None:
        self._name = name
        self._last = last
        self._close_within = close_within
        self._lock = threading.Lock()
        self._pid: int | None = None
        self._thread: _LoopThread | None = None

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Run ``work`` in the loop and wait for it; what it raises is raised here.

        Raises ConfigurationError, and runs nothing, in a process that was forked after the loop had started, and where
        a loop runs already, which would stand still meanwhile.
        """
        return self._begin(work).result()

    def later(self, work: Coroutine[object, object, object]) -> None:
        """Run ``work`` without waiting for it; it is to say its errors itself. Raises as ``run`` does."""
        self._begin(work)

    def close(self) -> None:
        """Wait for what was begun, cancel what takes longer than ``close_within`` seconds, and end the thread.

        Idempotent; the next call starts it again. Raises what ``last`` raises. Does nothing in a forked process.
        """
        if self._pid != os.getpid():
            return
        with self._lock:
            thread, self._thread, self._pid = self._thread, None, None
        if thread is not None:
            atexit.unregister(self.close)
            thread.end(self._last, self._close_within)

    def _begin(self, work: Coroutine[object, object, T]) -> Future[T]:
        try:
            self._check_caller()
        except ConfigurationError:
            work.close()
            raise
        with self._lock:
            if self._thread is None:
                self._thread, self._pid = _LoopThread(self._name), os.getpid()
                atexit.register(self.close)
            return self._thread.begin(work)

    def _check_caller(self) -> None:
        if self._pid not in (None, os.getpid()):  # before the lock, which may have been held when the process forked
            raise ConfigurationError(
                f"{self._name} was used before this process was forked, and its thread stayed behind",
                hint="make it in each worker: when the first request comes, or in a post_fork hook",
            )
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        raise ConfigurationError(f"an event loop runs where {self._name} was to be waited for", hint="await handle()")


class _LoopThread:
    """A thread, its loop, and what was begun in it."""

    def __init__(self, name: str) -> None:
        self._started, self._stopping = threading.Event(), asyncio.Event()
        self._begun: set[Future[Any]] = set()
        # A daemon: for any other thread Python waits before it comes to what atexit holds.
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name=name, daemon=True)
        self._thread.start()
        self._started.wait()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._started.set()
        await self._stopping.wait()

    def begin(self, work: Coroutine[object, object, T]) -> Future[T]:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._begun.add(future)
        future.add_done_callback(self._begun.discard)
        return future

    def end(self, last: Callable[[], Coroutine[object, object, None]], within: float) -> None:
        for future in wait(tuple(self._begun), timeout=within).not_done:
            future.cancel()
        try:
            asyncio.run_coroutine_threadsafe(last(), self._loop).result()
        finally:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
