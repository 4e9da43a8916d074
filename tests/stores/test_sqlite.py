from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

import pytest

from aivideo_async.core.errors import ConfigurationError, StoreError
from aivideo_async.core.models import TaskRecord, TaskStatus, moment
from aivideo_async.stores.base import Query, Store
from aivideo_async.stores.sqlite import NAMES_AT_ONCE, SqliteStore
from aivideo_async.stores.sqlite_rows import FORGET_AT_ONCE, PAGE
from aivideo_async.stores.sqlite_schema import WAL_FROM, DatabaseFile, Turn
from tests.doubles import ManualClock
from tests.stores.contract import PATIENCE, Engine, StoreContract, consuming, record_in, scanned, taken
from tests.stores.durable import DurableContract
from tests.stores.made import ORIGIN, accepted, completion, hint, intent
from tests.stores.process import output_until_killed
from tests.stores.sqlite_process import output_over

DAY = 86_400.0


class SqliteEngine:
    """One file: every connection is a store of its own, as it would be in another process."""

    def __init__(self, path: Path) -> None:
        self.clock = ManualClock()
        self.path = path

    def connect(self) -> AbstractAsyncContextManager[Store]:
        return SqliteStore(self.path, clock=self.clock, look_every=0.01)

    def now(self) -> float:
        return self.clock()

    async def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)


