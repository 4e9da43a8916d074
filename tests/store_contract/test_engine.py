from __future__ import annotations

import asyncio
import inspect

import pytest

from aivideo_async.store_contract.engine import (
    ContractPart,
    Engine,
    consuming,
    in_a_loop_of_its_own,
    record_in,
    scanned,
    taken,
)
from aivideo_async.store_contract.records import completion
from aivideo_async.stores.base import Query, Store
from aivideo_async.stores.memory import MemoryStore
from tests.store_contract.broken import OneStore, run

SEEN: list[tuple[object, ...]] = []


@in_a_loop_of_its_own
class Part(ContractPart):
    @pytest.mark.parametrize("number", [1, 2])
    async def test_with_a_store(self, engine: Engine, store: Store, number: int) -> None:
        SEEN.append((store.opened, number, asyncio.get_running_loop()))

    async def test_without(self, engine: Engine) -> None:
        assert not await self.helper(engine)

    async def helper(self, engine: Engine) -> bool:
        async with engine.connect() as store:
            return not store.opened

    async def test_that_leaves_something_behind(self, engine: Engine, store: Store) -> None:
        SEEN.append((asyncio.ensure_future(asyncio.Event().wait()),))


def test_a_coroutine_function_becomes_one_that_pytest_runs_without_a_plugin() -> None:
    assert not inspect.iscoroutinefunction(Part.test_with_a_store)
    assert list(inspect.signature(Part.test_with_a_store).parameters) == ["self", "engine", "number"]
    assert [mark.name for mark in getattr(Part.test_with_a_store, "pytestmark", ())] == ["parametrize"]
    assert inspect.iscoroutinefunction(Part.helper)


def test_its_store_is_open_in_a_loop_that_is_closed_afterwards() -> None:
    SEEN.clear()
    engine = OneStore(MemoryStore)
    for number in (1, 2):
        Part().test_with_a_store(engine=engine, number=number)  # type: ignore[call-arg, unused-coroutine]  # pyright: ignore[reportCallIssue, reportUnusedCoroutine] - it is plain by now
    assert [seen[:2] for seen in SEEN] == [(True, 1), (True, 2)]
    assert SEEN[0][2] is not SEEN[1][2]
    assert not engine.store.opened


def test_one_without_a_store_connects_by_itself() -> None:
    run(Part().test_without)


def test_what_a_test_leaves_behind_is_cancelled() -> None:
    SEEN.clear()
    run(Part().test_that_leaves_something_behind)
    ((left,),) = SEEN
    assert isinstance(left, asyncio.Task)
    assert left.cancelled()


def test_the_current_loop_of_the_thread_stays_what_it_is() -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        run(Part().test_without)
        assert asyncio.get_event_loop() is loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def test_endings_that_do_not_come_are_not_waited_for_for_ever() -> None:
    async with MemoryStore() as store, consuming(store, "mail") as events:
        with pytest.raises(TimeoutError):
            await taken(events, 1, patience=0.01)


async def test_what_was_taken_was_acknowledged_unless_it_was_not_to_be() -> None:
    store = MemoryStore(event_lease=0.0)
    await store.put(completion("av_1", "svc-1", 0.0))
    async with consuming(store, "mail") as events:
        assert await taken(events, 1, ack=False) == ["av_1"]
        assert await taken(events, 1) == ["av_1"]
        with pytest.raises(TimeoutError):
            await taken(events, 1, patience=0.01)


async def test_records_are_found_and_scanned() -> None:
    store = MemoryStore()
    await store.put(completion("av_1", "svc-1", 0.0))
    assert (await record_in(store, "svc-1")).id == "av_1"
    assert await scanned(store, Query()) == ["av_1"]
    with pytest.raises(KeyError):
        await record_in(store, "av_2")
