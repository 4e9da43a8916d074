from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from aivideo_async.core.errors import StoreError
from aivideo_async.stores.feeds import Subscription
from aivideo_async.stores.redis_connections import Connections
from aivideo_async.stores.redis_link import Address
from aivideo_async.stores.redis_listener import Listener
from aivideo_async.supervise import Supervisor
from tests.engines.valkey import Valkey
from tests.loopback import refused_port
from tests.stores.contract import PATIENCE
from tests.stores.redis_engine import engine_says, fresh


class Listening:
    """A listener, somebody who follows it, and a hand that writes into the log."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.log = f"{address.prefix}log"
        self.count = 0
        self.listener = Listener(address, Connections(address), reconnect_after=0.01)
        self.follower = Subscription(asyncio.get_running_loop())

    async def change(self, id: str) -> None:
        self.count += 1
        await engine_says(self.address, "XADD", self.log, "*", "id", id, "n", self.count)

    async def told(self) -> frozenset[str]:
        async with asyncio.timeout(PATIENCE):
            return await anext(self.follower)

    async def told_until_missed(self) -> None:
        while await self.told():
            pass


@contextlib.asynccontextmanager
async def at_work(listening: Listening) -> AsyncGenerator[Listening]:
    supervisor = Supervisor("test")
    await supervisor.start()
    supervisor.spawn(listening.listener.run)
    try:
        yield listening
    finally:
        await supervisor.stop()


@pytest.fixture
async def listening(redis_url: str) -> AsyncGenerator[Listening]:
    async with at_work(Listening(fresh(redis_url))) as listening:
        await listening.listener.follow(listening.follower)
        yield listening


async def test_who_follows_is_told_of_what_comes_later(redis_url: str) -> None:
    listening = Listening(fresh(redis_url))
    await listening.change("av_before")
    async with at_work(listening):
        await listening.listener.follow(listening.follower)
        for number in range(3):
            await listening.change(f"av_{number}")
            assert await listening.told() == {f"av_{number}"}


async def test_who_follows_no_more_is_told_nothing(listening: Listening) -> None:
    other = Subscription(asyncio.get_running_loop())
    await listening.listener.follow(other)
    listening.listener.unfollow(listening.follower)
    assert listening.listener.followed
    await listening.change("av_1")
    assert await anext(other) == {"av_1"}
    assert not listening.follower._ids
    listening.listener.unfollow(other)
    assert not listening.listener.followed


async def test_what_was_trimmed_before_it_was_read_makes_everybody_read_again(listening: Listening) -> None:
    await listening.change("av_1")
    assert await listening.told() == {"av_1"}
    listening.count += 1
    await listening.change("av_3")
    assert await listening.told() == frozenset()
    await listening.change("av_4")
    assert await listening.told() == {"av_4"}


async def test_what_others_wrote_into_the_log_makes_everybody_read_again_and_is_no_harm(listening: Listening) -> None:
    for fields in (("a", "b"), ("id", "av_1", "n", "x"), ("n", "5")):
        await engine_says(listening.address, "XADD", listening.log, "*", *fields)
        assert await listening.told() == frozenset()
    listening.count = 5
    await listening.change("av_6")
    assert await listening.told() == {"av_6"}


async def test_when_only_its_connection_is_lost_everybody_reads_again(caplog: pytest.LogCaptureFixture) -> None:
    with Valkey() as engine:
        async with at_work(Listening(Address.parse(engine.url))) as listening:
            await listening.listener.follow(listening.follower)
            for number in range(3):
                await engine_says(listening.address, "CLIENT", "KILL", "TYPE", "normal")
                await listening.change(f"av_{number}")
                await listening.told_until_missed()
            await listening.change("av_last")
            assert await listening.told() == {"av_last"}
    lost, again = caplog.messages[:2]
    assert "do not arrive, trying again" in lost
    assert "arrive again" in again


async def test_a_log_that_is_none_is_an_error_until_it_is_one(redis_url: str) -> None:
    listening = Listening(fresh(redis_url))
    await engine_says(listening.address, "SET", listening.log, "x")
    async with at_work(listening), asyncio.timeout(PATIENCE):
        with pytest.raises(StoreError, match="refuses: WRONGTYPE"):
            await listening.listener.follow(listening.follower)
        await engine_says(listening.address, "DEL", listening.log)
        while not listening.listener.followed:
            with contextlib.suppress(StoreError):
                await listening.listener.follow(listening.follower)
            await asyncio.sleep(0.01)
        await listening.change("av_1")
        assert await listening.told() == {"av_1"}


async def test_where_nobody_listens_following_fails_and_is_said_once(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = replace(fresh(redis_url), port=refused_port())
    with caplog.at_level(logging.WARNING):
        async with at_work(Listening(nowhere)) as listening:
            for _ in range(3):
                with pytest.raises(StoreError, match="cannot be reached"):
                    await listening.listener.follow(listening.follower)
                await asyncio.sleep(0.02)
    assert len(caplog.messages) == 1
    assert not listening.listener.followed


async def test_who_is_dismissed_looks_around_and_nobody_comes(listening: Listening) -> None:
    listening.listener.dismiss()
    assert await listening.told() == frozenset()
    with pytest.raises(StoreError, match="closed"):
        await listening.listener.follow(Subscription(asyncio.get_running_loop()))
