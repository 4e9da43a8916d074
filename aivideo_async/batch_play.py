"""One item of a batch: its key, its models in turn, what an earlier run has left of it, and its files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import anyio

from aivideo_async import doubts
from aivideo_async.attempts import Attempt, tried
from aivideo_async.batch_items import BatchItem, Counts, item_key, standing_of
from aivideo_async.catalog import Change
from aivideo_async.client import Client
from aivideo_async.core import lifecycle, wire
from aivideo_async.core.budget import credit_micros, price_of
from aivideo_async.core.errors import (
    AIVideoError,
    ClientClosedError,
    InvalidRequestError,
    NotFoundError,
    SubmissionInDoubtError,
    TaskTimeoutError,
)
from aivideo_async.core.models import GenerationRequest, Output, TaskRecord, TaskStatus
from aivideo_async.spending import Budget
from aivideo_async.stores import Query
from aivideo_async.task import GenerationTask
from aivideo_async.waiters import Parked

LABEL = "batch"
"""The label under which a batch's name stands in its records."""


@dataclass(slots=True, kw_only=True)
class Begun:
    """One model's turn of an item that was sent, or found. ``amount`` is what is reserved for it in micro-credits, and
    ``known`` says that its ending was on record. It has a ``task``, a ``doubt`` whether there is one, or is an
    ``attempt`` already.
    """

    index: int
    request: GenerationRequest
    changes: tuple[Change, ...]
    known: bool
    amount: int = 0
    task: GenerationTask | None = None
    doubt: SubmissionInDoubtError | None = None
    attempt: Attempt | None = None


