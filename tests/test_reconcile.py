from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest

from aivideo_async.core import wire
from aivideo_async.core.errors import APIConnectionError, InvalidResponseError, NotFoundError, StoreError
from aivideo_async.core.models import TaskRecord, TaskReport, TaskStatus, moment
from aivideo_async.core.retry import DEADLINE
from aivideo_async.reconcile import Asking, Reconciler
from aivideo_async.stores import MemoryStore, Put
from aivideo_async.supervise import Supervisor
from tests.doubles import (
    BROKE_OFF,
    NOW,
    ORIGIN,
    CannedTransport,
    ManualClock,
    a_record,
    completed,
    refused,
    task_answer,
    until,
)

USUAL = 100.0


class Desk:
    """An asker over a store, its service and its clock. The service's schedule runs on the hand-set clock."""

    def __init__(self, store: MemoryStore, clock: ManualClock, *, callback: bool = True) -> None:
        self.clock, self.store, self.transport = clock, store, CannedTransport()
        self.awaited: set[str] = set()
        self.refusals = 0
        self.reconciler = Reconciler(
            store,
            self._fetch,
            Asking(origin=ORIGIN, usual=lambda _record: USUAL, callback_expected=lambda: callback, rate=1000.0),
            awaited=lambda: self.awaited,
            on_refused=self._refused,
            clock=clock,
            draw=lambda: 0.5,
        )

    def _refused(self) -> None:
        self.refusals += 1

    async def _fetch(self, service_id: str) -> TaskReport:
        response = await self.transport.send(wire.task_request(service_id))
        return wire.read_task_response(response, now=self.clock())

    async def record(self, id: str = "av_1") -> TaskRecord:
        return (await self.store.get((id,)))[id]

    async def due_in(self, id: str = "av_1") -> float:
        next_check = (await self.record(id)).next_check
        assert next_check is not None
        return next_check.timestamp() - self.clock()

    async def look(self, *, asks: int = 1) -> None:
        """Let the asker look until it has asked so often in all, and has stored the last answer."""
        self.reconciler.wake()
        await until(lambda: len(self.transport.sent) >= asks)
        await until(lambda: self.reconciler._slots._value == 32)

    async def rest(self) -> None:
        """Let the asker look; it finds nothing to ask."""
        self.reconciler.wake()
        for _ in range(20):
            await asyncio.sleep(0)


@asynccontextmanager
async def desk(
    *records: TaskRecord, callback: bool = True, store: MemoryStore | None = None, clock: ManualClock | None = None
) -> AsyncGenerator[Desk]:
    clock = clock or ManualClock()
    kept = store or MemoryStore(clock=clock)
    for record in records:
        await kept.put(record)
    it = Desk(kept, clock, callback=callback)
    supervisor = Supervisor("test")
    await supervisor.start()
    supervisor.spawn(it.reconciler.run, supervisor)
    try:
        yield it
    finally:
        await supervisor.stop()


def hinted(id: str = "av_1", status: TaskStatus = TaskStatus.PENDING, **more: object) -> TaskRecord:
    return a_record(id, status, hinted_id=f"svc-{id}", hinted_at=moment(NOW), next_check=moment(NOW), **more)


async def test_a_hint_is_confirmed_by_one_get() -> None:
    async with desk(hinted()) as it:
        it.transport.tasks["svc-av_1"] = completed("svc-av_1")
        await it.look()
        record = await it.record()
        assert record.status is TaskStatus.COMPLETED
        assert record.output is not None
        assert record.output.fetched_at == moment(NOW)
        await it.rest()
        assert it.transport.asked() == ["svc-av_1"]


async def test_a_hint_for_a_task_without_a_known_id_asks_for_the_id_that_it_named() -> None:
    async with desk(hinted(service_id=None)) as it:
        it.transport.tasks["svc-av_1"] = completed("svc-av_1")
        await it.look()
        assert (await it.record()).service_id == "svc-av_1"


async def test_a_hint_that_names_a_task_of_another_model_is_not_believed() -> None:
    async with desk(hinted(service_id=None)) as it:
        it.transport.tasks["svc-av_1"] = completed("svc-av_1", model="veo-3")
        await it.look()
        record = await it.record()
        assert (record.status, record.service_id) == (TaskStatus.PENDING, None)


