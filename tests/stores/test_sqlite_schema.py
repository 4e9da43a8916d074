from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from aivideo_async.core.errors import ConfigurationError, StoreError
from aivideo_async.stores.sqlite_schema import (
    VERSION,
    WAL_FROM,
    DatabaseFile,
    Turn,
    journal_mode,
    needs_reopening,
    ours,
)

BEFORE_WAL = (3, 51, 2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "aivideo.db"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def pragma(db: sqlite3.Connection, name: str) -> object:
    return db.execute(f"PRAGMA {name}").fetchone()[0]


def sqlite_error(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("it says this")
    error.sqlite_errorcode = code
    return error


# The file


def test_what_is_missing_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    before = os.umask(0)
    try:
        with closing(DatabaseFile(folder / "aivideo.db", version=BEFORE_WAL).open()) as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("INSERT INTO notes VALUES ('a', 'b')")
            modes = {path.name: mode_of(path) for path in folder.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"aivideo.db": 0o600, "aivideo.db-journal": 0o600}
    assert [mode_of(folder), mode_of(folder.parent)] == [0o700, 0o700]


def test_what_is_there_keeps_its_mode(tmp_path: Path, path: Path) -> None:
    tmp_path.chmod(0o750)
    path.touch(mode=0o640)
    DatabaseFile(path).open().close()
    assert [mode_of(tmp_path), mode_of(path)] == [0o750, 0o640]


def test_a_link_leads_to_the_file_itself(tmp_path: Path, path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(path)
    DatabaseFile(link).open().close()
    assert link.is_symlink()
    assert mode_of(path) == 0o600


def test_it_waits_for_the_disk_and_for_locks(path: Path) -> None:
    with closing(DatabaseFile(path).open()) as db:
        assert pragma(db, "synchronous") == 2
        assert pragma(db, "busy_timeout") == 5_000


def test_a_file_that_was_deleted_or_replaced_has_moved(path: Path) -> None:
    file = DatabaseFile(path)
    with closing(file.open()):
        seen = [file.moved()]
        away = path.rename(path.with_name("away.db"))
        seen.append(file.moved())
        path.touch()
        seen.append(file.moved())
        away.rename(path)
        assert [*seen, file.moved()] == [False, True, True, False]


# The journal


@pytest.mark.parametrize(
    ("version", "mode"),
    [((3, 35, 0), "truncate"), (BEFORE_WAL, "truncate"), (WAL_FROM, "wal"), ((3, 52, 0), "wal"), ((4, 0, 0), "wal")],
)
def test_a_write_ahead_log_is_kept_only_where_it_is_safe(path: Path, version: tuple[int, ...], mode: str) -> None:
    assert journal_mode(version) == mode
    with closing(DatabaseFile(path, version=version).open()) as db:
        assert pragma(db, "journal_mode") == mode


def test_the_journal_is_changed_when_nobody_else_has_it_open(path: Path) -> None:
    for version in (WAL_FROM, BEFORE_WAL, WAL_FROM):
        with closing(DatabaseFile(path, version=version).open()) as db:
            assert pragma(db, "journal_mode") == journal_mode(version)


def test_two_versions_at_once_that_want_different_journals_are_refused(path: Path) -> None:
    with closing(DatabaseFile(path, version=WAL_FROM).open()) as db:
        db.execute("INSERT INTO notes VALUES ('a', 'b')")
        with pytest.raises(sqlite3.OperationalError) as caught:
            DatabaseFile(path, version=BEFORE_WAL, busy_seconds=0.01).open()
    assert "another process" in str(ours(caught.value, path))


def test_a_sqlite_that_cannot_do_it_is_refused(path: Path) -> None:
    with pytest.raises(ConfigurationError, match="too old"):
        DatabaseFile(path, version=(3, 34, 1)).open()
    assert not path.exists()


# What is in it


def test_it_says_that_it_is_ours_and_of_which_version(path: Path) -> None:
    for _ in range(2):
        with closing(DatabaseFile(path).open()) as db:
            assert (pragma(db, "application_id"), pragma(db, "user_version")) == (0x41495669, VERSION)


async def test_of_many_that_open_a_new_file_at_once_one_makes_the_tables(path: Path) -> None:
    await asyncio.gather(*(asyncio.to_thread(lambda: DatabaseFile(path).open().close()) for _ in range(6)))
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT * FROM state").fetchall() == [(0, 0)]


def newer(path: Path) -> None:
    with closing(DatabaseFile(path).open()) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE tasks (id)")


def no_database(path: Path) -> None:
    path.write_bytes(b"no database, but long enough to have a header\n" * 10)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (newer, "version 2 of the database, this package knows 1"),
        (foreign, "the database of another program"),
        (no_database, "no SQLite database"),
    ],
)
def test_what_is_no_database_of_ours_is_refused_and_left_as_it_is(
    path: Path, make: Callable[[Path], None], message: str
) -> None:
    make(path)
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match=message) as caught:
        DatabaseFile(path).open()
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


