"""The one owner of background work, and the only place in the package that creates asyncio tasks.

A supervisor runs in a task of its own and never around the caller's code, as a task group would (flow.md §6): a
``TaskFailedError`` raised in the body of ``async with Client()`` leaves it as itself and not in an ``ExceptionGroup``,
and a client may be entered in one task and left in another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import ParamSpec, TypeVar, cast

from aivideo_async.core.errors import ClientClosedError

P = ParamSpec("P")
T = TypeVar("T")


class Supervisor:
    """Owns every background task of one client or server.

    A task whose exception nobody may miss ends the supervisor: its siblings are cancelled, ``on_failure`` is called
    with what made it fail, and ``stop`` raises it. (A task group would do the same at three times the cost per task.)
    """

    def __init__(self, name: str, *, on_failure: Callable[[BaseException], None] | None = None) -> None:
        self._name = name
        self._on_failure = on_failure
        self._running = False
        self._stopping = False
        self._failure: BaseException | None = None
        self._ending = asyncio.Event()
        self._main: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[object]] = set()

    @property
    def running(self) -> bool:
        """Whether tasks can be spawned."""
        return self._running

    async def start(self) -> None:
        """Start in the running loop. Cancelling it leaves nothing running. Raises RuntimeError when it was started."""
        if self._main is not None:
            raise RuntimeError(f"{self._name} was started already")
        self._stopping, self._failure, self._ending = False, None, asyncio.Event()
        started = asyncio.Event()
        self._main = asyncio.create_task(self._run(started), name=self._name)
        try:
            await started.wait()
        except asyncio.CancelledError:
            await self.stop()
            raise

    def spawn(
        self, function: Callable[P, Coroutine[object, object, T]], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Task[T]:
        """Run ``function(*args)`` in the background. Raises ClientClosedError when it does not run."""
        if not self._running:
            raise ClientClosedError(f"{self._name} is not running", charged="no")
        task = asyncio.create_task(function(*args, **kwargs))
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._running = False  # what is spawned now would be cancelled at once
            self._failure = self._failure or error
            self._ending.set()

    async def stop(self) -> None:
        """Cancel what still runs, await it, and raise what made a task fail.

        Idempotent. Cancelling it does not leave tasks behind: they are already cancelled by then, and awaited.
        """
        main, self._main = self._main, None
        if main is None:
            return
        self._stopping = True
        self._ending.set()
        await main

    async def _run(self, started: asyncio.Event) -> None:
        self._running = True
        started.set()
        cancelled = await _cancelled_while(self._ending.wait())
        self._running = False
        for task in tuple(self._tasks):
            task.cancel()
        while self._tasks:
            cancelled = await _cancelled_while(asyncio.wait(self._tasks)) or cancelled
        failure = self._failure or cancelled
        if failure is not None:
            if self._on_failure is not None and not (failure is cancelled and self._stopping):
                self._on_failure(failure)
            raise failure


async def _cancelled_while(work: Awaitable[object]) -> asyncio.CancelledError | None:
    """Await ``work``, and give what cancelled that, if anything did."""
    try:
        await work
    except asyncio.CancelledError as error:
        return error
    return None


async def together(*work: Coroutine[object, object, T]) -> list[T]:
    """Run all of ``work`` at once and give the results in their order.

    The first failure cancels the others and is raised as itself. Cancelling it cancels all of them.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except BaseExceptionGroup as failures:
        raise first_of(failures) from None
    return [task.result() for task in tasks]


def first_of(error: BaseException) -> BaseException:
    """The first plain exception inside what may be a group."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


async def finish(work: Awaitable[T]) -> T:
    """Await ``work`` to its end even when the caller is cancelled meanwhile; the cancellation is then raised after it.

    Some servers cancel a handler when the sender hangs up: what must not stop half-way stands in here.
    """
    future = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.shield(future)
        except asyncio.CancelledError as error:
            cancelled = None if future.cancelled() else error
        except Exception:  # noqa: BLE001 - it is raised below
            break
    if cancelled is not None:
        raise cancelled from (None if future.cancelled() else future.exception())
    return future.result()
