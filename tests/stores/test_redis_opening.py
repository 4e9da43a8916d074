from __future__ import annotations

from dataclasses import replace

import pytest

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.stores.redis_connections import Connections
from aivideo_async.stores.redis_link import Address
from aivideo_async.stores.redis_opening import VERSION, check_version, remarks
from tests.engines.valkey import Valkey
from tests.stores.redis_engine import engine_says


async def test_a_new_namespace_is_marked_with_our_version(connections: Connections, address: Address) -> None:
    for _ in range(2):
        await check_version(connections, address)
    assert await engine_says(address, "GET", f"{address.prefix}version") == VERSION.encode()


@pytest.mark.parametrize("version", ["2.1", "1.2", "", "1", "one", "1.1.1", "1.-1", "\xff" * 100])
async def test_a_version_that_is_newer_or_none_is_refused(
    connections: Connections, address: Address, version: str
) -> None:
    await engine_says(address, "SET", f"{address.prefix}version", version.encode("latin-1"))
    with pytest.raises(ConfigurationError, match=f"this package knows {VERSION}") as caught:
        await check_version(connections, address)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("policy", "appendonly", "said"),
    [
        ("noeviction", True, []),
        ("noeviction", False, ["appendonly is off"]),
        ("volatile-ttl", True, ["maxmemory-policy is volatile-ttl"]),
        ("allkeys-lfu", False, ["maxmemory-policy is allkeys-lfu", "appendonly is off"]),
    ],
)
async def test_an_engine_that_may_forget_is_remarked_on(policy: str, appendonly: bool, said: list[str]) -> None:
    with Valkey(maxmemory_policy=policy, appendonly=appendonly) as engine:
        connections = Connections(Address.parse(engine.url))
        found = await remarks(connections)
        await connections.close()
    assert [remark.partition(":")[0] for remark in found] == said


async def test_an_engine_that_tells_nothing_is_not_remarked_on(address: Address) -> None:
    name = address.namespace
    await engine_says(address, "ACL", "SETUSER", name, "on", ">p", "~*", "+ping", "+evalsha", "+eval")
    connections = Connections(replace(address, user=name, password="p"))
    try:
        assert await remarks(connections) == []
    finally:
        await connections.close()
        await engine_says(address, "ACL", "DELUSER", name)
