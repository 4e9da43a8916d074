"""Each promise is broken on purpose, and the judge notices within a few seeds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from aivideo_async.core import lifecycle
from aivideo_async.core.errors import APIConnectionError, StoreError
from aivideo_async.core.models import Estimate, Reply, TaskRecord, TaskStatus, WebhookEvent
from aivideo_async.core.wire import HttpRequest, HttpResponse
from aivideo_async.receiver import ACCEPTED, WebhookReceiver
from aivideo_async.spending import Reservation
from aivideo_async.stores.base import Put
from aivideo_async.stores.memory import MemoryStore
from tests.simulation.judge import Violation
from tests.simulation.purse import WatchedBudget
from tests.simulation.users import Doubles, ServiceTransport
from tests.simulation.weather import Weather
from tests.simulation.world import World

SEEDS = 12
ROUGH = Weather(
    workers=2,
    webs=2,
    orders=10,
    keyed=0.7,
    doubt=0.2,
    break_off=0.2,
    limit=0.2,
    refuse=0.2,
    ask_fails=0.2,
    callback_lost=0.3,
    callback_doubled=0.3,
    forged=0.8,
    store_fails=0.05,
    outages=2,
    hint_lost=0.3,
    kills=3,
    restarts=1,
    cancelled=0.3,
    twice=0.8,
)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def found_by(weather: Weather, **broken: object) -> str:
    """What the judge says of the first of a few seeds that it does not let pass; nothing when it lets all pass."""
    for seed in range(SEEDS):
        try:
            World(seed, weather, **broken).run()  # type: ignore[arg-type]  # what is broken, by name
        except Violation as violation:
            return str(violation)
    return ""


@pytest.mark.crash
def test_what_is_not_broken_passes() -> None:
    assert found_by(ROUGH) == ""
    assert found_by(replace(ROUGH, signed=False)) == ""


class ResendingTransport(ServiceTransport):
    """Sends a create again whose connection broke."""

    async def send(self, request: HttpRequest, *, on_sent: Callable[[], None] | None = None) -> HttpResponse:
        try:
            return await super().send(request, on_sent=on_sent)
        except APIConnectionError:
            return await super().send(request, on_sent=on_sent)


class GenerousBudget(WatchedBudget):
    """Reserves what is not there."""

    def reserve(self, model: str, estimate: Estimate) -> Reservation:
        self._limit += 10**15
        try:
            return super().reserve(model, estimate)
        finally:
            self._limit -= 10**15


class DeafBudget(WatchedBudget):
    """Never hears of an ending."""

    def learn(self, record: TaskRecord) -> None:
        pass


class HastyReceiver(WebhookReceiver):
    """Acknowledges what it could not store."""

    async def _stored(self, event: WebhookEvent, began: float) -> Reply:
        try:
            return await super()._stored(event, began)
        except StoreError:
            return ACCEPTED


class GullibleReceiver(WebhookReceiver):
    """Takes the body of an unsigned callback for the answer."""

    def _hint(self, event: WebhookEvent) -> TaskRecord:
        return self._report(event)


@pytest.mark.parametrize(
    ("doubles", "signed", "said"),
    [
        (Doubles(transport=ResendingTransport), True, "sent again though nobody could know"),
        (Doubles(receiver=HastyReceiver), True, "was acknowledged and is not stored"),
        (Doubles(receiver=HastyReceiver), False, "was acknowledged and is not stored"),
        (Doubles(receiver=GullibleReceiver), False, "the service never said so"),
        (Doubles(budget=GenerousBudget), True, "has spent what was not in its budget"),
        (Doubles(budget=DeafBudget), True, "credits reserved"),
    ],
)
def test_a_replica_that_breaks_a_promise_is_found(*, doubles: Doubles, signed: bool, said: str) -> None:
    weather = replace(ROUGH, signed=signed, workers=1, webs=3, forged=1.0, store_fails=0.15)
    assert said in found_by(weather, doubles=doubles)


class BrokenStore(MemoryStore):
    """Puts what ``spoilt`` makes of a record; where that is nothing, it forgets the put."""

    async def put(self, record: TaskRecord, /) -> Put:
        with self._lock:
            before = self._records.get(record.id)
            spoilt = self.spoilt(before, record)
            if spoilt is None:
                return Put(record, changed=False, won=False)
            if before is not None and spoilt is not record:
                del self._records[record.id]
            return self._put(spoilt)

    def spoilt(self, before: TaskRecord | None, record: TaskRecord) -> TaskRecord | None:
        return record


class OverwritingStore(BrokenStore):
    """Overwrites instead of merging."""

    def spoilt(self, before: TaskRecord | None, record: TaskRecord) -> TaskRecord | None:
        return record if before is None else replace(record, request=before.request, labels=before.labels)


class LastComesFirstStore(BrokenStore):
    """Lets the last sender win, not the first."""

    def spoilt(self, before: TaskRecord | None, record: TaskRecord) -> TaskRecord | None:
        if before is None or before.sender is None or record.sender is None:
            return record
        return replace(lifecycle.merge(before, record), sender=record.sender)


class KeylessStore(BrokenStore):
    """Forgets which task a key belongs to."""

    def spoilt(self, before: TaskRecord | None, record: TaskRecord) -> TaskRecord | None:
        return replace(record, key=None) if before is None else record


class LosingStore(BrokenStore):
    """Says that it has an ending, and has not."""

    def spoilt(self, before: TaskRecord | None, record: TaskRecord) -> TaskRecord | None:
        return None if record.status is TaskStatus.COMPLETED else record


class UnheardOfStore(BrokenStore):
    """Records nothing before the create was accepted."""

    def spoilt(self, before: TaskRecord | None, record: TaskRecord) -> TaskRecord | None:
        return None if record.status is TaskStatus.SUBMITTING and record.sender is not None else record


@dataclass(frozen=True)
class Case:
    """A store that breaks a promise, and one of the things that the judge may say of it."""

    store: type[MemoryStore]
    said: tuple[str, ...]


@pytest.mark.parametrize(
    "case",
    [
        Case(OverwritingStore, ("sent before it was recorded", "met", "lost", "never ended", "is not stored")),
        Case(
            LastComesFirstStore,
            ("sent again though nobody could know", "charged twice", "charged no", "again after it"),
        ),
        Case(KeylessStore, ("sent again though nobody could know", "charged twice")),
        Case(LosingStore, ("was acknowledged and is not stored",)),
        Case(UnheardOfStore, ("sent before it was recorded", "still waits", "never ended", "is not stored")),
    ],
    ids=lambda case: case.store.__name__,
)
def test_a_store_that_breaks_a_promise_is_found(case: Case) -> None:
    def memory(clock: Callable[[], float]) -> MemoryStore:
        return case.store(clock=clock, keep_ended=timedelta(days=365))

    found = found_by(ROUGH, memory=memory)
    assert any(said in found for said in case.said), found or "nothing was found"
