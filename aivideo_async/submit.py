"""The way of one create: slot, gate, record, POST, and what becomes of it (flow.md §3).

The POST runs as a task of the client's supervisor and never in the caller's: cancelling the caller before the first
byte sends nothing, cancelling it afterwards changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from aivideo_async import orders
from aivideo_async.body_forms import BodyForms
from aivideo_async.core import lifecycle, retry, wire
from aivideo_async.core.errors import (
    AIVideoError,
    APIConnectionError,
    ClientClosedError,
    InvalidRequestError,
    RateLimitError,
    StoreError,
)
from aivideo_async.core.models import (
    BodyForm,
    TaskRecord,
    TaskStatus,
)
from aivideo_async.orders import Job, Order, Submission
from aivideo_async.stores.base import Store
from aivideo_async.supervise import Supervisor, finish
from aivideo_async.transport import PauseGate, Transport

logger: logging.Logger = logging.getLogger(__name__)

UNSENT_AT_MOST = 10_000
CHANCE = random.SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitting:
    """How creates are sent. ``callback_url`` gives the URL for one of our ids, ``first_ask`` seconds until an asker
    may look after an accepted task, ``create_deadline`` the total deadline of one POST in seconds. A store that is away
    when an answer has come is tried again after each of ``store_pauses`` seconds.
    """

    origin: str
    callback_url: Callable[[str], str | None]
    first_ask: Callable[[TaskRecord], float]
    deadline: float
    create_deadline: float
    body_form: Literal["auto"] | BodyForm = "auto"
    max_concurrency: int = 32
    store_pauses: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0)


class Submitter:
    """Sends creates, at most ``max_concurrency`` at once, each exactly as often as the table allows."""

    def __init__(
        self,
        store: Store,
        transport: Transport,
        supervisor: Supervisor,
        submitting: Submitting,
        *,
        gate: PauseGate,
        policy: retry.RetryPolicy,
        clock: Callable[[], float] = time.time,
        chance: random.Random = CHANCE,
    ) -> None:
        self._store = store
        self._transport = transport
        self._supervisor = supervisor
        self._submitting = submitting
        self._gate = gate
        self._policy = policy
        self._clock = clock
        self._chance = chance
        self._slots = asyncio.Semaphore(submitting.max_concurrency)
        self._forms = BodyForms(submitting.body_form)
        self._jobs: dict[Job, None] = {}
        self._by_key: dict[str, Job] = {}
        self._dropped: dict[str, Job] = {}
        self._unsent: dict[str, str] = {}  # senders by key that never sent, in case the store has heard only of them

    async def submit(self, order: Order) -> Submission:
        """Create, or join the create of the same key that is already on its way here.

        Cancelling it before the first byte sends nothing and records ``refused``; after it, the POST goes on and its
        answer is recorded. Raises InvalidRequestError for what cannot be written, and StoreError when the record could
        not be stored: then nothing was sent.
        """
        job = self._job(order)
        assert job.task is not None  # noqa: S101 - set by _job
        answer: asyncio.Future[Submission] = asyncio.get_running_loop().create_future()
        job.callers.add(answer)
        try:
            return await answer
        except asyncio.CancelledError:
            if not job.task.done() and not job.sent and len(job.callers) == 1:
                self._drop(job)
            current = asyncio.current_task()
            if not job.task.cancelled() or current is None or current.cancelling():
                raise
            return self._closed_meanwhile(job)
        finally:
            job.callers.discard(answer)

    def _closed_meanwhile(self, job: Job) -> Submission:
        cause = ClientClosedError("the client closed before the answer came")
        if job.sent and job.record is not None:
            return Submission(job.record, cause, in_doubt=True)
        raise ClientClosedError("the client closed before the create was sent", charged="no") from None

    def _drop(self, job: Job) -> None:
        if job.task is not None:
            job.task.cancel()
        if order_key := job.order.key:
            self._dropped[order_key] = job

    def _job(self, order: Order) -> Job:
        job = self._by_key.get(order.key) if order.key is not None else None
        dropped = self._dropped.get(order.key) if order.key is not None else None
        if job is not None and job is not dropped and job.order.request == order.request:
            return job
        job = Job(order, self._chance.randbytes(8).hex(), after=None if dropped is None else dropped.task)
        self._prepare(job)
        job.task = self._supervisor.spawn(self._run, job)
        self._jobs[job] = None
        if order.key is not None:
            self._by_key[order.key] = job
        job.task.add_done_callback(partial(self._ended, job))
        return job

    def _prepare(self, job: Job) -> None:
        """Give it an id of its own and write its body. Raises InvalidRequestError."""
        job.id, job.form = f"av_{self._chance.randbytes(16).hex()}", self._forms.first(job.order.request)
        job.message = self._message(job.order, job.id, job.form)

    def _ended(self, job: Job, task: asyncio.Task[Submission]) -> None:
        self._jobs.pop(job, None)
        if (key := job.order.key) is not None:
            for jobs in (self._by_key, self._dropped):
                if jobs.get(key) is job:
                    del jobs[key]
        if job.order.settle is not None:
            job.order.settle(job.outcome())
        for answer in job.callers:
            if answer.done():
                continue
            if task.cancelled():
                answer.cancel()
            elif (error := task.exception()) is not None:
                answer.set_exception(error)
            else:
                answer.set_result(task.result())

    def carries(self, order: Order) -> bool:
        """Whether a create that was begun for this very order is still on its way."""
        return any(job.order is order for job in self._jobs)

    async def close(self, timeout: float) -> None:
        """Drop what was not sent, and give what was sent ``timeout`` seconds for its answer."""
        for job in tuple(self._jobs):
            if job.task is not None and not job.sent:
                job.task.cancel()
        tasks = [job.task for job in self._jobs if job.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=timeout)

    async def _run(self, job: Job) -> Submission:
        order = job.order
        record = self._record_of(job)
        try:
            if job.after is not None:
                await asyncio.wait([job.after])
            if (unsent := self._unsent.pop(order.key or "", None)) is not None:
                job.sender, job.inherits = unsent, True
            async with self._forms.turn(order.request), self._slots:
                await self._gate.wait()
                while (submission := await self._once(job, record)) is None:
                    self._prepare(job)
                    record = self._record_of(job)
                return submission
        except asyncio.CancelledError:
            await finish(self._abandoned(job))
            raise
        except StoreError as error:
            error.charged = "no"
            await self._abandoned(job)
            return Submission(job.record or record, error)
        except AIVideoError as error:
            await self._abandoned(job)
            return Submission(job.record or record, error)
        finally:
            self._remember_unsent(job)

    def _remember_unsent(self, job: Job) -> None:
        """What this client never sent may be sent under its key, also when the store could not be told so."""
        if job.order.key is not None and (job.record is not None or job.inherits) and not job.sent:
            self._unsent[job.order.key] = job.sender
            if len(self._unsent) > UNSENT_AT_MOST:
                del self._unsent[next(iter(self._unsent))]

    async def _once(self, job: Job, record: TaskRecord) -> Submission | None:
        """Put the record and send it, or what holds its key; ``None`` when that was given up and the key is free."""
        put = await self._store.put(record)
        if put.record.id == record.id:
            job.record = put.record
        elif (known := self._known_already(put.record, job)) is not None:
            return known
        return await self._attempts(job, put.record)

    def _record_of(self, job: Job) -> TaskRecord:
        return orders.new_record(
            job, origin=self._submitting.origin, now=self._clock(), deadline=self._submitting.deadline
        )

    def _known_already(self, holder: TaskRecord, job: Job) -> Submission | None:
        deadline = self._submitting.create_deadline
        return orders.known_already(
            holder, job, origin=self._submitting.origin, now=self._clock(), create_deadline=deadline
        )

    async def _attempts(self, job: Job, record: TaskRecord) -> Submission | None:
        request, form = job.order.request, self._forms.first(job.order.request)
        other = self._forms.other(request, form)
        attempt = 0
        if job.order.door is not None:
            await job.order.door.publish()
        while True:
            await self._gate.wait()
            job.record = record  # also one that somebody else has left: from here on it may carry our name
            marked = (await self._store.put(orders.about_to_send(record, job, now=self._clock()))).record
            if marked.sender != job.sender:
                job.record = None
                return await self._given_up(marked) if marked.sender == lifecycle.NOBODY else Submission(marked)
            job.record = marked
            outcome = await self._post(job, record.id, form)
            if outcome.kind == "accepted":
                self._forms.learn(request, form)
            elif outcome.kind == "refused" and other is not None and orders.wrong_form(outcome):
                job.sent, form, other = False, other, None
                continue
            elif outcome.kind == "not_accepted" and outcome.error is not None:
                job.sent, attempt = False, attempt + 1
                if await self._again(outcome.error, attempt):
                    continue
            return await self._recorded(job, record, outcome)

    async def _given_up(self, record: TaskRecord) -> Submission | None:
        """Record the refusal that somebody decided on, who may have died since; ``None`` when that frees the key."""
        given_up = TaskRecord(id=record.id, origin=record.origin)
        refused = (
            await self._store.put(orders.without_id(given_up, TaskStatus.REFUSED, None, now=self._clock()))
        ).record
        return None if record.key is not None and lifecycle.frees_key(refused) else Submission(refused)

    async def _post(self, job: Job, id: str, form: BodyForm) -> wire.CreateOutcome:
        def mark() -> None:
            job.sent = True

        message = job.message
        if message is None or (id, form) != (job.id, job.form):
            message = self._message(job.order, id, form)
        try:
            response = await self._transport.send(message, on_sent=mark)
        except APIConnectionError as error:
            return wire.create_outcome(error)
        return wire.read_create(response, now=self._clock())

    def _message(self, order: Order, id: str, form: BodyForm) -> wire.HttpRequest:
        request = order.request if order.door is None else order.door.as_sent(id)
        return wire.create_request(request, form=form, callback_url=self._submitting.callback_url(id))

    async def _again(self, error: AIVideoError, attempt: int) -> bool:
        """Wait as the policy says and tell whether to send again. A 429 pauses the whole client, not one task."""
        delay = self._policy.delay(error, attempt=attempt, draw=self._chance.random())
        if isinstance(error, RateLimitError):
            self._gate.pause(self._policy.pause_after(error) if delay is None else delay)
        elif delay is not None:
            await asyncio.sleep(delay)
        return delay is not None

    async def _recorded(self, job: Job, record: TaskRecord, outcome: wire.CreateOutcome) -> Submission:
        now = self._clock()
        if outcome.kind == "accepted":
            first_ask = self._submitting.first_ask(record)
            news = orders.accepted(record, job, outcome.service_id or "", now=now, first_ask=first_ask)
        else:
            status = TaskStatus.IN_DOUBT if outcome.kind == "in_doubt" else TaskStatus.REFUSED
            news = orders.without_id(orders.sending(record, job), status, outcome.error, now=now)
        job.news = news
        stored = await self._stored(news, self._submitting.store_pauses) or lifecycle.merge(record, news)
        if stored.id != record.id:
            cause = InvalidRequestError(f"the service answered with an id that {stored.id} holds")
            return Submission(record, cause, in_doubt=True)
        if outcome.kind != "accepted" and (stored.service_id is not None or stored.hinted_id is not None):
            return Submission(stored)  # a callback has told meanwhile that the task exists
        return Submission(stored, outcome.error, in_doubt=news.status is TaskStatus.IN_DOUBT)

    async def _stored(self, news: TaskRecord, pauses: tuple[float, ...] = (0.0,)) -> TaskRecord | None:
        """Store what became of a create, over a store that is away for a while; ``None`` when it stays away."""
        for pause in pauses:
            try:
                return (await self._store.put(news)).record
            except StoreError as error:
                said = "%s (service id %s) could not be stored as %s: %s"
                logger.warning(said, news.id, news.service_id, news.status.value, error)
                await asyncio.sleep(pause)
        logger.error("%s (service id %s) is not stored; its callback still settles it", news.id, news.service_id)
        return None

    async def _abandoned(self, job: Job) -> None:
        """Record what a job leaves behind that does not come to its end: once, since somebody waits for it.

        Where another submission under the same key sends the task, it is none of ours.
        """
        if job.record is None:
            if job.after is not None:  # who is to come after this one comes after that one too
                await asyncio.wait([job.after])
            return
        if job.news is not None:
            await self._stored(job.news)
            return
        mine = orders.sending(job.record, job)
        if not job.sent:
            mine = TaskRecord(id=job.record.id, origin=job.record.origin, sender=lifecycle.NOBODY)
        held = await self._stored(mine)
        if held is None or held.sender not in (job.sender, lifecycle.NOBODY):
            return
        status = TaskStatus.IN_DOUBT if job.sent else TaskStatus.REFUSED
        cause = APIConnectionError("the client closed before the answer came", sent="maybe") if job.sent else None
        await self._stored(orders.without_id(mine, status, cause, now=self._clock()))
