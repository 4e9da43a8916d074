from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

import pytest

from aivideo_async.catalog import GenericRequest, Sora2
from aivideo_async.core import lifecycle
from aivideo_async.core.errors import (
    AIVideoError,
    APIConnectionError,
    AuthenticationError,
    ClientClosedError,
    InsufficientCreditsError,
    InternalServerError,
    InvalidRequestError,
    InvalidResponseError,
    RateLimitError,
    SpendLimitError,
    StoreError,
    UpstreamError,
)
from aivideo_async.core.models import BodyForm, Estimate, GenerationRequest, TaskRecord, TaskStatus, moment
from aivideo_async.core.retry import RetryPolicy
from aivideo_async.core.wire import HttpRequest, HttpResponse
from aivideo_async.orders import Order, Submission
from aivideo_async.stores import MemoryStore, Put, Query, Store
from aivideo_async.submit import UNSENT_AT_MOST, Submitter, Submitting
from aivideo_async.supervise import Supervisor
from aivideo_async.transport import PauseGate
from tests.doubles import (
    BROKE_OFF,
    NOT_SENT,
    NOW,
    ORIGIN,
    Canned,
    CannedTransport,
    Held,
    ManualClock,
    accepted,
    answer,
    refused,
    until,
)

CLIP = Sora2(prompt="a cat on a roof", duration=4)
PRICE = Estimate(low=Decimal(100), high=Decimal(100), exact=True, source="test", dated="2026-11-22")


EVERYTHING = Query()


class House:
    """A submitter over a store, with everything that a test looks at."""

    def __init__(
        self,
        transport: CannedTransport,
        store: Store,
        supervisor: Supervisor,
        *,
        max_concurrency: int = 8,
        body_form: Literal["auto"] | BodyForm = "auto",
        store_pauses: tuple[float, ...] = (0.0, 0.0),
    ) -> None:
        self.pausing: asyncio.Event | None = None
        self.transport, self.store = transport, store
        self.clock = ManualClock()
        self.gate_slept: list[float] = []
        self.gate = PauseGate(clock=self.clock, sleep=self._sleep)
        self.submitter = Submitter(
            store,
            transport,
            supervisor,
            Submitting(
                origin=ORIGIN,
                callback_url=lambda id: f"https://example.com/cb/{id}/token",
                first_ask=lambda _record: 540.0,
                deadline=86_400.0,
                create_deadline=120.0,
                max_concurrency=max_concurrency,
                body_form=body_form,
                store_pauses=store_pauses,
            ),
            gate=self.gate,
            policy=RetryPolicy(attempts=3, base=0.0, cap=0.0),
            clock=self.clock,
        )

    async def _sleep(self, seconds: float) -> None:
        self.gate_slept.append(seconds)
        if self.pausing is not None:
            await self.pausing.wait()
        self.clock.advance(seconds)

    async def submit(self, request: GenerationRequest = CLIP, key: str | None = None) -> Submission:
        return await self.submitter.submit(Order(request=request, estimate=PRICE, key=key, labels={"user": "7"}))

    async def records(self) -> list[TaskRecord]:
        return [record async for record in self.store.scan(EVERYTHING)]

    async def only_record(self) -> TaskRecord:
        (record,) = await self.records()
        return record


@asynccontextmanager
async def house(
    *creates: Canned,
    store: Store | None = None,
    max_concurrency: int = 8,
    body_form: Literal["auto"] | BodyForm = "auto",
    store_pauses: tuple[float, ...] = (0.0, 0.0),
) -> AsyncGenerator[House]:
    supervisor = Supervisor("test")
    await supervisor.start()
    try:
        yield House(
            CannedTransport(*creates),
            store or MemoryStore(),
            supervisor,
            max_concurrency=max_concurrency,
            body_form=body_form,
            store_pauses=store_pauses,
        )
    finally:
        await supervisor.stop()


async def test_an_accepted_create_is_pending_with_the_services_id_and_a_first_ask() -> None:
    async with house() as it:
        submission = await it.submit()
        record = submission.record
        assert (record.status, record.service_id, record.sender is not None) == (TaskStatus.PENDING, "svc-1", True)
        assert record.next_check == moment(NOW + 540)
        assert record.labels == {"user": "7"}
        assert [entry.kind for entry in record.history] == ["accepted", "submitted"]
        assert submission.error is None