async def test_a_hint_that_names_an_id_which_another_task_holds_is_refused() -> None:
    mine = a_record("av_2", service_id=None, hinted_id="svc-av_1", hinted_at=moment(NOW), next_check=moment(NOW))
    async with desk(a_record("av_1"), mine) as it:
        it.transport.tasks["svc-av_1"] = completed("svc-av_1")
        await it.look()
        assert (await it.record("av_2")).status is TaskStatus.PENDING
        assert (await it.record("av_1")).status is TaskStatus.PENDING


async def test_an_answer_about_another_task_changes_nothing() -> None:
    async with desk(hinted()) as it:
        it.transport.tasks["svc-av_1"] = completed("svc-other")
        await it.look()
        assert (await it.record()).status is TaskStatus.PENDING


@pytest.mark.parametrize(("elapsed", "delay"), [(0.0, 1.0), (1.5, 2.0), (4.0, 4.0), (8.0, 8.0)])
async def test_a_hinted_task_that_has_not_ended_is_asked_for_again_soon(elapsed: float, delay: float) -> None:
    async with desk(hinted()) as it:
        it.transport.tasks["svc-av_1"] = task_answer("svc-av_1", "processing")
        it.clock.advance(elapsed)
        await it.look()
        assert await it.due_in() == pytest.approx(delay)


async def test_long_after_a_hint_the_schedule_holds_again() -> None:
    async with desk(hinted()) as it:
        it.transport.tasks["svc-av_1"] = task_answer("svc-av_1", "processing")
        it.clock.advance(60.0)
        await it.look()
        assert await it.due_in() == pytest.approx(120.0)


async def test_a_lost_callback_is_found_on_schedule() -> None:
    async with desk(a_record(next_check=moment(NOW + 150))) as it:
        it.transport.tasks["svc-av_1"] = completed("svc-av_1")
        await it.rest()
        assert it.transport.asked() == []
        it.clock.advance(150.0)
        await it.look()
        assert (await it.record()).status is TaskStatus.COMPLETED


async def test_without_callbacks_it_polls_adaptively() -> None:
    async with desk(a_record(next_check=moment(NOW)), callback=False) as it:
        it.transport.tasks["svc-av_1"] = task_answer("svc-av_1", "processing")
        await it.look()
        assert await it.due_in() == pytest.approx(15.0)


async def test_awaited_tasks_are_asked_for_first() -> None:
    records = [a_record(f"av_{n}", next_check=moment(NOW - n)) for n in range(1, 5)]
    async with desk(*records) as it:
        it.awaited.add("av_2")
        for record in records:
            it.transport.tasks[str(record.service_id)] = completed(str(record.service_id))
        await it.look(asks=4)
        assert it.transport.asked() == ["svc-av_2", "svc-av_4", "svc-av_3", "svc-av_1"]


async def test_a_hint_that_comes_while_asking_is_not_forgotten() -> None:
    async with desk(hinted()) as it:
        it.transport.tasks["svc-av_1"] = task_answer("svc-av_1", "processing")
        it.clock.advance(100.0)
        original = it.store.due

        async def hint_just_before(id: str, delay: float, /) -> None:
            if delay > 100:
                now = moment(it.clock())
                await it.store.put(
                    TaskRecord(id=id, origin=ORIGIN, hinted_id="svc-av_1", hinted_at=now, next_check=now)
                )
            await original(id, delay)

        it.store.due = hint_just_before  # type: ignore[method-assign]  # the interleaving under test
        await it.look()
        assert await it.due_in() == pytest.approx(1.0)


async def test_other_failures_only_delay() -> None:
    async with desk(a_record(next_check=moment(NOW))) as it:
        it.transport.tasks["svc-av_1"] = BROKE_OFF
        await it.look()
        record = await it.record()
        assert (record.status, record.checks) == (TaskStatus.PENDING, 1)
        assert await it.due_in() == pytest.approx(120.0)


async def test_not_found_three_times_over_ten_minutes_expires_a_task() -> None:
    async with desk(a_record(next_check=moment(NOW))) as it:
        for asks in range(1, 4):
            await it.look(asks=asks)
            assert (await it.record()).status is (TaskStatus.EXPIRED if asks == 3 else TaskStatus.PENDING)
            it.clock.advance(600.0)


async def test_not_found_three_times_within_ten_minutes_does_not() -> None:
    async with desk(a_record(next_check=moment(NOW))) as it:
        for asks in range(1, 4):
            await it.look(asks=asks)
            it.clock.advance(240.0)
        assert (await it.record()).status is TaskStatus.PENDING


