from __future__ import annotations

from dataclasses import replace

import pytest

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.stores.base import Query
from aivideo_async.stores.redis import RedisStore
from aivideo_async.stores.redis_connections import Connections
from aivideo_async.stores.redis_link import Address
from aivideo_async.stores.redis_reading import find, look, page
from tests.stores.made import accepted
from tests.stores.redis_engine import engine_says


async def test_a_namespace_is_there_once_somebody_has_opened_it(address: Address, connections: Connections) -> None:
    with pytest.raises(ConfigurationError, match="there is no store in namespace"):
        await look(connections, address)
    async with RedisStore(address):
        await look(connections, address)


async def test_a_newer_version_is_refused(address: Address, connections: Connections) -> None:
    await engine_says(address, "SET", f"{address.prefix}version", "9.9")
    with pytest.raises(ConfigurationError, match=r"version '9\.9'"):
        await look(connections, address)


async def test_a_record_is_found_by_each_of_its_names(address: Address, connections: Connections) -> None:
    async with RedisStore(address) as store:
        await store.put(replace(accepted("av_1", "svc-1"), key="mine"))
    found = await find(connections, ["av_1", "svc-1", "mine", "nobody"], address.prefix)
    assert {name: record.id for name, record in found.items()} == dict.fromkeys(("av_1", "svc-1", "mine"), "av_1")


async def test_what_is_forgotten_meanwhile_is_left_out(address: Address, connections: Connections) -> None:
    async with RedisStore(address) as store:
        for id in "av_1", "av_2":
            await store.put(accepted(id, f"svc-{id}"))
    await engine_says(address, "DEL", f"{address.prefix}t:av_1")
    records, below = await page(connections, Query(), None, address.prefix)
    assert ([record.id for record in records], below) == (["av_2"], None)
    assert await find(connections, ["svc-av_1"], address.prefix) == {}
