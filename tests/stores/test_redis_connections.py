from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import pytest
from redis import exceptions as theirs

from aivideo_async.core.errors import StoreError
from aivideo_async.stores import redis_scripts as scripts
from aivideo_async.stores.redis_connections import AT_ONCE, RETRIES, Connections
from aivideo_async.stores.redis_link import Address
from tests.loopback import refused_port
from tests.stores.lossy import lossy
from tests.stores.redis_engine import engine_says


async def test_a_script_runs_on_the_namespace_also_when_the_engine_does_not_know_it(
    connections: Connections, address: Address
) -> None:
    await engine_says(address, "SCRIPT", "FLUSH")
    for _ in range(2):
        assert await connections.run(scripts.OPEN, "1.1") == b"1.1"
    assert await engine_says(address, "GET", f"{address.prefix}version") == b"1.1"


async def test_a_connection_is_used_again(connections: Connections) -> None:
    first = await connections.ask("CLIENT", "ID")
    for _ in range(5):
        assert await connections.ask("CLIENT", "ID") == first


async def test_many_commands_at_once_share_some_connections(connections: Connections) -> None:
    ids = await asyncio.gather(*(connections.ask("CLIENT", "ID") for _ in range(10 * AT_ONCE)))
    assert 1 < len(set(map(str, ids))) <= AT_ONCE


async def test_connections_that_were_cut_while_idle_are_not_noticed(connections: Connections, address: Address) -> None:
    ids = await asyncio.gather(*(connections.ask("CLIENT", "ID") for _ in range(AT_ONCE)))
    for id in set(map(str, ids)):
        await engine_says(address, "CLIENT", "KILL", "ID", id)
    assert await connections.ask("PING") == b"PONG"


async def test_a_lost_answer_is_asked_for_three_times_more(address: Address) -> None:
    async with lossy(address) as way:
        connections, way.losing = Connections(way.address), RETRIES
        assert await connections.ask("PING") == b"PONG"
        way.losing = RETRIES + 1
        with pytest.raises(theirs.ConnectionError):
            await connections.ask("PING")
        assert (way.losing, way.lost) == (0, 2 * RETRIES + 1)
        await connections.close()


async def test_a_no_of_the_engine_is_not_asked_for_again(connections: Connections, address: Address) -> None:
    await engine_says(address, "SET", f"{address.prefix}a", "0")
    with pytest.raises(theirs.ResponseError, match="WRONGTYPE"):
        await connections.ask("LPUSH", f"{address.prefix}a", "x")
    assert await connections.ask("PING") == b"PONG"


async def test_a_command_waits_for_a_free_connection_no_longer_than_its_patience(address: Address) -> None:
    connections = Connections(address, patience=0.05)
    async with contextlib.AsyncExitStack() as all_slots:
        for _ in range(AT_ONCE):
            await all_slots.enter_async_context(connections._slots)
        with pytest.raises(TimeoutError):
            await connections.ask("PING")
    await connections.close()


async def test_a_silent_engine_is_given_up(address: Address) -> None:
    connections = Connections(address, timeout=0.05)
    with pytest.raises(TimeoutError):
        await connections.ask("BLPOP", f"{address.prefix}none", 20)
    assert await connections.ask("PING") == b"PONG"
    await connections.close()


async def test_a_connection_of_ones_own_is_another(connections: Connections) -> None:
    link = await connections.open()
    assert await link.ask("CLIENT", "ID") != await connections.ask("CLIENT", "ID")
    await link.close()


async def test_where_nobody_listens_there_is_no_connection(address: Address) -> None:
    with pytest.raises(theirs.ConnectionError):
        await Connections(replace(address, port=refused_port())).open()


async def test_closing_lets_what_has_begun_end_and_nothing_begin(address: Address) -> None:
    connections = Connections(address)
    asked = asyncio.ensure_future(connections.ask("BLPOP", f"{address.prefix}list", 20))
    await asyncio.wait([asyncio.ensure_future(connections.ask("PING"))])
    await connections.close()
    with pytest.raises(StoreError, match="closed"):
        await connections.ask("PING")
    await engine_says(address, "LPUSH", f"{address.prefix}list", "x")
    assert await asked == [f"{address.prefix}list".encode(), b"x"]
    assert connections._idle == []
    await connections.close()