async def test_a_task_that_is_known_in_between_does_not_expire_by_three_404s() -> None:
    async with desk(a_record(next_check=moment(NOW))) as it:
        for asks, known in enumerate((False, False, True, False), start=1):
            known_now = task_answer("svc-av_1", "processing") if known else refused(404, "task_not_found")
            it.transport.tasks["svc-av_1"] = known_now
            await it.look(asks=asks)
            it.clock.advance(700.0)
        assert (await it.record()).status is TaskStatus.PROCESSING


async def test_after_the_deadline_a_task_is_asked_for_once_more_and_expires() -> None:
    async with desk(a_record(next_check=moment(NOW))) as it:
        it.transport.tasks["svc-av_1"] = task_answer("svc-av_1", "processing")
        it.clock.advance(86_400.0)
        await it.look()
        record = await it.record()
        assert record.status is TaskStatus.EXPIRED
        assert record.failure is not None
        assert record.failure.charged == "unknown"


async def test_a_result_after_the_deadline_is_still_taken() -> None:
    async with desk(a_record(next_check=moment(NOW))) as it:
        it.transport.tasks["svc-av_1"] = completed("svc-av_1")
        it.clock.advance(86_400.0)
        await it.look()
        assert (await it.record()).status is TaskStatus.COMPLETED


async def test_a_hint_for_an_expired_task_is_asked_for_as_any_hint_is() -> None:
    expired = hinted(status=TaskStatus.EXPIRED, ended_at=moment(NOW - 10))
    async with desk(expired) as it:
        it.transport.tasks["svc-av_1"] = task_answer("svc-av_1", "processing")
        await it.look()
        assert await it.due_in() == pytest.approx(1.0)
        it.transport.tasks["svc-av_1"] = completed("svc-av_1")
        it.clock.advance(1.0)
        await it.look(asks=2)
        assert (await it.record()).status is TaskStatus.COMPLETED


async def test_a_refused_key_does_not_keep_a_task_alive_beyond_its_deadline() -> None:
    async with desk(a_record(next_check=moment(NOW))) as it:
        it.transport.tasks["svc-av_1"] = refused(401, "invalid_api_key")
        it.clock.advance(86_400.0)
        await it.look()
        assert (await it.record()).status is TaskStatus.EXPIRED


async def test_an_answer_that_is_a_404_shows_that_the_key_works() -> None:
    async with desk(a_record()) as it:
        it.reconciler._refuse(_unauthorised())
        await it.reconciler._ask_by_queue(await it.record())
        assert it.reconciler.refusal is None


async def test_what_is_awaited_is_asked_for_before_a_backlog() -> None:
    records = [a_record(f"av_{n}", next_check=moment(NOW - 1000)) for n in range(40)]
    async with desk(*records, a_record("av_mine", next_check=moment(NOW))) as it:
        for record in records:
            it.transport.tasks[str(record.service_id)] = completed(str(record.service_id))
        it.transport.tasks["svc-av_mine"] = completed("svc-av_mine")
        it.awaited.add("av_mine")
        await it.look(asks=41)
        assert it.transport.asked()[0] == "svc-av_mine"


@pytest.mark.parametrize(("sent_at", "status"), [(moment(NOW), TaskStatus.EXPIRED), (None, TaskStatus.REFUSED)])
async def test_without_an_id_nothing_is_asked_and_the_deadline_ends_it(sent_at: object, status: TaskStatus) -> None:
    record = a_record(status=TaskStatus.SUBMITTING, service_id=None, sent_at=sent_at, next_check=moment(NOW + 86_400.0))
    async with desk(record) as it:
        it.clock.advance(86_400.0)
        it.reconciler.wake()
        while (await it.record()).status is TaskStatus.SUBMITTING:
            await asyncio.sleep(0)
        assert (await it.record()).status is status
        assert it.transport.asked() == []


class BusyStore(MemoryStore):
    """Somebody begins to send what was claimed, before the claimer has looked at it."""

    async def claim(self, origin: str, limit: int, lease: float, /) -> Sequence[TaskRecord]:
        claimed = await super().claim(origin, limit, lease)
        for record in claimed:
            await self.put(TaskRecord(id=record.id, origin=record.origin, sender="somebody", sent_at=moment(NOW)))
        return claimed


