"""The file of a SQLite store: how it is opened, what is in it, and what its errors mean (stores.md §2)."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from aivideo_async.core.errors import AIVideoError, ConfigurationError, StoreError

VERSION = 1
APPLICATION = int.from_bytes(b"AIVi")
"""Marks the file as ours, so that the database of another program is not written into."""
OLDEST = (3, 35)
"""The first SQLite with ``RETURNING``."""
WAL_FROM = (3, 51, 3)
"""Before, two connections can corrupt a database in WAL mode."""
BUSY_SECONDS = 5.0

READ_VERSION = 19
"""Where the header of a database says how it is read: 2 by a write-ahead log."""

_CREATING = threading.Lock()
"""Closing a file drops every lock that the process holds on it: nobody here may connect between open and close."""
_NOW = "SELECT CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000"

# Moments are microseconds of unix time. ``next_check`` is in its column only, ``key`` is the key that leads to the
# task, ``began_at`` and ``ended_at`` are the engine's, and ``revision`` counts the changes that others are told of.
_SCHEMA = (
    """CREATE TABLE tasks (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        origin TEXT NOT NULL,
        status TEXT NOT NULL,
        service_id TEXT UNIQUE,
        key TEXT UNIQUE,
        next_check INTEGER,
        claimable INTEGER NOT NULL,
        began_at INTEGER NOT NULL,
        ended_at INTEGER,
        revision INTEGER NOT NULL,
        body BLOB NOT NULL
    )""",
    "CREATE INDEX tasks_due ON tasks (origin, next_check) WHERE claimable",
    "CREATE INDEX tasks_ended ON tasks (ended_at)",
    "CREATE INDEX tasks_changed ON tasks (revision)",
    "CREATE TABLE events (number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, body BLOB NOT NULL)",
    "CREATE INDEX events_at ON events (at)",
    "CREATE TABLE consumers (name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID",
    """CREATE TABLE leases (
        name TEXT NOT NULL, number INTEGER NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (name, number)
    ) WITHOUT ROWID""",
    "CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE state (revision INTEGER NOT NULL, pruned_at INTEGER NOT NULL)",
    "INSERT INTO state VALUES (0, 0)",
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {VERSION}",
)

_SENTENCES = {
    sqlite3.SQLITE_BUSY: "another process holds the database for too long",
    sqlite3.SQLITE_LOCKED: "another process holds the database for too long",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "the database cannot be written to",
    sqlite3.SQLITE_READONLY_ROLLBACK: "who wrote last was killed, and whoever writes next puts it right",
    sqlite3.SQLITE_IOERR: "the file could not be read or written",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
    sqlite3.SQLITE_CORRUPT: "the database is damaged",
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database",
}
_REOPENED_AFTER = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
}


def code_of(error: BaseException) -> int | None:
    """SQLite's primary result code, ``None`` for what SQLite did not say."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def needs_reopening(error: BaseException) -> bool:
    """Whether the connection may be of no use any more."""
    return code_of(error) in _REOPENED_AFTER


def ours(error: Exception, path: Path) -> Exception:
    """The error that leaves the store for a foreign one; the only place that maps them.

    Ours stay as they are, and so does what only a mistake in the program can raise.
    """
    mapped: AIVideoError
    if isinstance(error, AIVideoError):
        return error
    if isinstance(error, sqlite3.Error):
        whole: int = getattr(error, "sqlite_errorcode", 0)
        sentence = _SENTENCES.get(whole) or _SENTENCES.get(code_of(error) or 0, f"SQLite refuses: {error}")
        mapped = StoreError(
            f"{path}: {sentence}", retryable=code_of(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL)
        )
    elif isinstance(error, OSError):
        mapped = StoreError(f"{path}: {error.strerror or error}")
    elif isinstance(error, ValueError | OverflowError):
        mapped = StoreError(f"{path}: SQLite cannot keep this value: {error}")
    else:
        return error
    mapped.__cause__ = error
    return mapped


def journal_mode(version: tuple[int, ...]) -> str:
    """The journal for a version of SQLite."""
    return "wal" if version >= WAL_FROM else "truncate"


@dataclass(slots=True)
class Turn:
    """One turn on the connection: everything that is written in it is committed together.

    ``now`` is the engine's clock, read once, in microseconds of unix time. ``changed`` collects what is hinted at
    after the commit: revision and id.
    """

    db: sqlite3.Connection
    clock: Callable[[], float] | None = None
    changed: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    _now: int | None = None

    @property
    def now(self) -> int:
        """The moment of this turn."""
        if self._now is None:
            micros: int = self.db.execute(_NOW).fetchone()[0] if self.clock is None else round(self.clock() * 1e6)
            self._now = micros
        return self._now


