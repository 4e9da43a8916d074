from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from aivideo_async.core.errors import StoreError
from aivideo_async.stores.feeds import Subscription
from aivideo_async.stores.redis_branch import Branch
from aivideo_async.stores.redis_link import Address
from tests.stores.contract import PATIENCE
from tests.stores.redis_engine import engine_says


@pytest.fixture
async def branch(address: Address) -> AsyncGenerator[Branch]:
    branch = Branch(address, timeout=2.0)
    yield branch
    await branch.close()


async def test_starting_at_once_starts_it_once(branch: Branch) -> None:
    await asyncio.gather(*(branch.start() for _ in range(5)))
    assert await branch.connections.ask("PING") == b"PONG"
    assert len([task for task in asyncio.all_tasks() if task.get_name() == "a Redis store"]) == 1


async def test_those_who_follow_share_one_connection_of_the_listener(branch: Branch, address: Address) -> None:
    followers = [Subscription(asyncio.get_running_loop()) for _ in range(3)]
    await asyncio.gather(*(branch.follow(follower) for follower in followers))
    await engine_says(address, "XADD", f"{address.prefix}log", "*", "id", "av_1", "n", 1)
    assert [await anext(follower) for follower in followers] == [{"av_1"}] * 3
    assert branch.followed
    for follower in followers:
        branch.unfollow(follower)
    assert not branch.followed


async def test_a_closed_one_runs_nothing_and_takes_nobody(branch: Branch) -> None:
    before = asyncio.all_tasks()
    follower = Subscription(asyncio.get_running_loop())
    await branch.follow(follower)
    for _ in range(2):
        await branch.close()
    assert asyncio.all_tasks() <= before
    assert await anext(follower) == frozenset()
    with pytest.raises(StoreError, match="closed"):
        await branch.start()
    with pytest.raises(StoreError, match="closed"):
        await branch.follow(follower)
    with pytest.raises(StoreError, match="closed"):
        await branch.connections.ask("PING")


async def test_one_that_was_never_started_can_be_closed(address: Address) -> None:
    await Branch(address, timeout=2.0).close()


async def test_it_closes_itself_when_another_loop_says_so(branch: Branch) -> None:
    await branch.connections.ask("PING")
    follower = Subscription(asyncio.get_running_loop())
    await branch.follow(follower)
    await asyncio.to_thread(branch.dismiss_soon)
    assert await anext(follower) == frozenset()
    async with asyncio.timeout(PATIENCE):
        while branch.connections._idle:
            await asyncio.sleep(0)
    with pytest.raises(StoreError, match="closed"):
        await branch.start()


def test_a_loop_that_ends_closes_its_connections_and_may_be_told_to_later(address: Address) -> None:
    async def use() -> Branch:
        branch = Branch(address, timeout=2.0)
        await branch.follow(Subscription(asyncio.get_running_loop()))
        await branch.connections.ask("PING")
        return branch

    branch = asyncio.run(use())
    assert branch.connections._idle == []
    branch.dismiss_soon()
