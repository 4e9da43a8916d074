"""``Batch``: many requests through one client, as many at once as wanted, resumed where it stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence, Sized
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Self

import anyio

from aivideo_async import doubts
from aivideo_async.attempts import Attempt, tried
from aivideo_async.batch_items import BatchItem, Counts, Progress, item_key, standing_of
from aivideo_async.catalog import Change
from aivideo_async.client import Client
from aivideo_async.core import lifecycle, wire
from aivideo_async.core.budget import credit_micros
from aivideo_async.core.errors import (
    AIVideoError,
    ClientClosedError,
    ConfigurationError,
    InvalidRequestError,
    NotFoundError,
    SubmissionInDoubtError,
    TaskTimeoutError,
)
from aivideo_async.core.models import NOTHING, GenerationRequest, Output, TaskRecord, TaskStatus
from aivideo_async.spending import Budget
from aivideo_async.stores import Query
from aivideo_async.supervise import Supervisor
from aivideo_async.task import GenerationTask

LABEL = "batch"
"""The label under which a batch's name stands in its records."""
NAME_LIMIT = 128
AHEAD = 4
"""How many times ``concurrency`` may be begun and not yet taken by who iterates."""

Requests = Iterable[GenerationRequest] | AsyncIterable[GenerationRequest]


