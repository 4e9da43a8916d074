"""A folder that keeps a sandbox: an SQLite file of rows, locked by whoever has it. It blocks.

The result files are beside it, in a folder that a ``Depot`` has.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from aivideo_async.core.errors import ConfigurationError

VERSION = 2
DATABASE, LOCK, FILES = "sandbox.db", "lock", "files"
SCHEMA = """
CREATE TABLE kept (kind TEXT NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
"""
LASTING = ("secrets", "key", "rules", "clock")
"""Kinds of rows that a reset leaves."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be written at once. ``rows`` are kind, id and JSON (``None``: it is gone).

    ``wiped`` drops all but ``LASTING`` first; ``oldest`` is the first id of a kind that is still wanted.
    """

    rows: list[tuple[str, str, str | None]] = field(default_factory=list[tuple[str, str, str | None]])
    wiped: bool = False
    oldest: dict[str, str] = field(default_factory=dict[str, str])

    def __bool__(self) -> bool:
        return bool(self.rows or self.wiped)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a folder had: JSON by kind and id, in the order of the ids."""

    rows: dict[str, dict[str, str]]


class StateFolder:
    """One open folder at a time. Every failure to open it is one sentence, a ConfigurationError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: IO[bytes] | None = None
        self._database: sqlite3.Connection | None = None

    def open(self, *, reset: bool = False) -> Kept:
        """Take the folder, which is made where it is missing, and read it; ``reset`` empties it first.

        Raises ConfigurationError: it is in use, of another version, read-only, or no folder of a sandbox.
        """
        with self._as_a_sentence():
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = (self._path / LOCK).open("ab")
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigurationError(f"the state in {self._path} is in use by another sandbox") from None
            if reset:
                for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
                    (self._path / name).unlink(missing_ok=True)
            (self._path / DATABASE).touch(mode=0o600)
            self._database = sqlite3.connect(self._path / DATABASE, isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._begin()
            return self._read()

    def write(self, changes: Changes) -> None:
        """Write all of it or nothing. Raises sqlite3.Error."""
        database = self._open
        database.execute("BEGIN IMMEDIATE")
        try:
            self._write(database, changes)
        except BaseException:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")

    def close(self) -> None:
        """Let go of the folder."""
        if self._database is not None:
            self._database.close()
        if self._lock is not None:
            self._lock.close()
        self._database = self._lock = None

    @property
    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            raise RuntimeError("the state is not open")
        return self._database

    def _begin(self) -> None:
        """Make the tables of a new file, or see that those of an old one are ours. It is written to in any case."""
        database = self._open
        version: int = database.execute("PRAGMA user_version").fetchone()[0]
        tables: int = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if version != VERSION and (version or tables):
            raise ConfigurationError(
                f"the state in {self._path} is of version {version}, and this sandbox reads version {VERSION} only",
                hint="use another folder, or --reset to begin anew in this one",
            )
        if not tables:
            database.executescript(SCHEMA)
        database.execute(f"PRAGMA user_version = {VERSION}")

    def _read(self) -> Kept:
        rows: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for kind, id, value in self._open.execute("SELECT kind, id, value FROM kept ORDER BY kind, id"):
            rows[kind][id] = value
        return Kept(rows)

    def _write(self, database: sqlite3.Connection, changes: Changes) -> None:
        if changes.wiped:
            marks = ", ".join("?" for _ in LASTING)
            database.execute(f"DELETE FROM kept WHERE kind NOT IN ({marks})", LASTING)  # noqa: S608 - question marks
        for kind, id, value in changes.rows:
            if value is None:
                database.execute("DELETE FROM kept WHERE kind = ? AND id = ?", (kind, id))
            else:
                database.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (kind, id, value))
        for kind, oldest in changes.oldest.items():
            database.execute("DELETE FROM kept WHERE kind = ? AND id < ?", (kind, oldest))

    @contextmanager
    def _as_a_sentence(self) -> Generator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            self.close()
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise ConfigurationError(f"the state in {self._path} cannot be kept: {why}") from error
        except ConfigurationError:
            self.close()
            raise
