from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from aivideo_async.core.errors import ClientClosedError, ConfigurationError, EventsLostError, StoreError
from aivideo_async.core.models import TaskRecord
from aivideo_async.endings import Endings
from aivideo_async.stores import MemoryStore
from aivideo_async.stores.base import Delivery
from aivideo_async.supervise import Supervisor
from tests.doubles import ManualClock, until
from tests.stores.made import completion


class FlakyEvents(MemoryStore):
    """Raises what stands in ``errors`` before it gives endings, ``refusals`` before it takes an acknowledgement."""

    def __init__(self) -> None:
        super().__init__(clock=ManualClock())
        self.errors: list[Exception] = []
        self.refusals: list[Exception] = []
        self.asked = 0

    async def events(self, group: str, /) -> AsyncIterator[Delivery]:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        async for delivery in super().events(group):
            yield delivery

    async def acknowledge(self, group: str, number: int) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        await super().acknowledge(group, number)


@pytest.fixture
def store() -> FlakyEvents:
    return FlakyEvents()


@asynccontextmanager
async def consumer(store: MemoryStore) -> AsyncGenerator[Endings]:
    supervisor = Supervisor("test")
    await supervisor.start()
    try:
        yield Endings(store, "billing", supervisor, again_after=0.0)
    finally:
        await supervisor.stop()


async def ended(store: MemoryStore, count: int = 1) -> list[TaskRecord]:
    return [(await store.put(completion(f"av_{n}", f"svc-{n}", 0.0))).record for n in range(count)]


async def test_an_engine_that_is_away_is_tried_again(store: FlakyEvents) -> None:
    store.errors = [StoreError("away"), StoreError("still away")]
    (record,) = await ended(store)
    async with consumer(store) as endings:
        assert (await endings.next()).record == record
    assert store.asked == 3


async def test_what_is_lost_is_said_once_and_then_it_goes_on_with_what_is_left(store: FlakyEvents) -> None:
    store.errors = [EventsLostError("3 endings")]
    (record,) = await ended(store)
    async with consumer(store) as endings:
        with pytest.raises(EventsLostError, match="3 endings"):
            await endings.next()
        assert (await endings.next()).record == record


async def test_an_acknowledgement_that_does_not_arrive_is_sent_again(store: FlakyEvents) -> None:
    store.refusals = [StoreError("away")]
    first, second = await ended(store, 2)
    async with consumer(store) as endings:
        delivery = await endings.next()
        assert delivery.record == first
        await endings.acknowledge(delivery)
        assert (await endings.next()).record == second
    assert store.refusals == []


async def test_any_other_error_of_ours_is_the_callers_and_the_client_lives_on(store: FlakyEvents) -> None:
    store.errors = [ConfigurationError("no such group")]
    (record,) = await ended(store)
    async with consumer(store) as endings:
        with pytest.raises(ConfigurationError):
            await endings.next()
        assert (await endings.next()).record == record


async def test_closing_ends_an_acknowledgement_that_the_engine_does_not_take(store: FlakyEvents) -> None:
    await ended(store)
    async with consumer(store) as endings:
        delivery = await endings.next()
        store.refusals = [StoreError("away")] * 1_000_000
        waiting = asyncio.ensure_future(endings.acknowledge(delivery))
        await until(lambda: len(store.refusals) < 999_990)
    with pytest.raises(ClientClosedError):
        await waiting


async def test_cancelling_takes_none(store: FlakyEvents) -> None:
    async with consumer(store) as endings:
        waiting = asyncio.ensure_future(endings.next())
        await until(lambda: store.asked > 0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    (record,) = await ended(store)
    async with consumer(store) as endings:
        assert (await endings.next()).record == record
