"""One create on its way: what is wanted, what becomes of it, and the records that tell the store so (flow.md §3, §7).

Nothing here does I/O; ``now`` is unix seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from aivideo_async.core import lifecycle, wire
from aivideo_async.core.errors import AIVideoError, InvalidRequestError
from aivideo_async.core.models import (
    NOTHING,
    BodyForm,
    Estimate,
    Failure,
    GenerationRequest,
    HistoryEntry,
    TaskRecord,
    TaskStatus,
    moment,
)
from aivideo_async.pictures import Door


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a caller wants created.

    ``door`` is for the pictures of this machine in it; ``settle`` is told what became of the create that was begun.
    """

    request: GenerationRequest
    estimate: Estimate
    key: str | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    door: Door | None = None
    settle: Callable[[Submission | None], None] | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of an order. ``error`` is set when the create was refused or is in doubt."""

    record: TaskRecord
    error: AIVideoError | None = None
    in_doubt: bool = False


@dataclass(slots=True, eq=False)
class Job:
    """One create on its way.

    ``id`` and ``message`` are for a task of its own. ``sent`` turns true when the first byte may have left, and false
    again when it provably was not accepted. ``record`` is ours to answer for, ``news`` what became of it and is still
    to be stored. ``after`` is a job that was dropped. ``inherits`` says that ``sender`` is a name from before that
    never sent.
    """

    order: Order
    sender: str
    after: asyncio.Task[Submission] | None = None
    id: str = ""
    form: BodyForm | None = None
    message: wire.HttpRequest | None = None
    inherits: bool = False
    sent: bool = False
    callers: set[asyncio.Future[Submission]] = field(default_factory=set[asyncio.Future[Submission]])
    record: TaskRecord | None = None
    news: TaskRecord | None = None
    task: asyncio.Task[Submission] | None = None

    @property
    def sent_at(self) -> datetime | None:
        """When the store was told that this job sends the task."""
        return None if self.record is None else self.record.sent_at

    def outcome(self) -> Submission | None:
        """What it came to, once it has ended; ``None`` when it was stopped before anything was sent."""
        if self.task is not None and not self.task.cancelled() and self.task.exception() is None:
            return self.task.result()
        return Submission(self.record, in_doubt=True) if self.sent and self.record is not None else None


def new_record(job: Job, *, origin: str, now: float, deadline: float) -> TaskRecord:
    """The record of a create that is not sent yet; ``deadline`` is in seconds from now."""
    order, began = job.order, moment(now)
    return TaskRecord(
        id=job.id,
        origin=origin,
        key=order.key,
        model=order.request.model,
        request=order.request,
        estimate=order.estimate,
        labels=order.labels,
        created_at=began,
        next_check=moment(now + deadline),
        history=(HistoryEntry(began, "submitted"),),
    )


def about_to_send(record: TaskRecord, job: Job, *, now: float) -> TaskRecord:
    """That this job sends the task from now on, if it is the first to say so."""
    return TaskRecord(id=record.id, origin=record.origin, sender=job.sender, sent_at=moment(now))


def sending(record: TaskRecord, job: Job) -> TaskRecord:
    """That this job sends the task, said once more: the store's engine may have lost it in a crash."""
    return TaskRecord(id=record.id, origin=record.origin, sender=job.sender, sent_at=job.sent_at)


def accepted(record: TaskRecord, job: Job, service_id: str, *, now: float, first_ask: float) -> TaskRecord:
    """That the service has accepted it, and may be asked ``first_ask`` seconds from now."""
    return TaskRecord(
        id=record.id,
        origin=record.origin,
        sender=job.sender,
        sent_at=job.sent_at,
        status=TaskStatus.PENDING,
        service_id=service_id,
        next_check=moment(now + first_ask),
        history=(HistoryEntry(moment(now), "accepted", service_id),),
    )


def without_id(news: TaskRecord, status: TaskStatus, error: AIVideoError | None, *, now: float) -> TaskRecord:
    """That it was refused or is in doubt, and why; without an error it was cancelled."""
    at = moment(now)
    failure = Failure(message="cancelled before it was sent") if error is None else wire.failure_of(error)
    ended = status is TaskStatus.REFUSED
    return replace(
        news,
        status=status,
        failure=failure,
        ended_at=at if ended else None,
        history=(HistoryEntry(at, status.value, failure.message),),
    )


def known_already(
    holder: TaskRecord, job: Job, *, origin: str, now: float, create_deadline: float
) -> Submission | None:
    """What a key that is taken means; ``None`` when its task was never sent and may be sent now (flow.md §7)."""
    order = job.order
    if order.key is None or holder.key != order.key or holder.request not in (None, order.request):
        error = InvalidRequestError(f"the key {order.key!r} belongs to another request, {holder.id}")
        return Submission(holder, error)
    if holder.origin != origin:
        error = InvalidRequestError(f"the key {order.key!r} belongs to {holder.id}, a task of {holder.origin}")
        return Submission(holder, error)
    status = lifecycle.status_at(holder, moment(now), create_deadline)
    if status is TaskStatus.REFUSED and holder.failure is not None:
        return Submission(holder, wire.error_from(holder.failure))
    if status in (TaskStatus.SUBMITTING, TaskStatus.IN_DOUBT) and _may_be_sent(holder, job.sender):
        return None
    return Submission(holder, in_doubt=status is TaskStatus.IN_DOUBT)


def _may_be_sent(record: TaskRecord, sender: str) -> bool:
    """Whether nobody has sent it, or ``sender``, who knows of not having sent it, has the right to."""
    if record.sender is None:
        return record.sent_at is None
    return record.sender == lifecycle.NOBODY or (record.sender == sender and record.status is TaskStatus.SUBMITTING)


def wrong_form(outcome: wire.CreateOutcome) -> bool:
    """Whether the service may only have wanted the other body form."""
    return isinstance(outcome.error, InvalidRequestError) and outcome.error.code == "invalid_request"
