"""Creates in doubt, settled by hand: this one is that task of the service, or it is given up."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import datetime

from aivideo_async.core import lifecycle, wire
from aivideo_async.core.errors import InvalidRequestError, NotFoundError
from aivideo_async.core.models import Failure, HistoryEntry, TaskRecord, TaskReport, TaskStatus
from aivideo_async.stores.base import Query, Store

ABANDONED = "abandoned"
"""The code of a failure that somebody decided on."""


def is_in_doubt(record: TaskRecord, now: datetime, create_deadline: float) -> bool:
    """Whether nobody knows if the service has it: it was sent, and neither an answer nor a callback named it."""
    status = lifecycle.status_at(record, now, create_deadline)
    return status is TaskStatus.IN_DOUBT and record.service_id is None and record.hinted_id is None


def is_abandoned(record: TaskRecord) -> bool:
    """Whether somebody gave it up, and nothing has been heard of it since."""
    given_up = record.failure is not None and record.failure.code == ABANDONED
    return record.status is TaskStatus.REFUSED and given_up and record.service_id is None and record.hinted_at is None


async def in_doubt(
    store: Store, *, now: datetime, create_deadline: float, origin: str | None = None
) -> AsyncGenerator[TaskRecord]:
    """The records in doubt, newest first. Raises StoreError."""
    async for record in store.scan(Query(unfinished=True, origin=origin)):
        if is_in_doubt(record, now, create_deadline):
            yield record


async def doubtful(store: Store, id: str, *, now: datetime, create_deadline: float) -> TaskRecord:
    """The record of a create in doubt. Raises NotFoundError, and InvalidRequestError for one that is not in doubt."""
    record = (await store.get((id,))).get(id)
    if record is None or record.id != id:
        raise NotFoundError(f"no task {id} in this store", code="task_not_found", charged="no")
    if not is_in_doubt(record, now, create_deadline):
        status = lifecycle.status_at(record, now, create_deadline)
        said = f", the service has it as {record.service_id}" if record.service_id else ""
        raise InvalidRequestError(f"{id} is not in doubt: it is {status.value}{said}")
    return record


async def abandon(store: Store, id: str, *, now: datetime, create_deadline: float) -> TaskRecord:
    """Take a create in doubt for refused: a budget has its credits back, and its key does not send it again.

    What the service says later, in a callback, still counts.
    """
    record = await doubtful(store, id, now=now, create_deadline=create_deadline)
    failure = Failure(message="given up by hand while it was in doubt", code=ABANDONED, charged="unknown")
    news = TaskRecord(
        id=record.id,
        origin=record.origin,
        status=TaskStatus.REFUSED,
        failure=failure,
        ended_at=now,
        history=(HistoryEntry(now, ABANDONED),),
    )
    return (await store.put(news)).record


async def bind(
    store: Store,
    id: str,
    service_id: str,
    *,
    now: datetime,
    create_deadline: float,
    ask: Callable[[str], Awaitable[TaskReport]],
) -> TaskRecord:
    """Say that a create in doubt is the service's task ``service_id``, which is asked for first.

    Raises the errors of that question, and InvalidRequestError when it is another model's or another record's.
    """
    record = await doubtful(store, id, now=now, create_deadline=create_deadline)
    if not wire.TASK_ID.fullmatch(service_id) or service_id.startswith("av_"):
        raise InvalidRequestError("the service's id has 1 to 128 of A-Z a-z 0-9 _ -, and none of ours is one")
    report = await ask(service_id)
    if report.model is not None and record.model is not None and report.model != record.model:
        raise InvalidRequestError(f"{service_id} is a task of {report.model}, and {id} one of {record.model}")
    news = TaskRecord(
        id=record.id,
        origin=record.origin,
        service_id=service_id,
        status=TaskStatus.PENDING,
        next_check=now,
        history=(HistoryEntry(now, "bound", service_id),),
    )
    stored = (await store.put(news)).record
    if stored.id != id:
        raise InvalidRequestError(f"{service_id} is known already: it is {stored.id}")
    return stored