async def test_the_record_is_stored_with_sent_at_before_the_post() -> None:
    async with house() as it:
        seen: list[tuple[TaskStatus, datetime | None]] = []

        def look(_request: HttpRequest) -> None:
            assert isinstance(it.store, MemoryStore)
            (record,) = it.store._records.values()
            seen.append((record.status, record.sent_at))

        it.transport.on_create = look
        await it.submit()
        assert seen == [(TaskStatus.SUBMITTING, moment(NOW))]


async def test_the_callback_url_names_our_id() -> None:
    async with house() as it:
        record = (await it.submit()).record
        (body,) = it.transport.bodies()
        assert body["callback_url"] == f"https://example.com/cb/{record.id}/token"


@pytest.mark.parametrize(
    ("status", "code", "error", "charged"),
    [
        (400, "invalid_request", InvalidRequestError, "no"),
        (401, "invalid_api_key", AuthenticationError, "no"),
        (402, "insufficient_credits", InsufficientCreditsError, "no"),
        (429, "spend_limit_exceeded", SpendLimitError, "no"),
        (503, "upstream_error", UpstreamError, "unknown"),
    ],
)
async def test_a_refusal_in_the_services_shape_is_sent_once_and_recorded(
    status: int, code: str, error: type[AIVideoError], charged: str
) -> None:
    async with house(refused(status, code), body_form="nested") as it:
        submission = await it.submit()
        assert isinstance(submission.error, error)
        assert submission.error.charged == charged
        assert submission.record.status is TaskStatus.REFUSED
        assert not submission.in_doubt
        assert len(it.transport.sent) == 1


@pytest.mark.parametrize(
    ("canned", "cause"),
    [
        (answer(500, {"error": {"code": "internal_error", "message": "x", "type": "api_error"}}), InternalServerError),
        (answer(200, b"<html>hello</html>"), InvalidResponseError),
        (answer(200, {"code": 200, "data": {}}), InvalidResponseError),
        (answer(200, {"code": 500, "data": {"taskId": "x"}}), InvalidResponseError),
        (answer(302, b""), InvalidResponseError),
        (BROKE_OFF, APIConnectionError),
    ],
)
async def test_everything_else_is_in_doubt_and_never_sent_again(canned: Canned, cause: type[AIVideoError]) -> None:
    async with house(canned) as it:
        submission = await it.submit()
        assert submission.in_doubt
        assert isinstance(submission.error, cause)
        assert submission.record.status is TaskStatus.IN_DOUBT
        assert len(it.transport.sent) == 1


async def test_what_was_not_sent_is_sent_again_until_it_is_accepted() -> None:
    async with house(NOT_SENT, NOT_SENT) as it:
        submission = await it.submit()
        assert submission.record.status is TaskStatus.PENDING
        assert len(it.transport.sent) == 3


async def test_what_was_never_sent_is_refused_after_the_last_attempt() -> None:
    async with house(NOT_SENT, NOT_SENT, NOT_SENT) as it:
        submission = await it.submit()
        assert isinstance(submission.error, APIConnectionError)
        assert submission.error.charged == "no"
        assert submission.record.status is TaskStatus.REFUSED


async def test_a_429_pauses_the_whole_client_and_is_sent_again() -> None:
    async with house(refused(429, "rate_limit_exceeded", retry_after="7")) as it:
        submission = await it.submit()
        assert submission.record.status is TaskStatus.PENDING
        assert sum(it.gate_slept) == pytest.approx(7.0)
        assert len(it.transport.sent) == 2


async def test_a_429_that_does_not_end_is_raised_and_recorded() -> None:
    limited = refused(429, "rate_limit_exceeded")
    async with house(limited, limited, limited) as it:
        submission = await it.submit()
        assert isinstance(submission.error, RateLimitError)
        assert submission.record.status is TaskStatus.REFUSED


async def test_a_400_is_tried_once_in_the_other_form_and_the_form_is_remembered() -> None:
    async with house(refused(400, "invalid_request")) as it:
        await it.submit()
        await it.submit()
        flat, nested, remembered = it.transport.bodies()
        assert ("prompt" in flat, "input" in nested, "input" in remembered) == (True, True, True)


async def test_two_400s_raise_the_second_and_teach_nothing() -> None:
    async with house(refused(400, "invalid_request"), refused(400, "invalid_request")) as it:
        first = await it.submit()
        await it.submit()
        assert isinstance(first.error, InvalidRequestError)
        assert "prompt" in it.transport.bodies()[2]