class DatabaseFile:
    """The file at ``path``. ``version`` is that of SQLite; all processes on one file should have the same.

    Locks of other connections are waited for ``busy_seconds`` long. Every method blocks, so only the store's thread
    calls them.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        version: tuple[int, ...] = sqlite3.sqlite_version_info,
        busy_seconds: float = BUSY_SECONDS,
        read_only: bool = False,
    ) -> None:
        self.path: Path = Path(path)
        self._version = version
        self._busy_seconds = busy_seconds
        self.read_only: bool = read_only
        self._identity: tuple[int, int] | None = None
        self._resting: tuple[int, int] | None = None

    def open(self) -> sqlite3.Connection:
        """Connect, making folder, file and tables where they are missing, and nothing where it is ``read_only``.

        Raises ConfigurationError for what is no database of this version of ours, and foreign errors.
        """
        if self._version < OLDEST:
            raise ConfigurationError(f"SQLite {sqlite3.sqlite_version} is too old", hint="3.35 or newer is needed")
        self.path = Path(os.path.realpath(self.path))
        if not self.read_only:
            _make_private(self.path)
        db = self._connect()
        try:
            self._prepare(db)
            self._identity = _identity(self.path)
        except BaseException as error:
            db.close()
            if code_of(error) == sqlite3.SQLITE_NOTADB:
                raise ConfigurationError(f"{self.path}: the file is no SQLite database") from error
            raise
        return db

    def _connect(self) -> sqlite3.Connection:
        if not self.read_only:
            return sqlite3.connect(self.path, timeout=self._busy_seconds, isolation_level=None, cached_statements=256)
        if not self.path.exists():
            raise ConfigurationError(f"there is no file {self.path}", hint="who submits the first task makes it")
        self._resting = _rest(self.path)
        uri = f"{self.path.as_uri()}?{'mode=ro' if self._resting is None else 'immutable=1'}"
        return sqlite3.connect(uri, uri=True, timeout=self._busy_seconds, isolation_level=None, cached_statements=256)

    def stirred(self) -> bool:
        """Whether it was opened as one that nobody has open for writing, and is no longer as it was then."""
        return self._resting is not None and _rest(self.path) != self._resting

    def moved(self) -> bool:
        """Whether the path no longer leads to the file that was opened: it was deleted or replaced."""
        return _identity(self.path) != self._identity

    def _prepare(self, db: sqlite3.Connection) -> None:
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA temp_store = MEMORY")
        if self.read_only:
            if not self._known(db):
                raise ConfigurationError(f"{self.path}: the file is no store", hint="it has no tables")
            return
        # Outside of a transaction somebody else may make the tables between two looks.
        if _application(db) != APPLICATION:
            db.execute("BEGIN IMMEDIATE")
            if not self._known(db):
                for statement in _SCHEMA:
                    db.execute(statement)
            db.execute("COMMIT")
        self._known(db)
        db.execute(f"PRAGMA journal_mode = {journal_mode(self._version)}")

    def _known(self, db: sqlite3.Connection) -> bool:
        """Whether our tables are there already; False for an empty file."""
        application = _application(db)
        version: int = db.execute("PRAGMA user_version").fetchone()[0]
        if application == APPLICATION and version > VERSION:
            raise ConfigurationError(f"{self.path}: version {version} of the database, this package knows {VERSION}")
        if application != APPLICATION and db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise ConfigurationError(f"{self.path}: the database of another program", hint="use a file of its own")
        return application == APPLICATION


def _application(db: sqlite3.Connection) -> int:
    application: int = db.execute("PRAGMA application_id").fetchone()[0]
    return application


def _make_private(path: Path) -> None:
    """Make what is missing: folders 0700 and the file 0600, for URLs of results are secrets."""
    missing = [folder for folder in path.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    with _CREATING, contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _rest(path: Path) -> tuple[int, int] | None:
    """When a database was written last and its size, where it has a write-ahead log that is empty; else ``None``.

    To be read, one with a log wants two files beside it that only who may write can make, or leave behind. At rest it
    is whole without them.
    """
    log = path.with_name(f"{path.name}-wal")
    with path.open("rb") as file:
        logged = file.read(READ_VERSION + 1)[READ_VERSION:] == b"\x02"
    if not logged or (log.exists() and log.stat().st_size):
        return None
    found = path.stat()
    return found.st_mtime_ns, found.st_size
