"""The tables of a PostgreSQL store, and one turn on a connection to them (stores.md §4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import psycopg

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.stores.postgres_server import Connection

VERSION = 1
TURN_SECONDS = 5.0
"""How long the server lets a statement take, or waits for the next one of a transaction."""

NOW = "coalesce(%(now)s::bigint, (extract(epoch FROM statement_timestamp()) * 1000000)::bigint)"
"""The engine's clock in microseconds of unix time, unless the store was given another one."""

# Moments are microseconds of unix time. ``next_check`` is in its column only, ``key`` is the key that leads to the
# task, ``began_at`` and ``ended_at`` are the engine's, ``writer`` names the put that wrote it last. An event gets its
# ``number`` from whoever reads it first: by then it is committed, so none can turn up below one that was read.
_SCHEMA = """
    CREATE TABLE aivideo_tasks (
        ns text NOT NULL,
        id text NOT NULL,
        number bigint GENERATED ALWAYS AS IDENTITY,
        origin text NOT NULL,
        status text NOT NULL,
        service_id text,
        key text,
        next_check bigint,
        claimable boolean NOT NULL,
        began_at bigint NOT NULL,
        ended_at bigint,
        writer text NOT NULL,
        body bytea NOT NULL,
        PRIMARY KEY (ns, id)
    );
    CREATE UNIQUE INDEX aivideo_tasks_service_id ON aivideo_tasks (ns, service_id) WHERE service_id IS NOT NULL;
    CREATE UNIQUE INDEX aivideo_tasks_key ON aivideo_tasks (ns, key) WHERE key IS NOT NULL;
    CREATE INDEX aivideo_tasks_due ON aivideo_tasks (ns, origin, next_check) WHERE claimable;
    CREATE INDEX aivideo_tasks_number ON aivideo_tasks (ns, number);
    CREATE INDEX aivideo_tasks_ended ON aivideo_tasks (ns, ended_at) WHERE ended_at IS NOT NULL;
    CREATE INDEX aivideo_tasks_began ON aivideo_tasks (ns, began_at) WHERE ended_at IS NULL;
    CREATE TABLE aivideo_events (
        ns text NOT NULL,
        seq bigint GENERATED ALWAYS AS IDENTITY,
        number bigint,
        at bigint NOT NULL,
        body bytea NOT NULL,
        PRIMARY KEY (ns, seq)
    );
    CREATE UNIQUE INDEX aivideo_events_number ON aivideo_events (ns, number) WHERE number IS NOT NULL;
    CREATE INDEX aivideo_events_fresh ON aivideo_events (ns, seq) WHERE number IS NULL;
    CREATE INDEX aivideo_events_at ON aivideo_events (ns, at);
    CREATE TABLE aivideo_consumers (
        ns text NOT NULL, name text NOT NULL, position bigint NOT NULL, PRIMARY KEY (ns, name)
    );
    CREATE TABLE aivideo_leases (
        ns text NOT NULL, name text NOT NULL, number bigint NOT NULL, until bigint NOT NULL,
        PRIMARY KEY (ns, name, number)
    );
    CREATE TABLE aivideo_notes (ns text NOT NULL, name text NOT NULL, value text NOT NULL, PRIMARY KEY (ns, name));
    CREATE TABLE aivideo_state (ns text PRIMARY KEY, pruned_at bigint NOT NULL, events bigint NOT NULL);
    CREATE TABLE aivideo_schema (version integer NOT NULL);
"""


def lock_of(*names: str) -> int:
    """The number of the advisory lock on what is named."""
    return int.from_bytes(blake2b("\0".join(names).encode(), digest_size=8).digest(), signed=True)


def channel_of(namespace: str) -> str:
    """Where changes in a namespace are notified of."""
    return f"aivideo_{blake2b(namespace.encode(), digest_size=8).hexdigest()}"


def storable(name: str) -> bool:
    """Whether PostgreSQL can hold it; nothing is kept under any other name."""
    return "\0" not in name and not any("\ud800" <= letter <= "\udfff" for letter in name)


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn on a connection, in a namespace. ``clock`` gives unix seconds instead of the engine's own clock."""

    connection: Connection
    namespace: str
    clock: Callable[[], float] | None = None

    async def begin(self, locks: Sequence[int]) -> None:
        """Begin a transaction that holds the locks: everybody takes them first, and in the same order.

        Under READ COMMITTED, whatever the database's default is, each statement sees what was committed before it.
        Nothing is set for longer than the transaction: a bouncer may give the connection to somebody else.
        """
        held = ", ".join(f"pg_advisory_xact_lock({lock})" for lock in sorted(set(locks)))
        millis = round(TURN_SECONDS * 1_000)
        await self.connection.execute(
            f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout = {millis};"
            f" SET LOCAL idle_in_transaction_session_timeout = {millis}; SELECT {held or 'NULL'}".encode()
        )

    async def rows(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        """What the query gives."""
        return await (await self._execute(query, values)).fetchall()

    async def row(self, query: str, **values: object) -> tuple[Any, ...] | None:
        """The first that the query gives."""
        return await (await self._execute(query, values)).fetchone()

    async def run(self, query: str, **values: object) -> int:
        """How many rows the query changed."""
        return (await self._execute(query, values)).rowcount

    async def _execute(self, query: str, values: dict[str, object]) -> psycopg.AsyncCursor[tuple[Any, ...]]:
        now = None if self.clock is None else round(self.clock() * 1e6)
        return await self.connection.execute(query.encode(), {"ns": self.namespace, "now": now, **values})


PREPARING = lock_of("aivideo", "schema")
"""Held while the tables are looked for and made."""


async def prepare(turn: Turn) -> None:
    """Make the tables where they are missing; to be done under ``PREPARING``.

    Raises ConfigurationError for those of a newer version, and foreign errors.
    """
    if not await _made(turn):
        await turn.connection.execute(_SCHEMA)
        await turn.run("INSERT INTO aivideo_schema VALUES (%(version)s)", version=VERSION)
    await _require_known(turn)
    await turn.run("INSERT INTO aivideo_state VALUES (%(ns)s, 0, 0) ON CONFLICT DO NOTHING")


async def look(turn: Turn) -> None:
    """See that there is a store, and make nothing.

    Raises ConfigurationError where there are no tables, those of a newer version, or nothing in the namespace; and
    foreign errors.
    """
    if not await _made(turn):
        raise ConfigurationError("there is no store in this database: it has no tables of ours")
    await _require_known(turn)
    if await turn.row("SELECT 1 FROM aivideo_state WHERE ns = %(ns)s") is None:
        raise ConfigurationError(f"there is no store in namespace {turn.namespace!r}")


async def _made(turn: Turn) -> bool:
    return await turn.row("SELECT to_regclass('aivideo_schema') IS NOT NULL") == (True,)


async def _require_known(turn: Turn) -> None:
    row = await turn.row("SELECT max(version) FROM aivideo_schema")
    version = row[0] if row else None
    if version != VERSION:
        raise ConfigurationError(f"version {version} of the tables in the database, this package knows {VERSION}")
