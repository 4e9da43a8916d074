from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from aivideo_async.core.errors import StoreError
from aivideo_async.core.models import moment
from aivideo_async.store_contract.engine import consuming, scanned, taken
from aivideo_async.store_contract.records import ORIGIN, accepted, completion
from aivideo_async.store_contract.unreliable import UnreliableStore
from aivideo_async.stores.base import Query
from aivideo_async.stores.memory import MemoryStore


async def test_what_is_down_raises_until_it_is_up_again() -> None:
    store = UnreliableStore(MemoryStore(), "put", "get")
    for call in (store.put(accepted("av_1", "svc-1")), store.get(("av_1",))):
        with pytest.raises(StoreError, match="the engine is away"):
            await call
    store.down.clear()
    await store.put(accepted("av_1", "svc-1"))
    assert set(await store.get(("av_1",))) == {"av_1"}
    assert store.gets == [frozenset({"av_1"})] * 2


async def test_everything_else_goes_to_the_store_behind_it() -> None:
    async with UnreliableStore(MemoryStore()) as store:
        assert (store.opened, store.durable) == (True, False)
        await store.put(accepted("av_1", "svc-1"))
        await store.due("av_1", 0.0)
        assert [record.id for record in await store.claim(ORIGIN, 1, 30.0)] == ["av_1"]
        await store.put(completion("av_1", "svc-1", 0.0))
        async with consuming(store, "mail") as events:
            assert await taken(events, 1) == ["av_1"]
        assert await store.note("name", "value") == "value"
        assert await scanned(store, Query()) == ["av_1"]
        assert await store.prune(moment(4e9)) == 1
    assert not store.opened


async def next_of(changes: AsyncIterator[frozenset[str]]) -> frozenset[str]:
    async with asyncio.timeout(10):
        return await anext(changes)


async def test_a_forgetful_one_does_not_say_what_changed() -> None:
    store = UnreliableStore(MemoryStore())
    async with store.changes() as changes:
        await store.put(accepted("av_1", "svc-1"))
        assert await next_of(changes) == {"av_1"}
        store.forgetful = True
        await store.put(accepted("av_2", "svc-2"))
        assert await next_of(changes) == frozenset()
    assert store.subscriptions == 1


async def test_a_deaf_one_says_nothing() -> None:
    store = UnreliableStore(MemoryStore(), deaf=True)
    async with store.changes() as changes:
        await store.put(accepted("av_1", "svc-1"))
        waiting = asyncio.ensure_future(anext(changes))
        await asyncio.wait([waiting], timeout=0.01)
        assert not waiting.done()
        waiting.cancel()