@dataclass(slots=True, kw_only=True)
class Player:
    """Plays the items of one batch. ``resuming`` says that there are records of an earlier run under its name."""

    client: Client
    counts: Counts
    budget: Budget | None
    fallbacks: Sequence[str]
    name: str | None
    folder: Path | None
    labels: Mapping[str, str]
    resubmit: bool
    resuming: bool = False

    async def look_back(self) -> None:
        """Whether there are records of this name, and what they cost. Raises StoreError."""
        limit = 1 if self.budget is None else None
        async for record in self.client.store.scan(Query(labels={LABEL: str(self.name)}, limit=limit)):
            self.resuming = True
            if self.budget is not None:
                self.budget.adopt(self._as_it_reads(record))

    def _as_it_reads(self, record: TaskRecord) -> TaskRecord:
        """The record with the status that it has now: that a create is in doubt is derived and never written."""
        return replace(record, status=self.client.owner.status_of(record))

    async def begin(self, index: int, request: GenerationRequest, changes: tuple[Change, ...] = ()) -> Begun:
        """Send one model's turn of an item, or find what an earlier run has sent. Raises ClientClosedError; every other
        failure is the item's.
        """
        key, record = (None, None) if self.name is None else await self._key(self.name, index, request)
        begun = Begun(
            index=index,
            request=request,
            changes=changes,
            known=record is not None and record.status in lifecycle.ENDED,
            attempt=_refused_for_good(request, changes, record),
        )
        if begun.attempt is not None:
            return begun
        try:
            begun.task = await self.client.submit(request, key=key, labels=self.labels, budget=self.budget)
        except SubmissionInDoubtError as error:
            begun.task = error.task if isinstance(error.task, GenerationTask) else None
            begun.doubt = error
        except ClientClosedError:
            raise
        except AIVideoError as error:
            begun.attempt = Attempt(request=request, changes=changes, error=error)
            return begun
        begun.amount = self._price(request) if begun.task is None else price_of(begun.task.record)
        self.counts.move(begun.amount, "released", "reserved")
        return begun

    def _price(self, request: GenerationRequest) -> int:
        high = self.client.estimate(request).high
        return 0 if high is None else credit_micros(high)

    def park(self, begun: Begun, wake: Callable[[Begun, TaskRecord | None], None]) -> Parked[Begun] | None:
        """Let an item wait without a coroutine, as most of a wide batch do; ``None`` where ``finish`` has work to do.

        ``wake`` is called once, later, with the record that has ended, or with ``None`` where ``finish`` has to look
        around. Raises ClientClosedError.
        """
        task, owner = begun.task, self.client.owner
        if task is None or begun.doubt is not None:
            return None
        record = task.record
        if record.service_id is None or record.status in lifecycle.ENDED or owner.waiting_is_hopeless(record):
            return None
        return owner.waiters().park(record.id, wake, begun)

    def woken(self, begun: Begun, record: TaskRecord) -> None:
        """Take the record with which an item was woken, so that nobody reads it again."""
        begun.task = GenerationTask(self.client.owner, record)

    async def finish(self, begun: Begun) -> BatchItem:
        """The item, once its first turn has ended and whatever that makes of it. Raises ClientClosedError; every other
        failure is the item's.
        """
        known = [begun.known]

        async def attempt(request: GenerationRequest, changes: tuple[Change, ...]) -> Attempt:
            further = await self.begin(begun.index, request, changes)
            known.append(further.known)
            return await self._end(further)

        attempts = await tried(await self._end(begun), self.fallbacks, attempt)
        files: tuple[Path, ...] = ()
        download_error: Exception | None = None
        output = attempts[-1].output
        if output is not None and self.folder is not None:
            try:
                files = await self._files(output, self.folder)
            except ClientClosedError:
                raise
            except (AIVideoError, OSError) as error:
                download_error = error
        return BatchItem(
            index=begun.index,
            request=begun.request,
            attempts=tuple(attempts),
            files=files,
            download_error=download_error,
            resumed=sum(known) == len(attempts),
        )

    async def _end(self, begun: Begun) -> Attempt:
        """Wait for the end of a turn."""
        attempt = begun.attempt or await self._outcome(begun)
        self.counts.move(begun.amount, "reserved", standing_of(attempt))
        return attempt

    async def _outcome(self, begun: Begun) -> Attempt:
        task, request, changes = begun.task, begun.request, begun.changes
        try:
            output = await self._awaited(task, begun.doubt)
        except ClientClosedError:
            raise
        except AIVideoError as error:
            record = None if task is None else self._as_it_reads(task.record)
            if record is not None and self.budget is not None:
                self.budget.learn(record)
            return Attempt(request=request, changes=changes, record=record, error=error)
        return Attempt(request=request, changes=changes, record=task.record if task else None, output=output)

    async def _key(self, name: str, index: int, request: GenerationRequest) -> tuple[str, TaskRecord | None]:
        """The key of an item, and what is on record under it; what was given up is followed by another."""
        key = item_key(name, index, request)
        while self.resuming:
            record = (await self.client.store.get((key,))).get(key)
            if record is None or not (doubts.is_abandoned(record) or await self._given_up(record)):
                return key, record
            key += "/again"
        return key, None

    async def _given_up(self, record: TaskRecord) -> bool:
        if not self.resubmit or self.client.owner.status_of(record) is not TaskStatus.IN_DOUBT:
            return False
        try:
            record = await self.client.abandon(record.id)
        except InvalidRequestError:  # its callback has come meanwhile
            return False
        if self.budget is not None:
            self.budget.learn(record)
        return doubts.is_abandoned(record)

    async def _awaited(self, task: GenerationTask | None, doubt: SubmissionInDoubtError | None) -> Output:
        """Wait for the result; for a create in doubt no longer than its callbacks can come."""
        while task is not None:
            patience = self.client.owner.doubt_lasts(task.record)
            try:
                return await task.wait(timeout=patience)
            except TaskTimeoutError as error:
                if error.code == "expired":
                    raise
                record = await task.refresh()
                if record.status in lifecycle.ENDED or self.client.owner.doubt_lasts(record) is None:
                    continue
                raise doubt or _doubt(task) from error
        raise doubt or SubmissionInDoubtError("nobody can know")

    async def _files(self, output: Output, folder: Path) -> tuple[Path, ...]:
        """The results in the folder; an earlier run may have fetched them, and their URLs may be dead by now."""
        found = [Path(path) async for path in anyio.Path(folder).glob(f"{output.task_id}-*")]
        there = sorted(path for path in found if path.suffix != ".part")
        if self.resuming and len(there) >= len(output.urls):
            return tuple(there)
        return tuple(file.path for file in await self.client.download_all(output, folder))


def _refused_for_good(
    request: GenerationRequest, changes: tuple[Change, ...], record: TaskRecord | None
) -> Attempt | None:
    """What the service has said no to in an earlier run, and would say again."""
    if record is None or record.status is not TaskStatus.REFUSED or record.failure is None:
        return None
    error = wire.error_from(record.failure)
    if not isinstance(error, InvalidRequestError | NotFoundError):
        return None
    return Attempt(request=request, changes=changes, record=record, error=error)


def _doubt(task: GenerationTask) -> SubmissionInDoubtError:
    return SubmissionInDoubtError(f"{task.id}: no answer and no callback came", task=task)