async def test_a_create_that_begins_while_its_deadline_is_looked_at_is_not_called_unsent() -> None:
    clock = ManualClock()
    old = moment(NOW - DEADLINE - 1.0)
    unsent = TaskRecord(id="av_1", origin=ORIGIN, created_at=old, next_check=moment(NOW))
    async with desk(unsent, store=BusyStore(clock=clock), clock=clock) as it:
        await until(lambda: it.store._records["av_1"].status is not TaskStatus.SUBMITTING)
        record = await it.record()
        assert record.failure is not None
        assert (record.status, record.failure.charged) == (TaskStatus.EXPIRED, "unknown")


async def test_without_an_id_before_the_deadline_it_waits_on() -> None:
    record = a_record(status=TaskStatus.IN_DOUBT, service_id=None, next_check=moment(NOW))
    async with desk(record) as it:
        await it.rest()
        assert await it.due_in() == pytest.approx(86_400.0)


async def test_a_refused_key_pauses_asking_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    records = [a_record(f"av_{n}", next_check=moment(NOW)) for n in range(3)]
    async with desk(*records) as it:
        for record in records:
            it.transport.tasks[str(record.service_id)] = refused(401, "invalid_api_key")
        await it.look()
        assert it.reconciler.refusal is not None
        assert it.refusals >= 1
        assert len([r for r in caplog.records if r.levelno == logging.ERROR]) == 1


async def test_an_answer_ends_the_refusal() -> None:
    async with desk(a_record()) as it:
        it.reconciler._refuse(_unauthorised())
        it.transport.tasks["svc-av_1"] = task_answer("svc-av_1", "processing")
        await it.reconciler.ask(await it.record())
        assert it.reconciler.refusal is None


async def test_asking_without_any_id_says_so() -> None:
    async with desk() as it:
        with pytest.raises(NotFoundError, match="not known"):
            await it.reconciler.ask(a_record(service_id=None))


async def test_asking_by_hand_raises_what_the_queue_would_swallow() -> None:
    async with desk(a_record()) as it:
        it.transport.tasks["svc-av_1"] = completed("svc-other")
        with pytest.raises(InvalidResponseError):
            await it.reconciler.ask(await it.record())


class HalfDownStore(MemoryStore):
    """Gives due tasks once it is asked a second time, and loses the first answer."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock=clock)
        self.down = {"claim": 1, "put": 0}

    async def claim(self, origin: str, limit: int, lease: float, /) -> list[TaskRecord]:
        self._maybe_down("claim")
        return list(await super().claim(origin, limit, lease))

    async def put(self, record: TaskRecord, /) -> Put:
        self._maybe_down("put")
        return await super().put(record)

    def _maybe_down(self, name: str) -> None:
        if self.down[name] > 0:
            self.down[name] -= 1
            raise StoreError("gone")


async def test_a_store_that_is_down_ends_nothing() -> None:
    clock = ManualClock()
    store = HalfDownStore(clock)
    async with desk(a_record(next_check=moment(NOW)), store=store, clock=clock) as it:
        it.transport.tasks["svc-av_1"] = completed("svc-av_1")
        await until(lambda: store.down["claim"] == 0)
        store.down["put"] = 1
        await it.look()
        assert (await it.record()).status is TaskStatus.PENDING
        clock.advance(31.0)
        await it.look(asks=2)
        assert (await it.record()).status is TaskStatus.COMPLETED


async def test_a_burst_of_hints_is_one_question_a_second() -> None:
    async with desk(hinted()) as it:
        it.transport.tasks["svc-av_1"] = task_answer("svc-av_1", "processing")
        await it.look()
        for _ in range(5):
            it.clock.advance(0.1)
            now = moment(it.clock())
            await it.store.put(
                TaskRecord(id="av_1", origin=ORIGIN, hinted_id="svc-av_1", hinted_at=now, next_check=now)
            )
            await it.rest()
        assert len(it.transport.asked()) == 1
        it.clock.advance(0.6)
        await it.look(asks=2)


async def test_an_expired_task_that_was_hinted_at_is_not_asked_for_every_lease() -> None:
    async with desk(hinted(status=TaskStatus.EXPIRED, ended_at=moment(NOW - 10))) as it:
        it.transport.tasks["svc-av_1"] = task_answer("svc-av_1", "processing")
        it.clock.advance(90_000.0)
        await it.look()
        assert await it.due_in() >= 86_400.0


def _unauthorised() -> APIConnectionError:
    return APIConnectionError("refused", sent="maybe")