# Errors


@pytest.mark.parametrize(
    ("code", "sentence", "reopened"),
    [
        (sqlite3.SQLITE_BUSY, "another process holds", False),
        (sqlite3.SQLITE_LOCKED, "another process holds", False),
        (sqlite3.SQLITE_FULL, "disk is full", False),
        (sqlite3.SQLITE_READONLY, "cannot be written", True),
        (sqlite3.SQLITE_IOERR | 3 << 8, "could not be read or written", True),
        (sqlite3.SQLITE_CANTOPEN, "cannot be opened", True),
        (sqlite3.SQLITE_CORRUPT, "damaged", True),
        (sqlite3.SQLITE_NOTADB, "no SQLite database", True),
        (sqlite3.SQLITE_CONSTRAINT, "SQLite refuses: it says this", False),
    ],
)
def test_every_error_of_sqlite_becomes_a_store_error(path: Path, code: int, sentence: str, reopened: bool) -> None:
    error = sqlite_error(code)
    mapped = ours(error, path)
    assert isinstance(mapped, StoreError)
    assert sentence in str(mapped)
    assert mapped.__cause__ is error
    assert needs_reopening(error) is reopened


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (OSError("no number"), "no number"),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), "cannot keep this value"),
        (OverflowError("too large"), "cannot keep this value"),
        (sqlite3.ProgrammingError("closed"), "SQLite refuses: closed"),
    ],
)
def test_every_other_error_that_may_come_becomes_a_store_error(path: Path, error: Exception, sentence: str) -> None:
    mapped = ours(error, path)
    assert isinstance(mapped, StoreError)
    assert sentence in str(mapped)
    assert not needs_reopening(error)


@pytest.mark.parametrize("error", [StoreError("x"), ConfigurationError("x"), TypeError("x"), KeyError("x")])
def test_our_own_errors_and_mistakes_stay_what_they_are(path: Path, error: Exception) -> None:
    assert ours(error, path) is error


def test_the_engines_clock_is_unix_time_in_milliseconds(path: Path) -> None:
    with closing(DatabaseFile(path).open()) as db:
        before, now, after = time.time(), Turn(db).now, time.time()
    assert before - 0.002 <= now / 1e6 <= after + 0.002
    assert now % 1_000 == 0


def test_a_turn_has_one_moment(path: Path) -> None:
    moments = iter((1.5, 2.5))
    with closing(DatabaseFile(path).open()) as db:
        turn = Turn(db, lambda: next(moments))
        assert (turn.now, turn.now, Turn(db, lambda: next(moments)).now) == (1_500_000, 1_500_000, 2_500_000)


# For reading only


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def noted(db: sqlite3.Connection) -> list[str]:
    return [name for (name,) in db.execute("SELECT name FROM notes ORDER BY name")]


@pytest.mark.parametrize("version", [BEFORE_WAL, WAL_FROM], ids=["journal", "log"])
def test_one_that_is_only_read_is_left_as_it_is(path: Path, version: tuple[int, ...]) -> None:
    with closing(DatabaseFile(path, version=version).open()) as db:
        db.execute("INSERT INTO notes VALUES ('a', 'b')")
    before = names(path.parent), path.read_bytes(), path.stat().st_mtime_ns
    file = DatabaseFile(path, version=version, read_only=True)
    with closing(file.open()) as db:
        assert noted(db) == ["a"]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            db.execute("INSERT INTO notes VALUES ('c', 'd')")
        assert (names(path.parent), path.read_bytes(), path.stat().st_mtime_ns) == before
        assert (file.stirred(), file.moved()) == (False, False)
    assert names(path.parent) == before[0]


def test_a_log_at_rest_that_is_written_to_is_noticed_and_read_by_it(path: Path) -> None:
    DatabaseFile(path, version=WAL_FROM).open().close()
    file = DatabaseFile(path, version=WAL_FROM, read_only=True)
    with closing(file.open()), closing(DatabaseFile(path, version=WAL_FROM).open()) as writing:
        writing.execute("INSERT INTO notes VALUES ('a', 'b')")
        assert file.stirred()
        with closing(file.open()) as again:
            assert (noted(again), file.stirred()) == (["a"], False)
            writing.execute("INSERT INTO notes VALUES ('c', 'd')")
            assert (noted(again), file.stirred()) == (["a", "c"], False)


def test_one_that_is_only_read_must_be_there_and_ours(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    empty.touch()
    for path, message in (tmp_path / "new" / "none.db", "there is no file"), (empty, "the file is no store"):
        with pytest.raises(ConfigurationError, match=message):
            DatabaseFile(path, read_only=True).open()
    assert (names(tmp_path), empty.stat().st_size) == ({"empty.db"}, 0)


def test_what_a_killed_writer_left_is_said_so(path: Path) -> None:
    error = ours(sqlite_error(sqlite3.SQLITE_READONLY_ROLLBACK), path)
    assert "who wrote last was killed" in str(error)