async def test_a_400_for_another_reason_is_not_tried_in_the_other_form() -> None:
    async with house(refused(402, "insufficient_credits")) as it:
        await it.submit()
        assert len(it.transport.sent) == 1


async def test_a_create_that_is_sent_again_waits_at_a_closed_gate() -> None:
    async with house(NOT_SENT) as it:
        it.transport.on_create = lambda _request: it.gate.pause(9.0) if not it.transport.sent else None
        await it.submit()
        assert it.gate_slept == [9.0]


async def test_creates_of_an_unknown_form_take_turns_until_it_is_known() -> None:
    held = Held(accepted("first"))
    async with house(held) as it:
        submissions = [asyncio.ensure_future(it.submit()) for _ in range(4)]
        await held.arrived.wait()
        assert len(await it.records()) == 1
        held.release.set()
        assert {(await one).record.status for one in submissions} == {TaskStatus.PENDING}


async def test_a_model_with_one_form_does_not_wait_its_turn() -> None:
    held = Held(accepted("first"))
    request = GenericRequest(kind="video", model="new-model", input={"prompt": "x"})
    async with house(held) as it:
        waiting = asyncio.ensure_future(it.submit(request))
        await held.arrived.wait()
        assert (await it.submit(request)).record.service_id == "svc-1"
        held.release.set()
        await waiting


async def test_no_more_creates_are_in_flight_than_allowed() -> None:
    held = Held(accepted("first"))
    async with house(held, max_concurrency=1, body_form="flat") as it:
        first = asyncio.ensure_future(it.submit())
        await held.arrived.wait()
        second = asyncio.ensure_future(it.submit())
        await asyncio.sleep(0)
        assert len(await it.records()) == 1
        held.release.set()
        await asyncio.gather(first, second)


async def test_cancelled_before_the_first_byte_nothing_is_sent_and_it_is_refused() -> None:
    held = Held(accepted("never"), first_byte=False)
    async with house(held) as it:
        submitting = asyncio.ensure_future(it.submit())
        await held.arrived.wait()
        submitting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await submitting
        await until(lambda: not it.submitter._jobs)
        assert (await it.only_record()).status is TaskStatus.REFUSED
        assert it.transport.sent == []


async def test_cancelled_after_the_first_byte_the_post_goes_on_and_its_answer_is_recorded() -> None:
    held = Held(accepted("svc-late"))
    async with house(held) as it:
        submitting = asyncio.ensure_future(it.submit())
        await held.arrived.wait()
        submitting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await submitting
        held.release.set()
        await until(lambda: not it.submitter._jobs)
        record = await it.only_record()
        assert (record.status, record.service_id) == (TaskStatus.PENDING, "svc-late")


async def test_a_cancelled_submit_leaves_a_task_alone_that_another_process_sends() -> None:
    store = MemoryStore()
    held = Held(accepted("never"), first_byte=False)
    async with house(held, store=store) as it:
        submitting = asyncio.ensure_future(it.submit(key="order-42"))
        await held.arrived.wait()
        (job,) = it.submitter._jobs
        job.sender = "another name: somebody else was first"
        submitting.cancel()
        await until(lambda: not it.submitter._jobs)
        assert (await it.only_record()).status is TaskStatus.SUBMITTING


class FalteringStore(MemoryStore):
    """Loses the first two puts that name a sender; meanwhile another process has put its own."""

    lost = 0

    async def put(self, record: TaskRecord, /) -> Put:
        if record.sender is not None and self.lost < 2:
            self.lost += 1
            await super().put(TaskRecord(id=record.id, origin=record.origin, sender="another", sent_at=moment(NOW)))
            raise StoreError("away")
        return await super().put(record)


async def test_what_could_not_be_given_up_is_not_called_refused_since_another_may_send_it() -> None:
    async with house(store=FalteringStore(), store_pauses=()) as it:
        submission = await it.submit(key="order-42")
        record = await it.only_record()
        assert isinstance(submission.error, StoreError)
        assert (record.status, record.sender) == (TaskStatus.SUBMITTING, "another")