class TestSqliteStore(StoreContract):
    """Everything that every store does."""

    @pytest.fixture
    def engine(self, path: Path) -> Engine:
        return SqliteEngine(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "aivideo.db"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(path: Path, clock: ManualClock) -> AsyncGenerator[SqliteStore]:
    async with SqliteStore(path, clock=clock) as store:
        yield store


# URLs


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///aivideo.db", "aivideo.db"),
        ("sqlite:///data/a b%20c.db", "data/a b%20c.db"),
        ("sqlite:////var/lib/aivideo.db", "/var/lib/aivideo.db"),
        ("SQLite:///aivideo.db", "aivideo.db"),
    ],
)
def test_a_url_names_a_file_after_three_slashes(url: str, path: str) -> None:
    assert SqliteStore.from_url(url)._file.path == Path(path)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:", "three slashes"),
        ("sqlite://", "three slashes"),
        ("sqlite:///", "three slashes"),
        ("sqlite:aivideo.db", "three slashes"),
        ("sqlite://aivideo.db", "three slashes"),
        ("sqlite:////var/lib/", "three slashes"),
        ("sqlite:///:memory:", "nobody else's"),
        ("sqlite:///a.db?mode=ro", "no options"),
        ("sqlite:///a.db#x", "no options"),
        ("sqlite:///a\0.db", "no options"),
    ],
)
def test_a_url_that_names_no_file_is_refused(url: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        SqliteStore.from_url(url)


# Opening and closing


async def test_it_is_open_while_somebody_uses_it(path: Path) -> None:
    store = SqliteStore(path)
    seen = [store.opened]
    async with store:
        async with store as same:
            assert same is store
        seen.append(store.opened)
        await store.put(accepted("av_1", "svc-1"))
    assert [*seen, store.opened, store.durable] == [False, True, False, True]


def test_it_may_be_opened_again_in_another_loop_and_holds_what_it_held(path: Path) -> None:
    store = SqliteStore(path)

    async def put(id: str) -> list[str]:
        async with store:
            await store.put(accepted(id, f"svc-{id}"))
            return await scanned(store, Query())

    assert [asyncio.run(put(id)) for id in ("av_1", "av_2")] == [["av_1"], ["av_2", "av_1"]]


async def test_two_loops_may_share_it(store: SqliteStore) -> None:
    async def put_elsewhere() -> None:
        async with store:
            await store.put(accepted("av_1", "svc-1"))

    async with store.changes() as changes:
        await asyncio.to_thread(lambda: asyncio.run(put_elsewhere()))
        assert await anext(changes) == {"av_1"}
    assert store.opened


async def test_a_store_that_is_not_open_says_so(path: Path) -> None:
    store = SqliteStore(path)
    with pytest.raises(StoreError, match="not open"):
        await store.put(accepted("av_1", "svc-1"))
    with pytest.raises(StoreError, match="not open"):
        await store.get(())
    with pytest.raises(StoreError, match="not open"):
        await store.changes().__aenter__()
    assert not path.exists()


async def test_opening_that_fails_leaves_it_closed_and_may_be_tried_again(path: Path) -> None:
    path.mkdir()
    store = SqliteStore(path)
    with pytest.raises(StoreError, match="cannot be opened"):
        await store.__aenter__()
    assert not store.opened
    path.rmdir()
    async with store:
        assert await scanned(store, Query()) == []


async def test_closing_ends_whoever_follows(path: Path) -> None:
    store = await SqliteStore(path).__aenter__()
    async with store.changes() as changes, consuming(store, "mail") as events:
        waiting = asyncio.ensure_future(anext(events))
        await store.note("a", "b")
        await store.__aexit__()
        assert await anext(changes) == frozenset()
        with pytest.raises(StoreError, match="not open"):
            await waiting


async def test_a_relative_path_stays_where_it_was_when_the_folder_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    store = SqliteStore("aivideo.db")
    async with store:
        pass
    os.chdir("elsewhere")
    async with store:
        pass
    assert (tmp_path / "aivideo.db").exists()
    assert not list((tmp_path / "elsewhere").iterdir())


# Reading


async def test_more_names_than_go_into_one_query_are_all_found(store: SqliteStore) -> None:
    count = 2 * NAMES_AT_ONCE + 1
    await asyncio.gather(*(store.put(accepted(f"av_{n}", f"svc-{n}")) for n in range(count)))
    assert set(await store.get([f"svc-{n}" for n in range(count + 5)])) == {f"svc-{n}" for n in range(count)}


async def test_a_scan_over_several_pages_keeps_its_order_and_its_limit(store: SqliteStore) -> None:
    count = 2 * PAGE + 10
    await asyncio.gather(*(store.put(accepted(f"av_{n}", f"svc-{n}")) for n in range(count)))
    everything = await scanned(store, Query())
    assert len(set(everything)) == count
    assert await scanned(store, Query(limit=PAGE + 1)) == everything[: PAGE + 1]
    assert await scanned(store, Query(limit=PAGE)) == everything[:PAGE]


async def test_what_sqlite_cannot_keep_is_a_store_error(store: SqliteStore) -> None:
    for record in (accepted("av_\ud800", "svc-1"), TaskRecord(id="av_1", origin=ORIGIN, labels={"a": "\ud800"})):
        with pytest.raises(StoreError, match="cannot keep"):
            await store.put(record)
    with pytest.raises(StoreError, match="cannot keep"):
        await store.due("av_1", 1e30)
    assert await scanned(store, Query()) == []


async def test_leases_run_on_the_engines_clock(path: Path) -> None:
    async with SqliteStore(path) as store:
        before = await store._call(lambda turn: turn.now, writes=False) / 1e6
        await store.put(accepted("av_1", "svc-1", next_check=before - 1))
        (claimed,) = await store.claim(ORIGIN, 10, 30.0)
        assert claimed.next_check is not None
        assert 30.0 <= claimed.next_check.timestamp() - before < 60.0
        assert await record_in(store, "av_1") == claimed


# What is kept, and for how long


async def test_what_has_ended_is_kept_for_a_week(store: SqliteStore, clock: ManualClock) -> None:
    await store.put(completion("av_1", "svc-1", clock()))
    clock.advance(7 * DAY - 60)
    await store.put(accepted("av_2", "svc-2"))
    assert await scanned(store, Query()) == ["av_2", "av_1"]
    clock.advance(3_600)
    await store.put(accepted("av_3", "svc-3"))
    assert await scanned(store, Query()) == ["av_3", "av_2"]
    assert await store.get(("svc-1",)) == {}


async def test_one_of_several_stores_looks_for_old_ones_once_an_hour(path: Path, clock: ManualClock) -> None:
    short = timedelta(seconds=1)
    async with SqliteStore(path, clock=clock, keep_ended=short) as one, SqliteStore(path, clock=clock) as two:
        await one.put(completion("av_1", "svc-1", clock()))
        clock.advance(3_599)
        await one.put(accepted("av_2", "svc-2"))
        assert await scanned(one, Query()) == ["av_2", "av_1"]
        clock.advance(1)
        await two.claim(ORIGIN, 1, 30.0)
        await one.claim(ORIGIN, 1, 30.0)
        assert await scanned(one, Query()) == ["av_2", "av_1"]


async def test_a_clock_that_was_far_ahead_does_not_stop_it(path: Path, clock: ManualClock) -> None:
    async with SqliteStore(path, clock=clock, keep_ended=timedelta(seconds=1)) as store:
        clock.advance(1_000 * DAY)
        await store.put(accepted("av_1", "svc-1"))
        clock.advance(-1_000 * DAY)
        await store.put(completion("av_2", "svc-2", clock()))
        clock.advance(3_600)
        await store.put(accepted("av_3", "svc-3"))
        assert await scanned(store, Query()) == ["av_3", "av_1"]


async def test_a_store_that_nobody_prunes_stays_bounded(path: Path, clock: ManualClock) -> None:
    def pages(turn: Turn) -> int:
        count: int = turn.db.execute("PRAGMA page_count").fetchone()[0]
        return count

    async with SqliteStore(path, clock=clock, keep_ended=timedelta(hours=2)) as store:
        sizes: list[int] = []
        for hour in range(12):
            ended = (completion(f"av_{hour}_{n}", f"svc-{hour}-{n}", clock()) for n in range(50))
            await asyncio.gather(*(store.put(record) for record in ended))
            sizes.append(await store._call(pages, writes=False))
            clock.advance(3_600)
        assert sizes[-1] == sizes[5]


async def test_more_than_is_forgotten_at_once_is_forgotten(store: SqliteStore, clock: ManualClock) -> None:
    count = 2 * FORGET_AT_ONCE + 1
    await asyncio.gather(*(store.put(completion(f"av_{n}", f"svc-{n}", clock())) for n in range(count)))
    assert await store.prune(moment(clock() + 1)) == count
    assert await scanned(store, Query()) == []


async def test_a_consumer_that_waits_looks_again_when_a_lease_is_over(path: Path) -> None:
    async with SqliteStore(path, event_lease=0.05) as store:
        await store.put(completion("av_1", "svc-1", 0.0))
        async with consuming(store, "mail") as events:
            assert await taken(events, 1, ack=False) == ["av_1"]
            assert await taken(events, 1) == ["av_1"]


# The file goes away and comes back


async def test_a_file_that_was_deleted_is_made_anew_and_whoever_follows_reads_again(
    store: SqliteStore, path: Path
) -> None:
    await store.put(accepted("av_1", "svc-1"))
    async with store.changes() as changes:
        path.unlink()
        assert await anext(changes) == frozenset()
        assert (await store.put(hint("av_1", 0.0))).record.status is TaskStatus.SUBMITTING
        assert await anext(changes) == {"av_1"}
    assert await scanned(store, Query()) == ["av_1"]


async def test_what_was_put_before_stays_when_the_file_cannot_be_reached_for_a_while(
    store: SqliteStore, path: Path
) -> None:
    await store.put(accepted("av_1", "svc-1"))
    away = path.rename(path.with_name("away.db"))
    path.mkdir()
    with pytest.raises(StoreError, match="cannot be opened"):
        await store.put(accepted("av_2", "svc-2"))
    path.rmdir()
    away.rename(path)
    await store.put(accepted("av_2", "svc-2"))
    assert await scanned(store, Query()) == ["av_2", "av_1"]


async def test_a_full_disk_fails_what_does_not_fit_and_works_again_when_there_is_space(store: SqliteStore) -> None:
    def limit(turn: Turn, pages: int) -> int:
        size: int = turn.db.execute("PRAGMA page_count").fetchone()[0]
        turn.db.execute(f"PRAGMA max_page_count = {size + pages}")
        return size

    await store._call(lambda turn: limit(turn, 3), writes=False)
    big = {"note": "x" * 100_000}
    results = await asyncio.gather(
        store.put(intent("av_1", 0.0)),
        store.put(intent("av_2", 0.0, labels=big)),
        store.put(intent("av_3", 0.0)),
        return_exceptions=True,
    )
    assert [isinstance(result, StoreError) for result in results] == [False, True, False]
    assert "the disk is full" in str(results[1])
    await store._call(lambda turn: limit(turn, 1_000), writes=False)
    await store.put(intent("av_2", 0.0, labels=big))
    assert set(await scanned(store, Query())) == {"av_1", "av_2", "av_3"}


# Other processes


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.mark.crash
class TestSqliteStoreLasts(DurableContract):
    """Everything that every store does over several processes."""

    @pytest.fixture
    def url(self, path: Path) -> str:
        return url_of(path)


@pytest.mark.crash
async def test_whenever_a_process_is_killed_the_file_is_whole(path: Path) -> None:
    for number in range(6):
        await output_until_killed("puts", url_of(path), str(number), after=11 + 47 * number)
        async with SqliteStore(path) as store:
            row = await store._call(lambda turn: turn.db.execute("PRAGMA integrity_check").fetchone(), writes=False)
        assert row == ("ok",)


async def test_a_file_that_may_not_grow_fails_puts_until_it_may(path: Path) -> None:
    assert await output_over("full", path) == ["StoreError"] * 3 + ["av_after av_before"]


async def test_a_file_that_one_may_not_use_is_one_clear_sentence() -> None:
    with tempfile.TemporaryDirectory() as name:  # for everybody, unlike those that pytest gives
        folder = Path(name)
        for file, mode in (("unreadable.db", 0o000), ("read-only.db", 0o444)):
            async with SqliteStore(folder / file):
                pass
            (folder / file).chmod(mode)
        (folder / "no-entry").mkdir(mode=0o600)
        folder.chmod(0o555)
        said = await output_over("nobody", folder)
        folder.chmod(0o755)
    assert said == [
        f"StoreError: {folder}/unreadable.db: the file cannot be opened",
        f"StoreError: {folder}/read-only.db: the database cannot be written to",
        f"StoreError: {folder}/no-entry/new.db: Permission denied",
        f"StoreError: {folder}/new/aivideo.db: Permission denied",
    ]


def test_a_database_of_ours_is_one_that_sqlite_itself_can_read(path: Path) -> None:
    async def put() -> None:
        async with SqliteStore(path) as store:
            await store.put(accepted("av_1", "svc-1"))

    asyncio.run(put())
    db = sqlite3.connect(path)
    assert db.execute("SELECT id, status, service_id FROM tasks").fetchall() == [("av_1", "pending", "svc-1")]
    db.close()


# For reading only


async def test_who_only_reads_sees_what_is_written_to_a_file_that_was_at_rest(tmp_path: Path) -> None:
    path = tmp_path / "own.db"
    await asyncio.to_thread(lambda: DatabaseFile(path, version=WAL_FROM).open().close())
    async with SqliteStore(path, read_only=True, look_every=0.01) as reading, reading.changes() as changes:
        assert await scanned(reading, Query()) == []
        async with SqliteStore(path) as writing:
            await writing.put(accepted("av_1", "svc-1"))
        async with asyncio.timeout(PATIENCE):
            while await scanned(reading, Query()) != ["av_1"]:
                await anext(changes)
        with pytest.raises(StoreError, match="cannot be written to"):
            await reading.put(accepted("av_2", "svc-2"))
