from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox.state import DATABASE, Changes, Kept, StateFolder


@contextmanager
def opened(path: Path, *, reset: bool = False) -> Generator[tuple[StateFolder, Kept]]:
    folder = StateFolder(path)
    kept = folder.open(reset=reset)
    try:
        yield folder, kept
    finally:
        folder.close()


def write(path: Path, *rows: tuple[str, str, str | None]) -> None:
    with opened(path) as (folder, _):
        folder.write(Changes(rows=list(rows)))


def rows(path: Path) -> dict[str, dict[str, str]]:
    with opened(path) as (_, kept):
        return kept.rows


def test_what_was_written_is_there_again(tmp_path: Path) -> None:
    write(tmp_path / "new" / "folder", ("task", "b", "1"), ("task", "a", "2"), ("key", "k", "{}"))
    assert rows(tmp_path / "new" / "folder") == {"key": {"k": "{}"}, "task": {"a": "2", "b": "1"}}


def test_a_row_is_replaced_or_gone(tmp_path: Path) -> None:
    write(tmp_path, ("task", "a", "1"), ("task", "b", "1"))
    write(tmp_path, ("task", "a", "2"), ("task", "b", None))
    assert rows(tmp_path) == {"task": {"a": "2"}}


def test_a_wiped_one_has_keys_and_secrets_only(tmp_path: Path) -> None:
    write(tmp_path, ("key", "k", "1"), ("secrets", "all", "1"), ("task", "t", "1"), ("file", "/1", "{}"))
    with opened(tmp_path) as (folder, _):
        folder.write(Changes(wiped=True))
    with opened(tmp_path) as (_, kept):
        assert kept.rows.keys() == {"key", "secrets"}


def test_what_is_forgotten_is_gone(tmp_path: Path) -> None:
    write(tmp_path, *[("request", f"{n:012d}", "1") for n in range(5)])
    with opened(tmp_path) as (folder, _):
        folder.write(Changes(rows=[("request", f"{5:012d}", "1")], oldest={"request": f"{3:012d}"}))
    assert len(rows(tmp_path)["request"]) == 3


def test_a_write_is_all_or_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as (folder, _), pytest.raises(sqlite3.Error):
        folder.write(Changes(rows=[("task", "a", "1"), ("task", "b", object())]))  # type: ignore[list-item]
    assert rows(tmp_path) == {}


def test_one_in_use_is_refused_in_a_sentence_and_free_afterwards(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(ConfigurationError, match="is in use by another sandbox"):
        StateFolder(tmp_path).open()
    assert rows(tmp_path) == {}


def test_another_version_is_refused_until_it_is_reset(tmp_path: Path) -> None:
    write(tmp_path, ("task", "a", "1"))
    database = sqlite3.connect(tmp_path / DATABASE)
    database.execute("PRAGMA user_version = 7")
    database.close()
    with pytest.raises(ConfigurationError, match="is of version 7, and this sandbox reads version 2 only"):
        StateFolder(tmp_path).open()
    with opened(tmp_path, reset=True) as (_, kept):
        assert kept.rows == {}


def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / DATABASE)
    database.execute("CREATE TABLE theirs (a)")
    database.close()
    with pytest.raises(ConfigurationError, match="of version 0"):
        StateFolder(tmp_path).open()


def test_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(ConfigurationError, match="cannot be kept: file is not a database"):
        StateFolder(tmp_path).open()


def test_what_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "deeper", Path("/proc/aivideo")):
        with pytest.raises(ConfigurationError, match="cannot be kept"):
            StateFolder(path).open()


def test_one_that_is_read_only_is_refused(tmp_path: Path) -> None:
    write(tmp_path, ("task", "a", "1"))
    tmp_path.chmod(0o500)
    (tmp_path / DATABASE).chmod(0o400)
    try:
        if os.access(tmp_path, os.W_OK):
            pytest.skip("root may write anywhere")
        with pytest.raises(ConfigurationError, match="cannot be kept"):
            StateFolder(tmp_path).open()
    finally:
        tmp_path.chmod(0o700)


def test_it_is_for_its_owner_only(tmp_path: Path) -> None:
    write(tmp_path / "state", ("task", "a", "1"))
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0
    assert (tmp_path / "state" / DATABASE).stat().st_mode & 0o077 == 0


def test_one_that_is_closed_is_written_to_by_nobody(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        StateFolder(tmp_path).write(Changes())