async def test_closing_waits_for_what_was_sent_and_drops_what_was_not() -> None:
    sent, unsent = Held(accepted("svc-sent")), Held(accepted("never"), first_byte=False)
    async with house(sent, unsent, body_form="flat") as it:
        first = asyncio.ensure_future(it.submit())
        await sent.arrived.wait()
        second = asyncio.ensure_future(it.submit())
        await unsent.arrived.wait()
        closing = asyncio.ensure_future(it.submitter.close(5.0))
        await asyncio.sleep(0)
        sent.release.set()
        await closing
        assert (await first).record.status is TaskStatus.PENDING
        with pytest.raises(ClientClosedError):
            await second


async def test_what_is_in_flight_when_the_time_is_up_is_in_doubt() -> None:
    held = Held(accepted("lost"))
    store = MemoryStore()
    async with house(held, store=store) as it:
        submitting = asyncio.ensure_future(it.submit())
        await held.arrived.wait()
        await it.submitter.close(0.0)
    submission = await submitting
    assert submission.in_doubt
    assert isinstance(submission.error, ClientClosedError)
    assert submission.error.charged == "unknown"
    assert (await it.only_record()).status is TaskStatus.IN_DOUBT


async def test_a_service_id_that_could_not_be_stored_is_stored_on_closing() -> None:
    store = FlakyStore(3)
    async with house(store=store, store_pauses=(60.0,)) as it:
        submitting = asyncio.ensure_future(it.submit())
        await until(lambda: store.puts == 3)
        await it.submitter.close(0.0)
    submitting.cancel()
    assert (await it.only_record()).service_id == "svc-1"


async def test_cancelling_during_the_pause_of_a_429_sends_nothing_more() -> None:
    async with house(refused(429, "rate_limit_exceeded", retry_after="7")) as it:
        it.pausing = asyncio.Event()
        submitting = asyncio.ensure_future(it.submit())
        await until(lambda: it.gate_slept != [])
        submitting.cancel()
        await until(lambda: not it.submitter._jobs)
        assert len(it.transport.sent) == 1
        assert (await it.only_record()).status is TaskStatus.REFUSED


async def test_a_key_that_was_cancelled_before_it_was_sent_can_be_used_at_once() -> None:
    held = Held(accepted("never"), first_byte=False)
    async with house(held) as it:
        first = asyncio.ensure_future(it.submit(key="order-42"))
        await held.arrived.wait()
        first.cancel()
        await asyncio.sleep(0)
        again = await it.submit(key="order-42")
        assert again.record.service_id == "svc-1"
        assert len(it.transport.sent) == 1


class ReluctantStore(MemoryStore):
    """Does not take that something is given up before it ``may``."""

    def __init__(self) -> None:
        super().__init__()
        self.may = asyncio.Event()

    async def put(self, record: TaskRecord, /) -> Put:
        if record.sender == lifecycle.NOBODY:
            await self.may.wait()
        return await super().put(record)


async def test_a_key_that_was_cancelled_twice_is_not_taken_from_the_one_that_is_still_given_up() -> None:
    store, held = ReluctantStore(), Held(accepted("never"), first_byte=False)
    async with house(held, store=store) as it:
        first = asyncio.ensure_future(it.submit(key="order-42"))
        await held.arrived.wait()
        first.cancel()
        await asyncio.wait([first])
        second = asyncio.ensure_future(it.submit(key="order-42"))
        await until(lambda: len(it.submitter._jobs) == 2)
        second.cancel()
        await asyncio.wait([second])
        third = asyncio.ensure_future(it.submit(key="order-42"))
        await asyncio.wait([third], timeout=0.01)
        store.may.set()
        assert (await third).record.status is TaskStatus.PENDING


async def test_a_doubt_that_a_callback_has_settled_meanwhile_is_none() -> None:
    held = Held(answer(500, b"<html>"))
    async with house(held) as it:
        submitting = asyncio.ensure_future(it.submit())
        await held.arrived.wait()
        record = await it.only_record()
        await it.store.put(TaskRecord(id=record.id, origin=ORIGIN, hinted_id="svc-7", hinted_at=moment(NOW)))
        held.release.set()
        submission = await submitting
        assert (submission.in_doubt, submission.error, submission.record.hinted_id) == (False, None, "svc-7")


async def test_what_cannot_be_written_as_json_is_refused_before_anything() -> None:
    async with house() as it:
        with pytest.raises(InvalidRequestError):
            await it.submit(GenericRequest(kind="video", model="m", input={"prompt": "\ud800"}))
        assert await it.records() == []
        assert (await it.submit()).record.service_id == "svc-1"


