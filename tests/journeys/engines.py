"""Engines that are lost and found again, for every kind of store, by its URL."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from aivideo_async.stores import open_store
from tests.engines.postgres import Postgres
from tests.engines.valkey import Valkey

ENGINES = ("sqlite", "redis", "postgres")


class Engine(Protocol):
    """A real engine. Both methods block. ``patience`` is how many seconds a store waits for one that is away."""

    patience: float

    @property
    def url(self) -> str:
        """The URL of a store on it, the same after every restart."""
        ...

    def start(self) -> None:
        """Give back what it held, and return when it answers."""
        ...

    def kill(self) -> None:
        """Take it away at once, in the middle of whatever it does."""
        ...


class KilledValkey(Valkey):
    """What it acknowledged is on the disk."""

    patience = 0.0

    def __init__(self) -> None:
        super().__init__(appendonly=True)


class KilledPostgres(Postgres):
    """What it acknowledged is on the disk."""

    patience = 0.0


class SqliteFile:
    """A file has no process to be killed: while it is away, somebody else holds its lock."""

    patience = 6.0

    def __init__(self, path: Path) -> None:
        self.url: str = f"sqlite:///{path}"
        self._path = path
        self._holder: sqlite3.Connection | None = None

    def start(self) -> None:
        """Let go of the lock."""
        holder, self._holder = self._holder, None
        if holder is not None:
            holder.rollback()
            holder.close()

    def kill(self) -> None:
        """Take the lock that keeps everybody from writing and, without a write-ahead log, from reading too."""
        self._holder = sqlite3.connect(self._path, timeout=30.0, isolation_level=None, check_same_thread=False)
        self._holder.execute("BEGIN EXCLUSIVE")


@asynccontextmanager
async def running(kind: str, folder: Path) -> AsyncGenerator[Engine]:
    """An engine of this kind, empty, which keeps what it acknowledges."""
    if kind == "sqlite":
        file = SqliteFile(folder / "aivideo.db")
        try:
            yield file
        finally:
            file.start()
        return
    engine = KilledValkey() if kind == "redis" else KilledPostgres()
    await asyncio.to_thread(engine.start)
    await asyncio.to_thread(open_store, engine.url)  # loads its driver, which reads files: not on an event loop
    try:
        yield engine
    finally:
        await asyncio.to_thread(engine.__exit__)
