from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

import psycopg
import pytest

from aivideo_async.core.errors import StoreError
from aivideo_async.stores.postgres_pool import PAUSES, Pool
from aivideo_async.stores.postgres_schema import Turn, lock_of
from aivideo_async.stores.postgres_server import Server
from tests.engines.launching import free_port
from tests.stores.postgres_engine import asked, fresh_url


@pytest.fixture
def url() -> str:
    return fresh_url()


@pytest.fixture
async def pool(url: str) -> AsyncGenerator[Pool]:
    pool = Pool(Server(url), size=2, patience=5.0)
    yield pool
    await pool.close()


async def backend(turn: Turn) -> int:
    row = await turn.row("SELECT pg_backend_pid()")
    assert row is not None
    return int(row[0])


def failing(*errors: Exception) -> Callable[[Turn], Awaitable[int]]:
    """Work that fails as told, one error after another, and then gives how often it was tried."""
    left = list(errors)

    async def work(_turn: Turn) -> int:
        if left:
            raise left.pop(0)
        return len(errors) + 1

    return work


async def sleep(turn: Turn, seconds: float = 60.0) -> None:
    await turn.row("SELECT pg_sleep(%(seconds)s)", seconds=seconds)


async def test_a_connection_is_used_again(pool: Pool) -> None:
    assert await pool.run(backend) == await pool.run(backend, locks=())


async def test_there_are_no_more_connections_than_allowed(pool: Pool) -> None:
    async def work(turn: Turn) -> int:
        await sleep(turn, 0.01)
        return await backend(turn)

    assert len(set(await asyncio.gather(*(pool.run(work) for _ in range(10))))) == 2


async def test_what_fails_in_a_transaction_is_taken_back_and_its_connection_stays(pool: Pool, url: str) -> None:
    async def half(turn: Turn) -> None:
        await turn.run("CREATE TABLE half_done (a integer)")
        await turn.run("SELECT 1 / 0")

    first = await pool.run(backend)
    with pytest.raises(psycopg.errors.DivisionByZero):
        await pool.run(half, locks=())
    assert await asked(url, "SELECT to_regclass('half_done')") == [(None,)]
    assert await pool.run(backend) == first


async def test_a_mistake_in_the_program_takes_back_too(pool: Pool) -> None:
    with pytest.raises(KeyError):
        await pool.run(failing(KeyError("mistake")), locks=())
    assert await pool.run(failing(), locks=()) == 1


async def test_connections_that_the_server_has_cut_are_made_anew(pool: Pool, url: str) -> None:
    backends = await asyncio.gather(pool.run(backend), pool.run(backend))
    await asked(url, "SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", list(backends))
    assert await pool.run(backend, locks=()) not in backends


@pytest.mark.parametrize(
    "error",
    [psycopg.errors.UniqueViolation(), psycopg.errors.SerializationFailure(), psycopg.errors.DeadlockDetected()],
)
async def test_what_somebody_elses_turn_caused_is_done_again(pool: Pool, error: psycopg.Error) -> None:
    assert await pool.run(failing(error, error), locks=()) == 3


async def test_nothing_is_done_again_for_ever(pool: Pool) -> None:
    lost = psycopg.OperationalError("the connection is lost")
    assert await pool.run(failing(lost, lost), pauses=(0.0, 0.01)) == 3
    with pytest.raises(psycopg.OperationalError):
        await pool.run(failing(lost, lost, lost), pauses=(0.0, 0.01))
    assert len(PAUSES) < 10


async def test_what_the_server_refuses_for_good_is_not_done_again(pool: Pool) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await pool.run(failing(psycopg.errors.InsufficientPrivilege()), locks=())


async def test_a_server_that_is_away_is_tried_a_few_times() -> None:
    with pytest.raises(psycopg.OperationalError):
        await Pool(Server(f"postgresql://user@127.0.0.1:{free_port()}/db")).run(backend)


async def test_what_takes_too_long_is_cut_and_holds_up_nobody_else(url: str) -> None:
    pool = Pool(Server(url), size=1, patience=0.5)
    slow = asyncio.ensure_future(pool.run(sleep))
    await asyncio.sleep(0)
    pool._patience = 0.05
    with pytest.raises(StoreError, match="every connection to PostgreSQL is busy"):
        await pool.run(backend)
    with pytest.raises(TimeoutError):
        await slow
    pool._patience = 5.0
    assert await pool.run(backend)
    await pool.close()


async def test_a_lock_that_somebody_holds_for_too_long_is_given_up(url: str, pool: Pool) -> None:
    locks = [lock_of("a"), lock_of("b")]
    held = asyncio.Event()

    async def hold(turn: Turn) -> None:
        held.set()
        await sleep(turn, 0.6)

    holder = asyncio.ensure_future(pool.run(hold, locks=locks))
    await held.wait()
    with pytest.raises(TimeoutError):
        await Pool(Server(url), patience=0.2).run(backend, locks=locks[::-1])
    await holder
    assert await pool.run(backend, locks=locks)


async def test_who_is_cancelled_leaves_no_connection_in_the_middle_of_something(pool: Pool) -> None:
    for turns in range(12):
        work = asyncio.ensure_future(pool.run(lambda turn: sleep(turn, 0.01), locks=()))
        for _ in range(turns):
            await asyncio.sleep(0.001)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    assert await asyncio.gather(*(pool.run(failing(), locks=()) for _ in range(4))) == [1] * 4