class OddTransport(CannedTransport):
    """Raises what no transport should."""

    async def send(self, request: HttpRequest, *, on_sent: Callable[[], None] | None = None) -> HttpResponse:
        raise InvalidResponseError("a transport of somebody else's")


async def test_an_error_of_ours_inside_a_job_is_the_callers_and_nobody_elses() -> None:
    async with house() as it:
        it.submitter._transport = OddTransport()
        submission = await it.submit()
        assert isinstance(submission.error, InvalidResponseError)
        assert (await it.only_record()).status is TaskStatus.REFUSED


async def test_the_same_key_at_the_same_time_is_one_create() -> None:
    async with house() as it:
        submissions = await asyncio.gather(*(it.submit(key="order-42") for _ in range(5)))
        assert len({submission.record.id for submission in submissions}) == 1
        assert len(it.transport.sent) == 1


async def test_cancelling_one_of_two_callers_of_a_key_hurts_not_the_other() -> None:
    held = Held(accepted("svc-both"), first_byte=False)
    async with house(held) as it:
        first, second = (asyncio.ensure_future(it.submit(key="order-42")) for _ in range(2))
        await held.arrived.wait()
        first.cancel()
        held.release.set()
        assert (await second).record.service_id == "svc-both"


async def test_the_same_key_later_is_the_same_task() -> None:
    async with house() as it:
        first = await it.submit(key="order-42")
        again = await it.submit(key="order-42")
        assert again.record.id == first.record.id
        assert len(it.transport.sent) == 1


async def test_another_request_under_a_key_is_refused() -> None:
    async with house() as it:
        await it.submit(key="order-42")
        other = await it.submit(Sora2(prompt="a dog", duration=4), key="order-42")
        assert isinstance(other.error, InvalidRequestError)
        assert len(it.transport.sent) == 1


async def test_a_key_of_a_task_at_another_service_is_refused() -> None:
    store = MemoryStore()
    await store.put(TaskRecord(id="av_1", origin="https://elsewhere.example.com", key="order-42", request=CLIP))
    async with house(store=store) as it:
        refused = await it.submit(key="order-42")
        assert "https://elsewhere.example.com" in str(refused.error)
        assert (refused.record.id, it.transport.sent) == ("av_1", [])


async def test_another_request_under_a_key_is_refused_while_the_first_is_on_its_way() -> None:
    held = Held(accepted("svc-first"))
    async with house(held, body_form="flat") as it:
        first = asyncio.ensure_future(it.submit(key="order-42"))
        await held.arrived.wait()
        other = await it.submit(Sora2(prompt="a dog", duration=4), key="order-42")
        held.release.set()
        assert isinstance(other.error, InvalidRequestError)
        assert (await first).record.service_id == "svc-first"


async def test_a_key_in_doubt_stays_in_doubt() -> None:
    async with house(BROKE_OFF) as it:
        await it.submit(key="order-42")
        again = await it.submit(key="order-42")
        assert again.in_doubt
        assert len(it.transport.sent) == 1


class AmnesicStore(MemoryStore):
    """Its engine crashes, and comes back without what it had acknowledged last."""

    def crash(self) -> None:
        for id, record in self._records.items():
            self._records[id] = replace(record, sender=None, sent_at=None)


@pytest.mark.parametrize("closing", [False, True])
async def test_a_key_in_doubt_stays_so_although_the_engine_forgot_that_it_was_sent(*, closing: bool) -> None:
    store, held = AmnesicStore(), Held(answer(500, {}))
    async with house(held, store=store) as it, house(store=store) as other:
        submitting = asyncio.ensure_future(it.submit(key="order-42"))
        await held.arrived.wait()
        store.crash()
        if closing:
            await it.submitter.close(0.0)
            (job,) = it.submitter._jobs
            assert job.task is not None
            job.task.cancel()
        held.release.set()
        assert (await submitting).in_doubt
        again = await other.submit(key="order-42")
        assert (again.in_doubt, other.transport.sent) == (True, [])


async def test_a_key_whose_task_was_never_sent_is_sent_now() -> None:
    store = MemoryStore()
    await store.put(TaskRecord(id="av_crashed", origin=ORIGIN, key="order-42", request=CLIP, created_at=moment(NOW)))
    async with house(store=store) as it:
        submission = await it.submit(key="order-42")
        assert (submission.record.id, submission.record.service_id) == ("av_crashed", "svc-1")


