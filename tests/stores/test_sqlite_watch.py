from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aivideo_async.core.models import TaskRecord
from aivideo_async.stores import sqlite_rows
from aivideo_async.stores.feeds import Subscription
from aivideo_async.stores.sqlite_schema import DatabaseFile, Turn
from aivideo_async.stores.sqlite_watch import Watch
from tests.stores.made import ORIGIN

KEEP = 1_000_000


@pytest.fixture
def here(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(DatabaseFile(tmp_path / "aivideo.db").open()) as db:
        yield db


@pytest.fixture
def there(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Another connection to the same file."""
    with closing(DatabaseFile(tmp_path / "aivideo.db").open()) as db:
        yield db


def put(db: sqlite3.Connection, *ids: str, checks: int = 0) -> list[tuple[int, str]]:
    turn = Turn(db)
    for id in ids:
        sqlite_rows.put(turn, TaskRecord(id=id, origin=ORIGIN, checks=checks), KEEP)
    return turn.changed


class Follower:
    """A follower in a loop of its own, which runs only to see what it was told."""

    def __init__(self, watch: Watch, db: sqlite3.Connection) -> None:
        self.loop = asyncio.new_event_loop()
        self.hints = Subscription(self.loop)
        watch.add(db, self.hints)

    @property
    def told(self) -> set[str] | None:
        """What is new since it was last looked at; ``None`` for nothing."""
        return self.loop.run_until_complete(self._next())

    async def _next(self) -> set[str] | None:
        hint = asyncio.ensure_future(anext(self.hints))
        for _ in range(3):
            await asyncio.sleep(0)
        return set(hint.result()) if hint.done() or not hint.cancel() else None


@pytest.fixture
def watch() -> Watch:
    return Watch(at_most=4)


@pytest.fixture
def follower(watch: Watch, here: sqlite3.Connection) -> Iterator[Follower]:
    follower = Follower(watch, here)
    yield follower
    follower.loop.close()


Db = sqlite3.Connection


def test_what_others_change_is_seen_at_the_next_look_and_once(
    watch: Watch, follower: Follower, here: Db, there: Db
) -> None:
    put(there, "av_1", "av_2")
    watch.look(here)
    assert follower.told == {"av_1", "av_2"}
    watch.look(here)
    assert follower.told is None


def test_what_was_changed_before_is_not_told(watch: Watch, here: Db, there: Db) -> None:
    put(there, "av_1")
    with closing((follower := Follower(watch, here)).loop):
        watch.look(here)
        assert follower.told is None


def test_what_this_connection_changed_is_told_at_once_and_not_again(
    watch: Watch, follower: Follower, here: Db, there: Db
) -> None:
    watch.committed(put(here, "av_1"))
    assert follower.told == {"av_1"}
    put(there, "av_2")
    watch.committed(put(here, "av_3"))
    assert follower.told == {"av_3"}
    watch.look(here)
    assert follower.told == {"av_2"}


def test_what_others_change_after_us_is_told_again(watch: Watch, follower: Follower, here: Db, there: Db) -> None:
    for checks in (0, 2):
        watch.committed(put(here, "av_1", checks=checks))
        assert follower.told == {"av_1"}
        put(there, "av_1", checks=checks + 1)
        watch.look(here)
        assert follower.told == {"av_1"}
        watch.look(here)


def test_a_commit_of_others_that_changes_no_record_tells_nothing(
    watch: Watch, follower: Follower, here: Db, there: Db
) -> None:
    there.execute("INSERT INTO notes VALUES ('a', 'b')")
    watch.look(here)
    assert follower.told is None


def test_too_many_changes_mean_read_again(watch: Watch, follower: Follower, here: Db, there: Db) -> None:
    put(there, *(f"av_{number}" for number in range(5)))
    watch.look(here)
    assert follower.told == set()
    put(there, "av_5")
    watch.look(here)
    assert follower.told == {"av_5"}


def test_who_no_longer_follows_is_told_nothing(watch: Watch, follower: Follower, here: Db) -> None:
    with closing((other := Follower(watch, here)).loop):
        watch.remove(follower.hints)
        watch.committed(put(here, "av_1"))
        assert (follower.told, other.told) == (None, {"av_1"})
        watch.remove(other.hints)
        assert not watch.followed
        watch.committed(put(here, "av_2"))
        assert other.told is None


def test_who_follows_in_a_loop_that_was_closed_is_dropped(watch: Watch, here: Db) -> None:
    Follower(watch, here).loop.close()
    watch.missed()
    assert not watch.followed
