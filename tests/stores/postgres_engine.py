"""A PostgreSQL for tests, by namespaces: what connects to it, looks into it, and stands between."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Self

from psycopg.conninfo import conninfo_to_dict

from aivideo_async.stores.base import Store
from aivideo_async.stores.postgres import PostgresStore
from aivideo_async.stores.postgres_schema import channel_of
from aivideo_async.stores.postgres_server import Connection, Server
from tests.doubles import ManualClock
from tests.engines.postgres import shared_url


def with_options(url: str, **options: str) -> str:
    """The URL with further options."""
    added = "&".join(f"{name}={value}" for name, value in options.items())
    return f"{url}{'&' if '?' in url else '?'}{added}"


def fresh_url(url: str | None = None) -> str:
    """A namespace that nobody else uses, on the shared server or at ``url``."""
    return with_options(url or shared_url(), namespace=secrets.token_hex(8))


class PostgresEngine:
    """One namespace: every connection is a store of its own, as it would be on another host."""

    def __init__(self, url: str) -> None:
        self.clock = ManualClock()
        self.url = url

    def connect(self) -> AbstractAsyncContextManager[Store]:
        return PostgresStore(self.url, clock=self.clock)

    def now(self) -> float:
        return self.clock()

    async def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)


@asynccontextmanager
async def connected(url: str) -> AsyncGenerator[Connection]:
    """A connection beside the store, to look at what it keeps and to be in its way."""
    connection = await Server(url).connect()
    try:
        yield connection
    finally:
        await connection.close()


async def asked(url: str, query: str, *values: object) -> list[tuple[Any, ...]]:
    """What a query gives, beside the store."""
    async with connected(url) as connection:
        cursor = await connection.execute(query.encode(), values)
        return await cursor.fetchall() if cursor.description else []


async def terminate_listeners(url: str) -> int:
    """Cut the connections on which somebody listens in the namespace, and no others; how many."""
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = %s"
    return len(await asked(url, ended, f"LISTEN {channel_of(Server(url).namespace)}"))


class Bouncer:
    """Passes everything on to the server, except for its notifications, as one that pools transactions.

    ``deaf`` and ``frozen``, which passes on nothing at all, may be changed at any time. ``url`` is where it listens.
    """

    def __init__(self, url: str) -> None:
        self._given = url
        given = conninfo_to_dict(Server(url)._conninfo)
        self._host, self._port = str(given["host"]), str(given["port"])
        self.deaf = True
        self.frozen = False
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """The server's URL, through here."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        url = self._given.replace(f"{self._host}:{self._port}", f"127.0.0.1:{port}")
        return with_options(url, sslmode="disable", gssencmode="disable")

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        assert self._server is not None
        self._server.close()
        self.drop()

    def drop(self) -> None:
        """Cut every connection."""
        for writer in self._writers:
            writer.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(self._host, int(self._port))
        self._writers |= {writer, to_server}
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forth(reader, to_server))
                group.create_task(self._back(from_server, writer))
        for end in (writer, to_server):
            end.close()
        self._writers -= {writer, to_server}

    async def _forth(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if not self.frozen:
                writer.write(data)
        raise ConnectionResetError

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readexactly(5)
            body = await reader.readexactly(int.from_bytes(head[1:]) - 4)
            if not (self.frozen or (self.deaf and head[:1] == b"A")):
                writer.write(head + body)