async def test_a_key_that_somebody_else_is_sending_joins_that_task() -> None:
    store = MemoryStore()
    sending = TaskRecord(
        id="av_other", origin=ORIGIN, key="order-42", request=CLIP, sender="somebody", sent_at=moment(NOW)
    )
    await store.put(sending)
    async with house(store=store) as it:
        submission = await it.submit(key="order-42")
        assert (submission.record.id, submission.error, submission.in_doubt) == ("av_other", None, False)
        assert it.transport.sent == []


class GivingUpStore(MemoryStore):
    """Somebody gives the task of a key up, just before another one marks it as its own to send; and dies."""

    gave_up = False

    async def put(self, record: TaskRecord, /) -> Put:
        if record.sender is not None and not self.gave_up:
            self.gave_up = True
            await super().put(TaskRecord(id=record.id, origin=record.origin, sender=lifecycle.NOBODY))
        return await super().put(record)


async def test_a_key_whose_task_is_being_given_up_is_sent_as_a_new_task() -> None:
    store = GivingUpStore()
    await store.put(TaskRecord(id="av_given_up", origin=ORIGIN, key="order-42", request=CLIP, created_at=moment(NOW)))
    async with house(store=store) as it:
        submission = await it.submit(key="order-42")
        records = {record.id: record.status for record in await it.records()}
        assert records == {"av_given_up": TaskStatus.REFUSED, submission.record.id: TaskStatus.PENDING}
        assert len(it.transport.sent) == 1


async def test_a_task_without_a_key_that_was_given_up_is_refused_and_not_sent() -> None:
    async with house(store=GivingUpStore()) as it:
        submission = await it.submit()
        assert (submission.record.status, it.transport.sent) == (TaskStatus.REFUSED, [])


async def test_a_key_whose_task_somebody_gave_up_and_died_is_sent_as_a_new_task() -> None:
    store = MemoryStore()
    given_up = TaskRecord(id="av_given_up", origin=ORIGIN, key="order-42", request=CLIP, sender=lifecycle.NOBODY)
    await store.put(replace(given_up, sent_at=moment(NOW - 3600.0)))
    async with house(store=store) as it:
        submission = await it.submit(key="order-42")
        assert submission.record.id != "av_given_up"
        assert submission.record.status is TaskStatus.PENDING


class PoliteStore(MemoryStore):
    """Lets others in before every put, as a store over a network does."""

    async def put(self, record: TaskRecord, /) -> Put:
        await asyncio.sleep(0)
        return await super().put(record)


async def test_two_that_find_a_key_unsent_send_it_once() -> None:
    store = PoliteStore()
    await store.put(TaskRecord(id="av_crashed", origin=ORIGIN, key="order-42", request=CLIP, created_at=moment(NOW)))
    async with house(store=store) as one, house(store=store) as two:
        submissions = await asyncio.gather(one.submit(key="order-42"), two.submit(key="order-42"))
        assert {submission.record.id for submission in submissions} == {"av_crashed"}
        assert len(one.transport.sent) + len(two.transport.sent) == 1


async def test_a_key_whose_task_was_refused_without_charge_may_be_used_again() -> None:
    async with house(refused(402, "insufficient_credits")) as it:
        await it.submit(key="order-42")
        again = await it.submit(key="order-42")
        assert again.record.status is TaskStatus.PENDING


async def test_a_key_whose_task_may_have_been_charged_raises_its_error_again() -> None:
    async with house(refused(503, "upstream_error")) as it:
        await it.submit(key="order-42")
        again = await it.submit(key="order-42")
        assert isinstance(again.error, UpstreamError)
        assert len(it.transport.sent) == 1


class SilentStore(MemoryStore):
    """Notes the first that is about to send, and never says so."""

    def __init__(self) -> None:
        super().__init__()
        self.marked = asyncio.Event()

    async def put(self, record: TaskRecord, /) -> Put:
        put = await super().put(record)
        if record.sender is not None and not self.marked.is_set():
            self.marked.set()
            await asyncio.Event().wait()
        return put


