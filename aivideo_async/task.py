"""``GenerationTask``, the awaitable handle. It does I/O through its client and holds no policy."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Generator
from typing import NoReturn, Protocol

from aivideo_async import spans
from aivideo_async.core import lifecycle, wire
from aivideo_async.core.errors import (
    AIVideoError,
    StoreError,
    SubmissionInDoubtError,
    TaskFailedError,
    TaskTimeoutError,
)
from aivideo_async.core.models import Output, TaskRecord, TaskStatus
from aivideo_async.waiters import Waiter, Waiters

UPDATE_EVERY = 5.0


class TaskOwner(Protocol):
    """What a handle needs of the client that it came from."""

    def waiters(self) -> Waiters:
        """The waiters of the open client. Raises ClientClosedError, also when called from another loop."""
        ...

    def waiting_is_hopeless(self, record: TaskRecord) -> AIVideoError | None:
        """Why nothing can end this wait, if so: each call gives an error of its own."""
        ...

    def status_of(self, record: TaskRecord) -> TaskStatus:
        """The status as it reads now."""
        ...

    async def ask(self, record: TaskRecord) -> TaskRecord:
        """Ask the service once and store the answer."""
        ...

    async def store_again(self, record: TaskRecord) -> TaskRecord:
        """Store what only the handle still knows, and give what the store then holds. Raises StoreError."""
        ...

    def doubtful_in(self, record: TaskRecord) -> float | None:
        """Seconds until a create without an answer reads as in doubt; ``None`` where that does not lie ahead."""
        ...


class GenerationTask:
    """A task that was submitted: ``await`` it whenever, as often as wanted, also after a restart.

    ``await task`` is ``task.wait()`` without a time-out. A wait is not the work: cancelling it or letting it run out
    leaves the task alive at the service and awaitable again.
    """

    __slots__ = ("_owner", "_record")

    def __init__(self, owner: TaskOwner, record: TaskRecord) -> None:
        self._owner = owner
        self._record = record

    @property
    def id(self) -> str:
        """Our id, minted before the POST: ``av_`` and 32 hex digits."""
        return self._record.id

    @property
    def service_id(self) -> str | None:
        """The service's id; ``None`` until an answer or a callback named it."""
        return self._record.service_id

    @property
    def record(self) -> TaskRecord:
        """The record as last known, without I/O."""
        return self._record

    @property
    def status(self) -> TaskStatus:
        """The status as last known, without I/O."""
        return self._owner.status_of(self._record)

    @property
    def mismatches(self) -> tuple[str, ...]:
        """Where the result differs from what was asked for (duration, ratio), a sentence each."""
        output = self._record.output
        return () if output is None else lifecycle.mismatches(self._record.request, output.metadata)

    async def wait(self, *, timeout: float | None = None) -> Output:
        """Wait for the result, at most ``timeout`` seconds.

        Raises TaskFailedError when the service reports a failure, TaskTimeoutError when ``timeout`` or the task's
        deadline of 24 hours runs out, the create's own error when it was refused, SubmissionInDoubtError when nobody
        knows whether the task exists and no callback can tell, ClientClosedError when the client closes meanwhile.
        Cancelling it ends this wait only.
        """
        began = 0 if spans.current is None else time.time_ns()
        if timeout is None:
            await self._ended()
            return self._outcome(began)
        span = asyncio.timeout(timeout)
        try:
            async with span:
                await self._ended()
        except TimeoutError as error:
            if not span.expired():
                raise
            raise TaskTimeoutError(
                f"{self.id} has not ended after {timeout:g} s", retryable=True, hint="await it again", task=self
            ) from error
        return self._outcome(began)

    def __await__(self) -> Generator[object, None, Output]:
        return self.wait().__await__()

    async def refresh(self, *, ask: bool = False) -> TaskRecord:
        """Read the record from the store, or with ``ask`` from the service, and give it.

        Asking raises the errors of a GET (APIError, InvalidResponseError). Cancelling it changes nothing.
        """
        waiters = self._owner.waiters()
        if ask:
            self._record = await self._owner.ask(self._record)
        else:
            with waiters.join(self.id) as waiter:
                await self._read(waiters, waiter)
        return self._record

    async def updates(self) -> AsyncGenerator[TaskRecord]:
        """The record now, at each change, and every 5 s; ends after the record that has ended."""
        waiters = self._owner.waiters()
        with waiters.join(self.id) as waiter:
            await self._read(waiters, waiter)
            while True:
                self._owner.waiters()
                self._record = waiter.record or self._record
                yield self._record
                if self._record.status in lifecycle.ENDED:
                    return
                if waiter.record in (None, self._record):
                    await waiter.changed(UPDATE_EVERY)

    def __repr__(self) -> str:
        return f"<GenerationTask {self.id} {self.status.value} service_id={self.service_id}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a handle belongs to its client and does not pickle; keep its id: {self.id}")

    async def _ended(self) -> None:
        while self._record.status not in lifecycle.SERVICE:
            waiters = self._owner.waiters()
            with waiters.join(self.id) as waiter:
                await self._read(waiters, waiter)
                if self._record.status in lifecycle.ENDED:
                    return
                self._raise_if_hopeless()
                doubtful_in = self._owner.doubtful_in(self._record)
                if doubtful_in is None:
                    self._record = await waiter.ended() or self._record
                else:
                    await self._ended_within(doubtful_in, waiter)

    async def _ended_within(self, seconds: float, waiter: Waiter) -> None:
        """Wait for an ending or an interruption, no longer than until the create is in doubt."""
        span = asyncio.timeout(seconds)
        try:
            async with span:
                self._record = await waiter.ended() or self._record
        except TimeoutError:
            if not span.expired():
                raise

    async def _read(self, waiters: Waiters, waiter: Waiter) -> None:
        """Take the store's record; where it forgot the task, or never heard of its id, tell it again."""
        readable = await waiters.read((self.id,))
        held = waiter.record
        unheard = held is None or (held.service_id is None and self._record.service_id is not None)
        if readable and unheard:
            with contextlib.suppress(StoreError):  # the next reading meets it again
                held = await self._owner.store_again(self._record)
        self._record = held or self._record

    def _raise_if_hopeless(self) -> None:
        error = self._owner.waiting_is_hopeless(self._record)
        if error is not None:
            raise error

    def _outcome(self, began: int) -> Output:
        record = self._record
        if began and spans.current is not None:
            spans.current.woken(record, began)
        if record.status is TaskStatus.COMPLETED and record.output is not None:
            return record.output
        if record.status is TaskStatus.REFUSED and record.failure is not None:
            raise wire.error_from(record.failure)
        message = record.failure.message if record.failure else f"{self.id} ended as {record.status.value}"
        if record.status is TaskStatus.EXPIRED:
            raise TaskTimeoutError(message, code="expired", task=self)
        raise TaskFailedError(message, code=record.failure.code if record.failure else None, charged="no", task=self)


def doubt(task: GenerationTask, cause: str) -> SubmissionInDoubtError:
    """The error for a create of which nobody can know whether it was accepted; it offers the handle."""
    return SubmissionInDoubtError(
        f"nobody can know whether {task.id} was accepted: {cause}",
        hint="it is never sent again by itself; error.task resolves when its callback comes",
        task=task,
    )
