from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from aivideo_async.core.errors import StoreError
from aivideo_async.stores.feeds import Subscription
from aivideo_async.stores.postgres_listener import Listener
from aivideo_async.stores.postgres_pool import Pool
from aivideo_async.stores.postgres_schema import channel_of
from aivideo_async.stores.postgres_server import Server
from tests.doubles import until
from tests.engines.launching import free_port
from tests.stores.contract import PATIENCE
from tests.stores.postgres_engine import Bouncer, asked, fresh_url, terminate_listeners

BOUNCED = "notifications do not arrive"


@pytest.fixture
def url() -> str:
    return fresh_url()


@asynccontextmanager
async def listening(url: str, *, silence: float = 15.0, answer: float = 2.0) -> AsyncGenerator[Listener]:
    server = Server(url)
    pool = Pool(server, patience=1.0)
    listener = Listener(
        server, pool, silence=silence, answer=answer, read_every=0.02, reads_per_probe=10, reconnect_after=0.02
    )
    running = asyncio.ensure_future(listener.run())
    yield listener
    listener.close()
    async with asyncio.timeout(PATIENCE):
        await running
    await pool.close()


async def following(listener: Listener) -> Subscription:
    follower = Subscription(asyncio.get_running_loop())
    await listener.follow(follower)
    return follower


async def notify(url: str, id: str) -> None:
    await asked(url, "SELECT pg_notify(%s, %s)", channel_of(Server(url).namespace), id)


async def told(follower: Subscription) -> frozenset[str]:
    async with asyncio.timeout(PATIENCE):
        return await anext(follower)


async def test_everybody_is_told_of_what_changes_in_their_namespace(url: str) -> None:
    async with listening(url) as listener:
        one, two = await following(listener), await following(listener)
        await notify(fresh_url(), "av_elsewhere")
        await notify(url, "av_1")
        assert await told(one) == await told(two) == {"av_1"}
        listener.unfollow(one)
        await notify(url, "av_2")
        assert await told(two) == {"av_2"}
        assert not one._ready.is_set()


async def test_a_follower_whose_loop_is_closed_is_let_go(url: str) -> None:
    gone = asyncio.new_event_loop()
    gone.close()
    async with listening(url) as listener:
        here = await following(listener)
        await listener.follow(Subscription(gone))
        await notify(url, "av_1")
        assert await told(here) == {"av_1"}
        assert listener._followers == {here}


async def test_after_a_lost_connection_everybody_reads_again(url: str, caplog: pytest.LogCaptureFixture) -> None:
    async with listening(url) as listener:
        follower = await following(listener)
        with caplog.at_level(logging.WARNING):
            assert await terminate_listeners(url) == 1
            assert await told(follower) == frozenset()
        assert len([message for message in caplog.messages if "trying again" in message]) == 1
        await notify(url, "av_1")
        assert await told(follower) == {"av_1"}


async def test_after_a_silence_it_is_asked_whether_the_server_is_there(url: str) -> None:
    async with listening(url, silence=0.02) as listener:
        follower = await following(listener)
        connection = listener._connection
        await asyncio.sleep(0.1)
        await notify(url, "av_1")
        assert await told(follower) == {"av_1"}
        assert listener._connection is connection


async def test_what_arrives_while_it_asks_is_not_lost(url: str) -> None:
    async with listening(url, silence=0.001) as listener:
        follower = await following(listener)
        for number in range(20):
            await notify(url, f"av_{number}")
            assert await told(follower) == {f"av_{number}"}


async def test_a_server_that_is_away_is_an_error_for_who_wants_to_follow() -> None:
    async with listening(f"postgresql://user@127.0.0.1:{free_port()}/db") as listener:
        for _ in range(2):
            with pytest.raises(StoreError, match="cannot be reached"):
                await following(listener)
        assert listener._followers == set()


async def test_who_waits_while_it_closes_is_told(url: str) -> None:
    async with listening(url) as listener:
        waiting = asyncio.ensure_future(following(listener))
        await asyncio.sleep(0)
        listener.close()
        with pytest.raises(StoreError, match="closed"):
            await waiting
        with pytest.raises(StoreError, match="closed"):
            await following(listener)


async def test_who_follows_while_it_closes_reads_again(url: str) -> None:
    async with listening(url) as listener:
        follower = await following(listener)
    assert await told(follower) == frozenset()


# Behind a bouncer


async def test_behind_a_bouncer_everybody_reads_again_and_again_and_it_is_said_once(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Bouncer(url) as bouncer, listening(bouncer.url, answer=0.1) as listener:
        with caplog.at_level(logging.WARNING):
            follower = await following(listener)
            for _ in range(3):
                assert await told(follower) == frozenset()
            before = listener._connection
            bouncer.drop()
            await until(lambda: listener._connection not in (before, None))
            for _ in range(2):
                assert await told(follower) == frozenset()
        assert len([message for message in caplog.messages if BOUNCED in message]) == 1


async def test_what_is_notified_is_heard_again_when_nothing_is_in_the_way_any_more(
    url: str,
) -> None:
    async with Bouncer(url) as bouncer, listening(bouncer.url, answer=0.1) as listener:
        follower = await following(listener)
        assert await told(follower) == frozenset()
        bouncer.deaf = False

        async def hears() -> bool:
            await notify(url, "av_1")
            return "av_1" in await told(follower)

        async with asyncio.timeout(PATIENCE):
            while not await hears():
                pass


async def test_a_connection_that_freezes_is_noticed_and_made_anew(url: str) -> None:
    async with Bouncer(url) as bouncer:
        bouncer.deaf = False
        async with listening(bouncer.url, silence=0.02, answer=0.2) as listener:
            follower = await following(listener)
            before = listener._connection
            bouncer.frozen = True
            await until(lambda: listener._connection is not before)
            bouncer.frozen = False
            assert await told(follower) == frozenset()
            await notify(url, "av_1")
            assert await told(follower) == {"av_1"}