class Batch:
    """Many requests, ``concurrency`` of them unfinished at once: ``async with Batch(client, requests) as batch``.

    Iterate over it for the items as they end, or with ``ordered`` in the order of the requests. One that fails ends
    nothing. Requests are taken from their source when there is room, and no more than four times ``concurrency`` are
    begun that were not taken by the loop. Leaving the block ends the waits and not the tasks.

    With a ``name`` and a durable store a batch goes on where it was stopped, however that was: what has ended is not
    asked for again, what is on its way is awaited, only the rest is submitted. Requests are known again by their place
    and content. ``resubmit_in_doubt`` gives up what an earlier run left in doubt, and sends it again: it may be charged
    twice. What is in doubt without a name ends as such when its last callback would have come.

    ``budget`` holds every price, those of ``fallbacks`` too (models, by name, that are tried in turn where one is at
    fault). ``download_to`` is a folder for the results.

    Raises ConfigurationError for settings that make no sense. The loop raises what the requests' source raises, when
    all that was begun has been given, and ClientClosedError when the client closes meanwhile.
    """

    def __init__(
        self,
        client: Client,
        requests: Requests,
        *,
        concurrency: int = 20,
        budget: Budget | None = None,
        fallbacks: Sequence[str] = (),
        name: str | None = None,
        download_to: str | os.PathLike[str] | None = None,
        labels: Mapping[str, str] = NOTHING,
        ordered: bool = False,
        resubmit_in_doubt: bool = False,
    ) -> None:
        if concurrency < 1:
            raise ConfigurationError(f"concurrency is at least 1, not {concurrency}")
        if name is not None and not (0 < len(name) <= NAME_LIMIT and name.isprintable() and name[:3] != "av_"):
            raise ConfigurationError(f"a batch's name has 1 to {NAME_LIMIT} characters and does not start with av_")
        self._client = client
        self._requests = requests
        self._budget = budget
        self._fallbacks = tuple(fallbacks)
        self._name = name
        self._folder = None if download_to is None else Path(download_to)
        self._labels = dict(labels) if name is None else {**labels, LABEL: name}
        self._ordered = ordered
        self._resubmit = resubmit_in_doubt
        self._resuming = False
        self._counts = Counts(len(requests) if isinstance(requests, Sized) else None)
        self._slots = asyncio.Semaphore(concurrency)
        self._ahead = asyncio.Semaphore(AHEAD * concurrency)
        self._sending = asyncio.Semaphore(2 * client.max_concurrency)
        self._beginning: set[int] = set()
        self._running: dict[int, GenerationRequest] = {}
        self._given = 0
        self._ready: deque[BatchItem] = deque()
        self._early: dict[int, BatchItem] = {}
        self._changed = asyncio.Event()
        self._fed = False
        self._failure: BaseException | None = None
        self._told = False
        self._supervisor = Supervisor("aivideo-batch", on_failure=self._failed)
        self._began = 0.0

    async def __aenter__(self) -> Self:
        self._began = asyncio.get_running_loop().time()
        if self._folder is not None:
            await anyio.Path(self._folder).mkdir(parents=True, exist_ok=True)
        if self._name is not None:
            await self._look_back()
        await self._supervisor.start()
        self._supervisor.spawn(self._feed)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        try:
            await self._supervisor.stop()
        except BaseException as error:
            if error is not self._failure or not self._told:
                raise

    async def _look_back(self) -> None:
        """Whether there are records of this name, and what they cost. Raises StoreError."""
        limit = 1 if self._budget is None else None
        async for record in self._client.store.scan(Query(labels={LABEL: str(self._name)}, limit=limit)):
            self._resuming = True
            if self._budget is not None:
                self._budget.adopt(self._as_it_reads(record))

    def _as_it_reads(self, record: TaskRecord) -> TaskRecord:
        """The record with the status that it has now: that a create is in doubt is derived and never written."""
        return replace(record, status=self._client.status_of(record))

    @property
    def running(self) -> Mapping[int, GenerationRequest]:
        """What is unfinished now, by index."""
        return MappingProxyType(self._running)

    @property
    def progress(self) -> Progress:
        """How far it is."""
        elapsed = asyncio.get_running_loop().time() - self._began
        return self._counts.progress(elapsed, running=len(self._running))

    def __aiter__(self) -> AsyncIterator[BatchItem]:
        return self

    async def __anext__(self) -> BatchItem:
        """The next item. Cancelling it loses none."""
        while (item := self._take()) is None:
            if not self._running and (self._fed or self._failure is not None):
                if self._failure is not None:
                    self._told = True
                    raise self._failure
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        self._ahead.release()
        return item

    def _take(self) -> BatchItem | None:
        if not self._ordered:
            return self._ready.popleft() if self._ready else None
        item = self._early.pop(self._given, None)
        self._given += item is not None
        return item

    def _give(self, item: BatchItem) -> None:
        self._counts.end(item)
        if self._ordered:
            self._early[item.index] = item
        else:
            self._ready.append(item)
        self._changed.set()

    def _failed(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self._running.clear()
        self._changed.set()

    async def _feed(self) -> None:
        """Take requests as there is room for them; what their source raises is kept for the end."""
        index = 0
        async with contextlib.aclosing(_each(self._requests)) as source:
            while True:
                await self._ahead.acquire()
                await self._slots.acquire()
                await self._sending.acquire()  # more would only wait for the client, in memory
                try:
                    request = await anext(source)
                except StopAsyncIteration:
                    break
                except Exception as error:  # noqa: BLE001 - of the caller's own code: it is raised where it iterates
                    self._failure = error
                    break
                self._running[index] = request
                self._beginning.add(index)
                self._supervisor.spawn(self._play, index, request)
                index += 1
        self._fed = True
        self._changed.set()

    def _begun(self, index: int) -> None:
        """The first create of an item has had its answer, or will have none."""
        if index in self._beginning:
            self._beginning.remove(index)
            self._sending.release()

    async def _play(self, index: int, request: GenerationRequest) -> None:
        known: list[str] = []
        attempt = partial(self._attempt, index, known)
        # Most batches have no fallbacks, and every frame that waits takes memory as often as the batch is wide.
        attempts = await tried(request, self._fallbacks, attempt) if self._fallbacks else [await attempt(request, ())]
        files: tuple[Path, ...] = ()
        download_error: Exception | None = None
        output = attempts[-1].output
        if output is not None and self._folder is not None:
            try:
                files = await self._files(output, self._folder)
            except ClientClosedError:
                raise
            except (AIVideoError, OSError) as error:
                download_error = error
        self._begun(index)
        self._slots.release()
        self._running.pop(index, None)
        self._give(
            BatchItem(
                index=index,
                request=request,
                attempts=tuple(attempts),
                files=files,
                download_error=download_error,
                resumed=len(known) == len(attempts),
            )
        )

    async def _attempt(
        self, index: int, known: list[str], request: GenerationRequest, changes: tuple[Change, ...]
    ) -> Attempt:
        """One model's turn; its key goes to ``known`` when its ending was on record."""
        key, record = (None, None) if self._name is None else await self._key(self._name, index, request)
        if record is not None and record.status in lifecycle.ENDED and key is not None:
            known.append(key)
        high = self._client.estimate(request).high
        amount = 0 if high is None else credit_micros(high)
        self._counts.move(amount, "released", "reserved")
        attempt = _refused_for_good(request, changes, record) or await self._sent(index, request, changes, key)
        self._counts.move(amount, "reserved", standing_of(attempt))
        return attempt

    async def _key(self, name: str, index: int, request: GenerationRequest) -> tuple[str, TaskRecord | None]:
        """The key of an item, and what is on record under it; what was given up is followed by another."""
        key = item_key(name, index, request)
        while self._resuming:
            record = (await self._client.store.get((key,))).get(key)
            if record is None or not (doubts.is_abandoned(record) or await self._given_up(record)):
                return key, record
            key += "/again"
        return key, None

    async def _given_up(self, record: TaskRecord) -> bool:
        if not self._resubmit or self._client.status_of(record) is not TaskStatus.IN_DOUBT:
            return False
        try:
            record = await self._client.abandon(record.id)
        except InvalidRequestError:  # its callback has come meanwhile
            return False
        if self._budget is not None:
            self._budget.learn(record)
        return doubts.is_abandoned(record)

    async def _sent(
        self, index: int, request: GenerationRequest, changes: tuple[Change, ...], key: str | None
    ) -> Attempt:
        task: GenerationTask | None = None
        try:
            try:
                task = await self._client.submit(request, key=key, labels=self._labels, budget=self._budget)
            except SubmissionInDoubtError as error:
                task = error.task if isinstance(error.task, GenerationTask) else None
                self._begun(index)
                output = await self._awaited(task, error)
            else:
                self._begun(index)
                known = task.service_id is not None
                output = await task.wait() if known else await self._awaited(task, None)
        except ClientClosedError:
            raise
        except AIVideoError as error:
            record = None if task is None else self._as_it_reads(task.record)
            if record is not None and self._budget is not None:
                self._budget.learn(record)
            return Attempt(request=request, changes=changes, record=record, error=error)
        return Attempt(request=request, changes=changes, record=task.record if task else None, output=output)

    async def _awaited(self, task: GenerationTask | None, doubt: SubmissionInDoubtError | None) -> Output:
        """Wait for the result; for a create in doubt no longer than its callbacks can come."""
        while task is not None:
            patience = self._client.doubt_lasts(task.record)
            try:
                return await task.wait(timeout=patience)
            except TaskTimeoutError as error:
                if error.code == "expired":
                    raise
                record = await task.refresh()
                if record.status in lifecycle.ENDED or self._client.doubt_lasts(record) is None:
                    continue
                raise doubt or _doubt(task) from error
        raise doubt or SubmissionInDoubtError("nobody can know")

    async def _files(self, output: Output, folder: Path) -> tuple[Path, ...]:
        """The results in the folder; an earlier run may have fetched them, and their URLs may be dead by now."""
        found = [Path(path) async for path in anyio.Path(folder).glob(f"{output.task_id}-*")]
        there = sorted(path for path in found if path.suffix != ".part")
        if self._resuming and len(there) >= len(output.urls):
            return tuple(there)
        return tuple(file.path for file in await self._client.download_all(output, folder))


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


async def _each(requests: Requests) -> AsyncGenerator[GenerationRequest]:
    if isinstance(requests, AsyncIterable):
        async for request in requests:
            yield request
    else:
        for request in requests:
            yield request
