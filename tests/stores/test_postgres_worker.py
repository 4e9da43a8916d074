from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from aivideo_async.core.errors import ConfigurationError, StoreError
from aivideo_async.stores.feeds import Subscription
from aivideo_async.stores.postgres_listener import Listener
from aivideo_async.stores.postgres_pool import Pool
from aivideo_async.stores.postgres_schema import Turn, lock_of
from aivideo_async.stores.postgres_server import Server
from aivideo_async.stores.postgres_worker import Worker
from tests.engines.launching import free_port
from tests.stores.contract import PATIENCE
from tests.stores.postgres_engine import asked, fresh_url


@pytest.fixture
def url() -> str:
    return fresh_url()


@asynccontextmanager
async def running(url: str) -> AsyncGenerator[Worker]:
    server = Server(url)
    pool = Pool(server, size=2, patience=2.0)
    worker = Worker(server, pool, Listener(server, pool))
    worker.start()
    yield worker
    closed = worker.close()
    assert closed is not None
    async with asyncio.timeout(PATIENCE):
        await closed


@pytest.fixture
async def worker(url: str) -> AsyncGenerator[Worker]:
    async with running(url) as worker:
        yield worker


def no_locks(_namespace: str) -> list[int]:
    return []


async def note(turn: Turn, seconds: float = 0.0, name: str = "a") -> str:
    await turn.run("INSERT INTO aivideo_notes VALUES (%(ns)s, %(name)s, '')", name=name)
    await turn.row("SELECT pg_sleep(%(seconds)s)", seconds=seconds)
    return name


async def noted(turn: Turn) -> list[str]:
    return [name for (name,) in await turn.rows("SELECT name FROM aivideo_notes WHERE ns = %(ns)s")]


async def mistaken(_turn: Turn) -> None:
    raise KeyError("mistake")


async def test_what_is_done_is_done_in_another_thread(worker: Worker) -> None:
    async def thread(_turn: Turn) -> str:
        return threading.current_thread().name

    assert await worker.call(thread) == "aivideo-postgres"


async def test_who_is_cancelled_waits_no_longer_and_what_was_begun_is_done(worker: Worker) -> None:
    work = asyncio.ensure_future(worker.call(lambda turn: note(turn, 0.2), locks=no_locks))
    await worker.call(noted)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    async with asyncio.timeout(PATIENCE):
        while await worker.call(noted) != ["a"]:
            await asyncio.sleep(0.01)


async def test_a_mistake_in_the_program_reaches_its_caller_and_nobody_else(worker: Worker) -> None:
    results = await asyncio.gather(worker.call(mistaken), worker.call(noted), return_exceptions=True)
    assert isinstance(results[0], KeyError)
    assert results[1] == []


async def test_a_foreign_error_leaves_as_ours(worker: Worker) -> None:
    with pytest.raises(StoreError, match="PostgreSQL refuses"):
        await worker.call(lambda turn: turn.row("SELECT * FROM nowhere"))
    with pytest.raises(StoreError, match="cannot keep"):
        await worker.call(noted, locks=lambda namespace: [lock_of(namespace, "\ud800")])


async def test_what_was_given_before_it_closes_is_done_and_later_refused(url: str) -> None:
    async with running(url) as worker:
        notes = (partial(note, seconds=0.05, name=str(n)) for n in range(4))
        work = [asyncio.ensure_future(worker.call(one, locks=no_locks)) for one in notes]
        await asyncio.sleep(0)
    assert await asyncio.gather(*work) == ["0", "1", "2", "3"]
    with pytest.raises(StoreError, match="closed"):
        await worker.call(noted)
    worker.unfollow(Subscription(asyncio.get_running_loop()))


async def test_closing_leaves_no_connection_and_no_thread(url: str) -> None:
    mark = url.rpartition("=")[2]
    async with running(f"{url}&application_name={mark}") as worker:
        await worker.follow(Subscription(asyncio.get_running_loop()))
        count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
        assert (await asked(url, count, mark))[0][0] >= 2
    async with asyncio.timeout(PATIENCE):
        while (await asked(url, count, mark))[0][0] or worker._loop.is_running():
            await asyncio.sleep(0.01)


async def test_somebody_whose_loop_is_closed_is_not_waited_for(worker: Worker) -> None:
    def begin_and_leave() -> None:
        async def begin() -> None:
            asyncio.ensure_future(worker.call(lambda turn: note(turn, 0.1), locks=no_locks))  # noqa: RUF006
            await asyncio.sleep(0.01)

        asyncio.run(begin())

    await worker.call(noted)
    await asyncio.to_thread(begin_and_leave)
    async with asyncio.timeout(PATIENCE):
        while await worker.call(noted) != ["a"]:
            await asyncio.sleep(0.01)


async def test_a_follower_that_is_let_go_before_it_follows_follows_no_more(worker: Worker) -> None:
    follower = Subscription(asyncio.get_running_loop())
    following = asyncio.ensure_future(worker.follow(follower))
    await asyncio.sleep(0)
    following.cancel()
    worker.unfollow(follower)
    await worker.follow(Subscription(asyncio.get_running_loop()))
    assert follower not in worker._listener._followers


async def test_a_server_that_is_away_at_the_beginning_may_come_later(url: str) -> None:
    async with running(f"postgresql://user@127.0.0.1:{free_port()}/db") as worker:
        for _ in range(2):
            with pytest.raises(StoreError, match="cannot be reached"):
                await worker.call(noted)
        worker._server._conninfo = worker._pool._server._conninfo = Server(url)._conninfo
        assert await worker.call(noted) == []


async def test_what_is_wrong_with_rights_is_said_only_while_it_opens(url: str) -> None:
    async with running(url.replace("let-me-in", "hunter2")) as worker:
        with pytest.raises(ConfigurationError, match="does not let us in"):
            await worker.call(noted)
