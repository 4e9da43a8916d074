"""The only asker: hinted and overdue tasks, once per lease (flow.md §5).

With callbacks it confirms unsigned hints and finds lost callbacks; without a callback URL the same machinery is the
adaptive polling behind the same ``await``. It never ends a wait: it puts what the service answered, and the waiters
see that.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime

from aivideo_async.ask_rate import Bucket, Recent
from aivideo_async.core import lifecycle, retry
from aivideo_async.core.errors import (
    AIVideoError,
    AuthenticationError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    StoreError,
)
from aivideo_async.core.models import Failure, HistoryEntry, TaskRecord, TaskReport, TaskStatus, moment
from aivideo_async.stores.base import Put, Store
from aivideo_async.supervise import Supervisor

logger: logging.Logger = logging.getLogger(__name__)

LEASE = 30.0
SHORTEST_LEASE = 5.0
LOOK_EVERY = 1.0
SHORTEST_LOOK = 0.05
PAUSE_WHEN_REFUSED = 60.0
AT_WORK = 32
ASK_AGAIN_AFTER = 1.0
NOT_FOUND_TIMES = 3
NOT_FOUND_OVER = 600.0

Fetch = Callable[[str], Awaitable[TaskReport]]
"""One authenticated GET of a task by the service's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How the asker behaves. Seconds are those of the service; ``time_scale`` divides them all.

    ``rate`` is asks per second over all tasks. ``usual`` gives the usual seconds of a record's task and
    ``callback_expected`` whether callbacks can come here.
    """

    origin: str
    usual: Callable[[TaskRecord], float]
    callback_expected: Callable[[], bool]
    time_scale: float = 1.0
    rate: float = 5.0
    deadline: float = retry.DEADLINE


class Reconciler:
    """Asks for what is due, over every replica that shares the store.

    ``awaited`` gives the ids that somebody awaits here. ``on_refused`` is called when the service no longer accepts our
    key, ``on_ended`` with every ending that was first stored here. ``clock`` gives unix seconds.
    """

    def __init__(
        self,
        store: Store,
        fetch: Fetch,
        asking: Asking,
        *,
        awaited: Callable[[], Collection[str]] = tuple,
        on_refused: Callable[[], None] = lambda: None,
        on_ended: Callable[[TaskRecord], None] = lambda _record: None,
        clock: Callable[[], float] = time.time,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._fetch = fetch
        self._asking = asking
        self._awaited = awaited
        self._on_refused = on_refused
        self._on_ended = on_ended
        self._clock = clock
        self._draw = draw
        self._look = asyncio.Event()
        self._slots = asyncio.Semaphore(AT_WORK)
        self._bucket = Bucket(asking.rate * asking.time_scale)
        self._recent = Recent(self._scaled(ASK_AGAIN_AFTER))
        self._refusal: AIVideoError | None = None
        self._refusal_logged_at = float("-inf")

    @property
    def refusal(self) -> AIVideoError | None:
        """Why the service refuses our questions (401, 403); ``None`` while it answers."""
        return self._refusal

    def wake(self) -> None:
        """Look at the queue now: something changed."""
        self._look.set()

    async def run(self, supervisor: Supervisor) -> None:
        """Ask for what is due until cancelled; single questions run as tasks of ``supervisor``."""
        while True:
            probing = self._refusal is not None
            if probing:
                await asyncio.sleep(self._scaled(PAUSE_WHEN_REFUSED))
            claimed = await self._claim(1 if probing else AT_WORK)
            awaited = await self._claim_awaited() if len(claimed) == AT_WORK else []
            for record in [*awaited, *sorted(claimed, key=lambda record: record.id not in self._awaited())]:
                if self._refusal is not None and not probing:
                    break
                await self._slots.acquire()
                await self._bucket.take()
                supervisor.spawn(self._ask_and_release, record)
            if not claimed:
                await self._pause()

    async def _claim(self, limit: int) -> list[TaskRecord]:
        self._look.clear()
        try:
            return list(await self._store.claim(self._asking.origin, limit, self._lease))
        except StoreError as error:
            logger.warning("the store gives no due tasks, trying again: %s", error)
            return []

    async def _claim_awaited(self) -> list[TaskRecord]:
        """Behind a backlog, what is awaited here and due: ``claim`` gives the longest overdue first."""
        now = moment(self._clock())
        try:
            found = await self._store.get(self._awaited())
            due = [r for r in found.values() if r.next_check and r.next_check <= now and lifecycle.claimable(r)]
            for record in due[:AT_WORK]:
                await self._store.due(record.id, self._lease)
        except StoreError as error:
            logger.warning("the store gives no awaited tasks, trying again: %s", error)
            return []
        return due[:AT_WORK]

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(max(SHORTEST_LOOK, self._scaled(LOOK_EVERY))):
                await self._look.wait()
        except TimeoutError:
            return

    @property
    def _lease(self) -> float:
        return max(SHORTEST_LEASE, self._scaled(LEASE))

    def _scaled(self, seconds: float) -> float:
        return seconds / self._asking.time_scale

    async def _ask_and_release(self, record: TaskRecord) -> None:
        try:
            await self._ask_by_queue(record)
        except StoreError as error:
            logger.warning("the answer for %s could not be stored, it will be asked again: %s", record.id, error)
        finally:
            self._slots.release()

    async def _ask_by_queue(self, record: TaskRecord) -> None:
        if record.service_id is None and record.hinted_id is None:
            await self._without_id(record)
            return
        asked_at = self._clock()
        too_soon = self._recent.too_soon(record.id, asked_at)
        if too_soon > 0.0:
            await self._store.due(record.id, too_soon)
            return
        try:
            put = await self.ask(record)
        except StoreError:
            raise
        except (AuthenticationError, PermissionDeniedError) as error:
            self._refuse(error)
            await self._ask_after_refusal(record)
            return
        except NotFoundError:
            self._refusal = None
            put = await self._not_found(record)
        except AIVideoError as error:
            logger.info("asking for %s gave no answer, later again: %s", record.id, error)
            put = await self._store.put(self._note(record, "ask_failed", str(error)))
        await self._ask_again(put.record, asked_at)

    async def _ask_after_refusal(self, record: TaskRecord) -> None:
        if self._over_deadline(record) and record.status not in lifecycle.OURS:
            await self._expire(record)
        else:
            await self._store.due(record.id, self._scaled(PAUSE_WHEN_REFUSED))

    async def _expire(self, record: TaskRecord) -> Put:
        return await self._end(
            record, TaskStatus.EXPIRED, "the service has not ended it within the deadline", "unknown"
        )

    async def ask(self, record: TaskRecord, fetch: Fetch | None = None) -> Put:
        """Ask the service for one task, by ``fetch`` or else as the queue does, and store the answer.

        Raises the errors of a GET; InvalidResponseError also when the answer is about another task. Cancelling it
        asks nothing more.
        """
        asked = record.service_id or record.hinted_id
        if asked is None:
            raise NotFoundError(f"the service's id of {record.id} is not known", code="task_not_found")
        report = await (fetch or self._fetch)(asked)
        self._refusal = None
        _require_same_task(record, asked, report)
        now = moment(self._clock())
        answer = lifecycle.record_of(
            report, id=record.id, origin=record.origin, now=now, fetched_at=now, checks=record.checks + 1
        )
        if _misses(record):
            found = HistoryEntry(now, "found", "the service knows it again")
            answer = replace(answer, history=(*answer.history, found))
        put = await self._store.put(answer)
        if put.record.id != record.id:
            raise InvalidResponseError(f"{asked} belongs to {put.record.id}, not to {record.id}")
        for oddity in lifecycle.oddities(put.record, report, first=put.won):
            logger.warning("%s: %s", record.id, oddity)
        self._tell(put)
        return put

    def _tell(self, put: Put) -> None:
        if put.won:
            self._on_ended(put.record)

    async def _ask_again(self, record: TaskRecord, asked_at: float) -> None:
        if record.status in lifecycle.SERVICE:
            return
        if record.status in lifecycle.OURS and self._soon_after_hint(record) is None:
            await self._store.due(record.id, self._scaled(self._asking.deadline))
            return
        if self._over_deadline(record) and record.status not in lifecycle.OURS:
            await self._expire(record)
            return
        await self._store.due(record.id, self._delay(record))
        latest = (await self._store.get((record.id,))).get(record.id, record)
        if latest.hinted_at is not None and latest.hinted_at.timestamp() >= asked_at:
            await self._store.due(record.id, self._scaled(ASK_AGAIN_AFTER))

    def _delay(self, record: TaskRecord) -> float:
        soon = self._soon_after_hint(record)
        if soon is not None:
            return self._scaled(soon)
        return self._scaled(
            retry.ask_delay(
                checks=record.checks,
                usual=self._asking.usual(record),
                callback=self._asking.callback_expected(),
                draw=self._draw(),
            )
        )

    def _soon_after_hint(self, record: TaskRecord) -> float | None:
        if record.hinted_at is None:
            return None
        return retry.hint_delay((self._clock() - record.hinted_at.timestamp()) * self._asking.time_scale)

    async def _without_id(self, record: TaskRecord) -> None:
        """Without the service's id nothing can be asked; only the deadline counts."""
        if not self._over_deadline(record):
            await self._store.due(record.id, self._scaled(self._asking.deadline))
        elif record.sent_at is None and await self._is_never_sent(record):
            await self._end(record, TaskStatus.REFUSED, "it was never sent", "no")
        else:
            await self._end(record, TaskStatus.EXPIRED, "no answer and no callback ever named it", "unknown")

    async def _is_never_sent(self, record: TaskRecord) -> bool:
        """Whether nobody sends it from now on: a submission may have begun since the record was claimed."""
        nobody = TaskRecord(id=record.id, origin=record.origin, sender=lifecycle.NOBODY)
        return (await self._store.put(nobody)).record.sender == lifecycle.NOBODY

    async def _not_found(self, record: TaskRecord) -> Put:
        put = await self._store.put(self._note(record, "not_found", "the service does not know it"))
        times = _misses(put.record)
        if len(times) < NOT_FOUND_TIMES or _seconds(times[0], times[-1]) < self._scaled(NOT_FOUND_OVER):
            return put
        return await self._end(put.record, TaskStatus.EXPIRED, "the service does not know it any more", "unknown")

    async def _end(self, record: TaskRecord, status: TaskStatus, why: str, charged: str) -> Put:
        now = moment(self._clock())
        failure = Failure(
            message=f"{record.id}: {why}", code=status.value, charged="no" if charged == "no" else "unknown"
        )
        logger.warning("%s (service id %s) ends as %s: %s", record.id, record.service_id, status.value, why)
        ending = TaskRecord(
            id=record.id,
            origin=record.origin,
            status=status,
            ended_at=now,
            failure=failure,
            history=(HistoryEntry(now, status.value, why),),
        )
        put = await self._store.put(ending)
        self._tell(put)
        return put

    def _note(self, record: TaskRecord, kind: str, detail: str) -> TaskRecord:
        entry = HistoryEntry(moment(self._clock()), kind, detail)
        return TaskRecord(id=record.id, origin=record.origin, checks=record.checks + 1, history=(entry,))

    def _over_deadline(self, record: TaskRecord) -> bool:
        started = record.created_at or record.sent_at
        return started is not None and self._clock() - started.timestamp() >= self._scaled(self._asking.deadline)

    def _refuse(self, error: AIVideoError) -> None:
        now = self._clock()
        if now - self._refusal_logged_at >= self._scaled(PAUSE_WHEN_REFUSED):
            self._refusal_logged_at = now
            logger.error("asking pauses, the service refuses our key: %s", error)
        self._refusal = error
        self._on_refused()


def _require_same_task(record: TaskRecord, asked: str, report: TaskReport) -> None:
    if report.service_id != asked:
        raise InvalidResponseError(f"asked for {asked}, the answer is about another task")
    if record.service_id is None and record.model is not None and report.model not in (None, record.model):
        raise InvalidResponseError(f"{asked} is a task of {report.model}, not of {record.model}: not believed")


def _misses(record: TaskRecord) -> list[datetime]:
    """When the service did not know it, since it last did."""
    times: list[datetime] = []
    for entry in record.history:
        if entry.kind == "not_found":
            times.append(entry.at)
        elif entry.kind == "found":
            times.clear()
    return times


def _seconds(first: datetime, last: datetime) -> float:
    return (last - first).total_seconds()
