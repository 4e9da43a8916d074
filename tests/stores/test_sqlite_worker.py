from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aivideo_async.core.errors import ConfigurationError, StoreError
from aivideo_async.core.models import TaskRecord
from aivideo_async.stores import sqlite_rows
from aivideo_async.stores.base import Put
from aivideo_async.stores.feeds import Subscription
from aivideo_async.stores.sqlite_schema import VERSION, DatabaseFile, Turn
from aivideo_async.stores.sqlite_worker import TOGETHER_AT_MOST, Worker
from tests.doubles import until
from tests.stores.made import ORIGIN

KEEP = 1_000_000
BEFORE_WAL = (3, 51, 2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "aivideo.db"


@asynccontextmanager
async def running(path: Path) -> AsyncGenerator[Worker]:
    worker = Worker(DatabaseFile(path, version=BEFORE_WAL, busy_seconds=0.02), look_every=0.01)
    worker.start()
    yield worker
    closed = worker.close()
    assert closed is not None
    await closed


@pytest.fixture
async def worker(path: Path) -> AsyncGenerator[Worker]:
    async with running(path) as worker:
        yield worker


async def put(worker: Worker, id: str) -> Put:
    record = TaskRecord(id=id, origin=ORIGIN)
    return await worker.call(lambda turn: sqlite_rows.put(turn, record, KEEP), writes=True)


async def ids(worker: Worker) -> set[str]:
    def read(turn: Turn) -> set[str]:
        return {row[0] for row in turn.db.execute("SELECT id FROM tasks")}

    return await worker.call(read, writes=False)


def io_error(_turn: Turn) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    raise error


def mistaken(_turn: Turn) -> None:
    raise KeyError("mistake")


def half_done(turn: Turn) -> None:
    """Changes something, and then cannot go on."""
    sqlite_rows.put(turn, TaskRecord(id="av_half", origin=ORIGIN), KEEP)
    turn.db.execute("INSERT INTO state VALUES (NULL, NULL)")


# Writing


async def test_what_is_queued_together_is_committed_together(worker: Worker) -> None:
    said: list[str] = []
    await worker.call(lambda turn: turn.db.set_trace_callback(said.append), writes=False)
    await asyncio.gather(*(put(worker, f"av_{number}") for number in range(200)))
    assert 1 <= said.count("COMMIT") < 50


async def test_more_than_goes_into_one_transaction_is_written(worker: Worker) -> None:
    count = TOGETHER_AT_MOST + 100
    await asyncio.gather(*(put(worker, f"av_{number}") for number in range(count)))
    assert len(await ids(worker)) == count


async def test_what_a_put_returned_is_seen_by_another_connection(worker: Worker, path: Path) -> None:
    async with running(path) as other:
        for number in range(5):
            await put(worker, f"av_{number}")
            assert f"av_{number}" in await ids(other)


async def test_one_that_fails_leaves_no_trace_and_its_neighbours_are_written(worker: Worker) -> None:
    follower = Subscription(asyncio.get_running_loop())
    await worker.follow(follower)
    results = await asyncio.gather(
        put(worker, "av_1"), worker.call(half_done, writes=True), put(worker, "av_2"), return_exceptions=True
    )
    assert [type(result) for result in results] == [Put, StoreError, Put]
    assert await ids(worker) == {"av_1", "av_2"}
    told = await anext(follower)
    while told < {"av_1", "av_2"}:
        told |= await anext(follower)
    assert told == {"av_1", "av_2"}


async def test_an_error_that_may_have_broken_the_connection_fails_no_neighbour(worker: Worker) -> None:
    results = await asyncio.gather(
        *(put(worker, "av_1"), worker.call(io_error, writes=True), worker.call(io_error, writes=False)),
        *(put(worker, "av_2"), put(worker, "av_3")),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [Put, StoreError, StoreError, Put, Put]
    assert await ids(worker) == {"av_1", "av_2", "av_3"}


async def test_a_mistake_in_the_program_is_raised_as_it_is_and_the_thread_goes_on(worker: Worker) -> None:
    for writes in (True, False):
        with pytest.raises(KeyError, match="mistake"):
            await worker.call(mistaken, writes=writes)
    assert await ids(worker) == set()


async def test_a_lock_that_another_process_holds_for_too_long_is_an_error_until_it_lets_go(
    worker: Worker, path: Path
) -> None:
    await put(worker, "av_1")
    async with running(path) as other:
        await other.call(lambda turn: turn.db.execute("BEGIN IMMEDIATE"), writes=False)
        results = await asyncio.gather(put(worker, "av_2"), put(worker, "av_3"), return_exceptions=True)
        assert [isinstance(result, StoreError) and result.retryable for result in results] == [True, True]
        await other.call(lambda turn: turn.db.execute("ROLLBACK"), writes=False)
        assert (await put(worker, "av_2")).changed


async def test_a_commit_that_waits_for_a_reader_too_long_is_undone(worker: Worker, path: Path) -> None:
    await put(worker, "av_1")

    def read(turn: Turn) -> None:
        turn.db.execute("BEGIN")
        turn.db.execute("SELECT * FROM tasks").fetchall()

    async with running(path) as other:
        await other.call(read, writes=False)
        with pytest.raises(StoreError, match="another process"):
            await put(worker, "av_2")
        await other.call(lambda turn: turn.db.execute("COMMIT"), writes=False)
    assert await ids(worker) == {"av_1"}
    assert (await put(worker, "av_2")).changed


# Callers that go away


async def test_what_was_queued_is_done_when_its_caller_is_cancelled(worker: Worker) -> None:
    for writing in [asyncio.ensure_future(put(worker, f"av_{number}")) for number in range(3)]:
        await asyncio.sleep(0)
        writing.cancel()
    assert await ids(worker) <= {"av_0", "av_1", "av_2"}
    await put(worker, "av_3")
    assert await ids(worker) == {"av_0", "av_1", "av_2", "av_3"}


async def test_what_was_queued_is_done_when_its_callers_loop_is_closed(worker: Worker) -> None:
    def put_and_run_away() -> None:
        loop = asyncio.new_event_loop()
        writing = loop.create_task(put(worker, "av_1"))
        loop.call_soon(loop.stop)
        loop.run_forever()
        writing.cancel()
        loop.run_until_complete(asyncio.wait([writing]))
        loop.close()

    await asyncio.to_thread(put_and_run_away)
    await put(worker, "av_2")
    assert await ids(worker) == {"av_1", "av_2"}


async def test_what_was_queued_is_done_before_it_is_closed_and_nothing_after(path: Path) -> None:
    async with running(path) as worker:
        writing = [asyncio.ensure_future(put(worker, f"av_{number}")) for number in range(20)]
        await asyncio.sleep(0)
    assert all([(await put).changed for put in writing])
    with pytest.raises(StoreError, match="closed"):
        await put(worker, "av_20")
    worker.unfollow(Subscription(asyncio.get_running_loop()))


# Opening, and opening again


async def test_a_file_that_cannot_be_opened_is_tried_again_for_the_next_caller(path: Path) -> None:
    path.mkdir()
    async with running(path) as worker:
        for writes in (False, True):
            with pytest.raises(StoreError, match="cannot be opened"):
                await worker.call(lambda _turn: None, writes=writes)
        path.rmdir()
        assert (await put(worker, "av_1")).changed


async def test_what_is_no_store_of_ours_is_a_wrong_setting_at_first_and_a_store_that_is_down_later(path: Path) -> None:
    path.write_bytes(b"x" * 1_000)
    async with running(path) as worker:
        with pytest.raises(ConfigurationError):
            await put(worker, "av_1")
        path.unlink()
        await put(worker, "av_1")
        await worker.call(lambda turn: turn.db.execute(f"PRAGMA user_version = {VERSION + 1}"), writes=True)
        path.rename(path.with_name("newer.db"))
        await put(worker, "av_2")
        path.with_name("newer.db").replace(path)
        with pytest.raises(StoreError, match="version 2"):
            await put(worker, "av_3")


async def test_whoever_follows_reads_again_after_the_file_was_away(
    worker: Worker, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "aivideo_async.stores.sqlite_worker")
    follower = Subscription(asyncio.get_running_loop())
    await worker.follow(follower)
    away = path.rename(path.with_name("away.db"))
    path.mkdir()
    with pytest.raises(StoreError):
        await put(worker, "av_1")
    await until(lambda: "changes cannot be seen" in caplog.text)
    path.rmdir()
    away.rename(path)
    assert await anext(follower) == frozenset()
    await put(worker, "av_1")
    assert await anext(follower) == {"av_1"}
    worker.unfollow(follower)


async def test_it_is_closed_while_its_file_is_away(path: Path) -> None:
    async with running(path) as worker:
        await put(worker, "av_1")
        path.unlink()
        path.mkdir()
        with pytest.raises(StoreError):
            await put(worker, "av_2")
