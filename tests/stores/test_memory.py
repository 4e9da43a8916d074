from __future__ import annotations

import asyncio
import dataclasses
import os
import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest

from aivideo_async.core.errors import StoreError
from aivideo_async.core.models import moment
from aivideo_async.stores.base import Query, Store
from aivideo_async.stores.memory import MemoryStore
from tests.doubles import ManualClock
from tests.stores.contract import Engine, StoreContract, consuming, scanned, taken
from tests.stores.made import ORIGIN, accepted, completion, failure, hint, intent, refusal


class MemoryEngine:
    """One memory store: every connection is the store itself, also in another thread."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(clock=self.clock)

    def connect(self) -> AbstractAsyncContextManager[Store]:
        return self.store

    def now(self) -> float:
        return self.clock()

    async def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)


class TestMemoryStore(StoreContract):
    """Everything that every store does."""

    @pytest.fixture
    def engine(self) -> Engine:
        return MemoryEngine()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def test_it_is_open_while_somebody_uses_it_and_forgets_nothing_in_between() -> None:
    store = MemoryStore()
    seen = [store.opened]
    async with store:
        async with store as same:
            assert same is store
        seen.append(store.opened)
        await store.put(accepted("av_1", "svc-1"))
    assert [*seen, store.opened, store.durable] == [False, True, False, False]
    assert await scanned(store, Query()) == ["av_1"]


async def test_what_has_ended_is_kept_for_a_day(clock: ManualClock) -> None:
    store = MemoryStore(clock=clock)
    await store.put(completion("av_1", "svc-1", clock()))
    await store.put(accepted("av_running", "svc-running"))
    clock.advance(86_400)
    await store.put(failure("av_2", "svc-2", clock()))
    assert await scanned(store, Query()) == ["av_2", "av_running", "av_1"]
    clock.advance(1)
    await store.put(failure("av_3", "svc-3", clock()))
    assert await scanned(store, Query()) == ["av_3", "av_2", "av_running"]


async def test_a_day_counts_from_the_last_ending(clock: ManualClock) -> None:
    store = MemoryStore(clock=clock, keep_ended=timedelta(seconds=10))
    for id in ("av_1", "av_2"):
        await store.put(refusal(id, clock()))
    clock.advance(9)
    await store.put(completion("av_1", "svc-1", clock()))
    clock.advance(9)
    await store.put(failure("av_3", "svc-3", clock()))
    assert set(await store.get(("av_1", "av_2", "av_3"))) == {"av_1", "av_3"}


async def test_what_never_ends_is_kept_for_a_day_after_its_deadline(clock: ManualClock) -> None:
    store = MemoryStore(clock=clock)
    await store.put(intent("av_1", clock(), key="order-42"))
    await store.put(accepted("av_1", "svc-1", next_check=clock() + 60))
    clock.advance(2 * 86_400)
    await store.put(accepted("av_2", "svc-2"))
    assert set(await store.get(("av_1", "av_2"))) == {"av_1", "av_2"}
    clock.advance(1)
    await store.put(accepted("av_3", "svc-3"))
    assert await scanned(store, Query()) == ["av_3", "av_2"]
    assert await store.get(("av_1", "svc-1", "order-42")) == {}
    assert await store.claim(ORIGIN, 10, 30.0) == []


async def test_a_store_that_nobody_prunes_stays_bounded(clock: ManualClock) -> None:
    store = MemoryStore(clock=clock, keep_at_most=100)
    for number in range(4_000):
        id, origin = f"av_{number}", f"https://{number}.example.com"
        await store.put(dataclasses.replace(intent(id, clock(), key=f"order-{number}"), origin=origin))
        await store.put(accepted(id, f"svc-{number}", next_check=clock(), origin=origin))
        if number % 2:
            await store.put(completion(id, f"svc-{number}", clock()))
        await store.claim(f"https://nobody-{number}.example.com", 1, 30.0)
        clock.advance(600)
    held = (store._records, store._by_key, store._by_service_id, store._due, store._of_origin, store._began)
    assert [len(each) <= 144 + 100 for each in held] == [True] * len(held)
    assert len(store._feed._endings) <= 100


async def test_endings_are_events_for_as_long_as_they_are_kept(clock: ManualClock) -> None:
    store = MemoryStore(clock=clock)
    await store.put(completion("av_1", "svc-1", clock()))
    clock.advance(86_401)
    await store.put(completion("av_2", "svc-2", clock()))
    async with consuming(store, "mail") as events:
        assert await taken(events, 1) == ["av_2"]


async def test_a_task_whose_origin_becomes_known_is_due_there(clock: ManualClock) -> None:
    store = MemoryStore(clock=clock)
    await store.put(accepted("av_1", "svc-1", next_check=clock(), origin=""))
    await store.put(accepted("av_1", "svc-1", origin=ORIGIN))
    assert [record.id for record in await store.claim(ORIGIN, 1, 30.0)] == ["av_1"]
    assert await store.claim("", 1, 30.0) == []


async def test_no_more_than_so_many_ended_ones_are_kept(clock: ManualClock) -> None:
    store = MemoryStore(clock=clock, keep_at_most=2)
    await store.put(accepted("av_running", "svc-running"))
    for number in range(5):
        await store.put(completion(f"av_{number}", f"svc-{number}", clock()))
    assert await scanned(store, Query()) == ["av_4", "av_3", "av_running"]
    async with consuming(store, "mail") as events:
        assert await taken(events, 2) == ["av_3", "av_4"]


async def test_a_store_that_may_keep_nothing_forgets_at_once(clock: ManualClock) -> None:
    store = MemoryStore(clock=clock, keep_at_most=0)
    assert (await store.put(completion("av_1", "svc-1", clock()))).won
    assert await store.get(("av_1", "svc-1")) == {}


async def test_forgetting_a_task_leaves_its_key_to_who_has_it_now(clock: ManualClock) -> None:
    store = MemoryStore(clock=clock)
    await store.put(intent("av_1", clock(), key="order-42"))
    await store.put(refusal("av_1", clock()))
    await store.put(intent("av_2", clock(), key="order-42"))
    assert await store.prune(moment(clock() + 1)) == 1
    assert (await store.get(("order-42",)))["order-42"].id == "av_2"


async def test_forgotten_endings_are_no_events_any_more(clock: ManualClock) -> None:
    store = MemoryStore(clock=clock)
    await store.put(completion("av_1", "svc-1", clock()))
    clock.advance(10)
    await store.put(completion("av_2", "svc-2", clock()))
    await store.prune(moment(clock() - 5))
    async with consuming(store, "mail") as events:
        assert await taken(events, 1) == ["av_2"]


async def test_a_consumer_that_waits_looks_again_when_a_lease_is_over(clock: ManualClock) -> None:
    store = MemoryStore(clock=clock, event_lease=0.01)
    await store.put(completion("av_1", "svc-1", clock()))
    async with consuming(store, "mail") as events:
        await taken(events, 1, ack=False)
        waiting = asyncio.ensure_future(taken(events, 1))
        await asyncio.sleep(0)
        clock.advance(1)
        assert await waiting == ["av_1"]


async def test_what_is_due_stays_bounded_however_often_it_moves(clock: ManualClock) -> None:
    store = MemoryStore(clock=clock)
    await store.put(accepted("av_1", "svc-1", next_check=clock() + 60))
    for number in range(5_000):
        await store.due("av_1", 60.0 + number)
    assert sum(len(queue) for queue in store._due.values()) < 2_048
    clock.advance(60 + 5_000)
    assert [record.id for record in await store.claim(ORIGIN, 10, 30.0)] == ["av_1"]


async def test_what_was_claimed_and_pruned_does_not_come_back(clock: ManualClock) -> None:
    store = MemoryStore(clock=clock)
    await store.put(accepted("av_1", "svc-1", next_check=clock()))
    await store.put(completion("av_1", "svc-1", clock()))
    await store.prune(moment(clock() + 1))
    assert await store.claim(ORIGIN, 10, 30.0) == []


async def test_what_is_forgotten_during_a_scan_is_left_out(clock: ManualClock) -> None:
    store = MemoryStore(clock=clock)
    for number in range(2):
        await store.put(completion(f"av_{number}", f"svc-{number}", clock()))
    records: AsyncIterator[object] = store.scan(Query())
    await anext(records)
    await store.prune(moment(clock() + 1))
    assert [record async for record in records] == []


async def test_subscribers_whose_loop_is_closed_are_dropped() -> None:
    store = MemoryStore()
    entered = store.changes()

    def subscribe_and_close() -> None:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(entered.__aenter__())
        loop.close()

    await asyncio.to_thread(subscribe_and_close)
    assert len(store._subscriptions) == 1
    await store.put(accepted("av_1", "svc-1"))
    assert not store._subscriptions


async def test_whoever_stops_listening_is_told_nothing_more() -> None:
    store = MemoryStore()
    async with store.changes():
        pass
    await store.put(hint("av_1", 0.0))
    assert not store._subscriptions


async def test_four_threads_share_one_store(clock: ManualClock) -> None:
    store, together = MemoryStore(clock=clock), threading.Barrier(4)

    async def work(name: int) -> list[str]:
        for number in range(25):
            await store.put(accepted(f"av_{name}_{number}", f"svc-{name}-{number}", next_check=clock()))
        return [record.id for _ in range(25) for record in await store.claim(ORIGIN, 1, 30.0)]

    def in_a_thread(name: int) -> list[str]:
        together.wait()
        return asyncio.run(work(name))

    shares = await asyncio.gather(*(asyncio.to_thread(in_a_thread, name) for name in range(4)))
    claimed = [id for share in shares for id in share]
    claimed += [record.id for record in await store.claim(ORIGIN, 1_000, 30.0)]
    assert len(claimed) == len(set(claimed)) == 100


def test_it_refuses_to_work_in_a_forked_process() -> None:
    store = MemoryStore()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            store.get(()).send(None)
        except StoreError:
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