async def test_a_task_of_before_that_is_cancelled_while_it_is_marked_leaves_its_key_free_for_every_process() -> None:
    store = SilentStore()
    await store.put(TaskRecord(id="av_crashed", origin=ORIGIN, key="order-42", request=CLIP, created_at=moment(NOW)))
    async with house(store=store) as it, house(store=store) as other:
        submitting = asyncio.ensure_future(it.submit(key="order-42"))
        await store.marked.wait()
        submitting.cancel()
        await until(lambda: not it.submitter._jobs)
        again = await other.submit(key="order-42")
        assert (again.record.status, len(other.transport.sent)) == (TaskStatus.PENDING, 1)


class FlakyStore(MemoryStore):
    """Is down for the puts whose numbers it was given."""

    def __init__(self, *down_at: int) -> None:
        super().__init__()
        self._down_at = down_at
        self.puts = 0

    async def put(self, record: TaskRecord, /) -> Put:
        self.puts += 1
        if self.puts in self._down_at:
            raise StoreError("no route to the engine")
        return await super().put(record)


async def test_a_store_that_is_down_at_first_sends_nothing() -> None:
    async with house(store=FlakyStore(1)) as it:
        submission = await it.submit()
        assert isinstance(submission.error, StoreError)
        assert submission.error.charged == "no"
        assert it.transport.sent == []


class CutOffStore(MemoryStore):
    """Keeps who is about to send, but cannot say so any more, and is away from then on until it is ``back``."""

    away = back = False

    async def put(self, record: TaskRecord, /) -> Put:
        if self.away and not self.back:
            raise StoreError("no route to the engine")
        put = await super().put(record)
        self.away = record.sender is not None
        if self.away and not self.back:
            raise StoreError("the connection broke")
        return put


async def test_a_key_that_the_store_takes_for_sent_is_sent_by_the_client_that_knows_better() -> None:
    store = CutOffStore()
    async with house(store=store) as it:
        first = await it.submit(key="order-42")
        assert (type(first.error), it.transport.sent) == (StoreError, [])
        held = await it.only_record()
        assert (held.status, held.sender is None) == (TaskStatus.SUBMITTING, False)
        store.back = True
        again = await it.submit(key="order-42")
        assert (again.record.id, again.record.status) == (held.id, TaskStatus.PENDING)
        assert len(it.transport.sent) == 1


async def test_a_client_that_knows_better_does_not_forget_it_while_the_store_stays_away() -> None:
    store = CutOffStore()
    async with house(store=store) as it:
        first, second = await it.submit(key="order-42"), await it.submit(key="order-42")
        assert (type(first.error), type(second.error)) == (StoreError, StoreError)
        store.back = True
        again = await it.submit(key="order-42")
        assert (again.record.status, len(it.transport.sent)) == (TaskStatus.PENDING, 1)


async def test_a_client_that_knows_better_does_not_forget_it_over_another_request_under_the_key() -> None:
    store = CutOffStore()
    async with house(store=store) as it:
        await it.submit(key="order-42")
        store.back = True
        other = await it.submit(Sora2(prompt="a dog on a roof", duration=4), key="order-42")
        again = await it.submit(key="order-42")
        assert isinstance(other.error, InvalidRequestError)
        assert (again.record.status, len(it.transport.sent)) == (TaskStatus.PENDING, 1)


async def test_what_is_known_to_be_unsent_stays_bounded() -> None:
    async with house(store=CutOffStore()) as it:
        it.submitter._unsent.update((f"order-{number}", "somebody") for number in range(UNSENT_AT_MOST))
        await it.submit(key="order-42-again")
        assert len(it.submitter._unsent) == UNSENT_AT_MOST
        assert "order-0" not in it.submitter._unsent


async def test_an_accepted_task_is_stored_once_the_store_is_back(caplog: pytest.LogCaptureFixture) -> None:
    async with house(store=FlakyStore(3)) as it:
        submission = await it.submit()
        assert submission.record.service_id == "svc-1"
        assert (await it.only_record()).service_id == "svc-1"
        assert "could not be stored" in caplog.text


async def test_an_accepted_task_that_cannot_be_stored_at_all_keeps_its_id_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with house(store=FlakyStore(3, 4)) as it:
        submission = await it.submit()
        assert (submission.record.status, submission.record.service_id) == (TaskStatus.PENDING, "svc-1")
        assert "(service id svc-1) is not stored" in caplog.text
        assert (await it.only_record()).service_id is None


async def test_an_id_that_another_task_holds_is_not_believed() -> None:
    async with house(accepted("svc-same"), accepted("svc-same")) as it:
        await it.submit()
        second = await it.submit()
        assert second.in_doubt
        assert second.error is not None
