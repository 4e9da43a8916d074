from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator

import pytest

from aivideo_async.core.errors import EventsLostError, StoreError
from aivideo_async.core.models import moment
from aivideo_async.stores import postgres_rows
from aivideo_async.stores.postgres import PostgresStore
from aivideo_async.stores.postgres_rows import Putting
from aivideo_async.stores.postgres_schema import Turn
from tests.doubles import ManualClock
from tests.stores.contract import PATIENCE, consuming, taken
from tests.stores.made import completion
from tests.stores.postgres_engine import asked, connected, fresh_url


@pytest.fixture
def url() -> str:
    return fresh_url()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(url: str, clock: ManualClock) -> AsyncGenerator[PostgresStore]:
    async with PostgresStore(url, clock=clock) as store:
        yield store


async def end(store: PostgresStore, *ids: str) -> None:
    for id in ids:
        await store.put(completion(id, f"svc-{id}", 1.0))


async def test_an_ending_whose_commit_comes_late_is_not_skipped(url: str, store: PostgresStore) -> None:
    async with connected(url) as connection:
        late = Turn(connection, store._server.namespace)
        await late.begin([])
        await postgres_rows.put(late, Putting(completion("av_late", "svc-late", 1.0)))
        await end(store, "av_1", "av_2")
        async with consuming(store, "mail") as events:
            assert await taken(events, 2) == ["av_1", "av_2"]
            await connection.execute("COMMIT")
            assert await taken(events, 1) == ["av_late"]


async def test_an_ending_that_is_never_committed_leaves_no_gap(url: str, store: PostgresStore) -> None:
    async with connected(url) as connection:
        never = Turn(connection, store._server.namespace)
        await never.begin([])
        await postgres_rows.put(never, Putting(completion("av_never", "svc-never", 1.0)))
        await connection.execute("ROLLBACK")
    await end(store, "av_1")
    async with consuming(store, "mail") as events:
        assert await taken(events, 1) == ["av_1"]
    assert await asked(url, "SELECT number FROM aivideo_events WHERE ns = %s", store._server.namespace) == [(1,)]


async def test_many_consumers_at_once_are_given_each_ending_once_per_group(
    url: str, store: PostgresStore, clock: ManualClock
) -> None:
    count = 30
    given: dict[str, Counter[str]] = {"mail": Counter(), "bill": Counter()}

    async def consume(store: PostgresStore, group: str) -> None:
        async with consuming(store, group) as events:
            async for delivery in events:
                given[group][delivery.record.id] += 1
                await delivery.ack()

    async with PostgresStore(url, clock=clock) as two, PostgresStore(url, clock=clock) as three:
        stores = (store, two, three)
        waiting = [asyncio.ensure_future(consume(one, group)) for one in stores for group in given]
        await asyncio.gather(*(end(one, *(f"av_{n}_{m}" for m in range(10))) for n, one in enumerate(stores)))
        async with asyncio.timeout(PATIENCE):
            while any(counter.total() < count for counter in given.values()):
                await asyncio.sleep(0.01)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    expected = {f"av_{n}_{m}": 1 for n in range(3) for m in range(10)}
    assert given == {"mail": expected, "bill": expected}


async def test_a_group_is_told_also_of_endings_that_nobody_had_looked_at(
    store: PostgresStore, clock: ManualClock
) -> None:
    await end(store, "av_0")
    async with consuming(store, "mail") as events:
        await taken(events, 1)
    await end(store, "av_1", "av_2")
    clock.advance(10)
    await store.prune(moment(clock()))
    async with consuming(store, "mail") as events:
        with pytest.raises(EventsLostError, match="2 endings"):
            await anext(events)
    await end(store, "av_3")
    async with consuming(store, "mail") as events:
        assert await taken(events, 1) == ["av_3"]


async def test_a_consumer_that_waits_looks_again_when_a_lease_is_over(url: str) -> None:
    async with PostgresStore(url, event_lease=0.05) as store:
        await end(store, "av_1")
        async with consuming(store, "mail") as events:
            assert await taken(events, 1, ack=False) == ["av_1"]
            assert await taken(events, 1) == ["av_1"]


async def test_an_ending_that_cannot_be_read_here_is_left_for_whoever_can(url: str, store: PostgresStore) -> None:
    await end(store, "av_1")
    await asked(url, "UPDATE aivideo_events SET body = %s WHERE ns = %s", b'{"v":2}', store._server.namespace)
    async with consuming(store, "mail") as events:
        with pytest.raises(StoreError, match="version 2"):
            await anext(events)
    assert await asked(url, "SELECT FROM aivideo_leases WHERE ns = %s", store._server.namespace) == []
