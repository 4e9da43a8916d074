"""A few connections to PostgreSQL for one event loop, and turns on them that are repeated when that may help."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from aivideo_async.core.errors import StoreError
from aivideo_async.stores.postgres_schema import Turn
from aivideo_async.stores.postgres_server import Connection, Server, cut_after, gone, worth_repeating

T = TypeVar("T")

Work = Callable[[Turn], Awaitable[T]]

CONNECTIONS = 4
PATIENCE = 5.0
PAUSES = (0.0, 0.05, 0.2, 0.5)
"""Seconds before each further attempt."""


class Pool:
    """At most ``size`` connections, made when they are needed. ``clock`` is handed on to every turn.

    A turn, with all its attempts and with waiting for a connection, takes at most ``patience`` seconds. A connection
    that does not answer within them is cut, so that it holds up nobody else.
    """

    def __init__(
        self,
        server: Server,
        *,
        clock: Callable[[], float] | None = None,
        size: int = CONNECTIONS,
        patience: float = PATIENCE,
    ) -> None:
        self._server = server
        self._clock = clock
        self._patience = patience
        self._free = asyncio.Semaphore(size)
        self._idle: list[Connection] = []

    async def run(self, work: Work[T], *, locks: Sequence[int] | None = None, pauses: Sequence[float] = PAUSES) -> T:
        """Do ``work`` in a turn; with ``locks``, even with none, in a transaction that holds them.

        It is done again, after each of ``pauses`` (seconds), when a connection was lost or somebody else was in the
        way. Raises foreign errors, TimeoutError when the server does not answer in time, and StoreError when no
        connection becomes free.
        """
        deadline = asyncio.get_running_loop().time() + self._patience
        for pause in pauses:
            try:
                return await self._once(work, locks, deadline)
            except (psycopg.Error, OSError) as error:
                if isinstance(error, TimeoutError) or not worth_repeating(error) or self._left(deadline) <= pause:
                    raise
                await asyncio.sleep(pause)
        return await self._once(work, locks, deadline)

    @staticmethod
    def _left(deadline: float) -> float:
        return deadline - asyncio.get_running_loop().time()

    async def _once(self, work: Work[T], locks: Sequence[int] | None, deadline: float) -> T:
        async with self._connection(deadline) as connection:
            with cut_after(connection, self._left(deadline)):
                turn = Turn(connection, self._server.namespace, self._clock)
                if locks is None:
                    return await work(turn)
                try:
                    await turn.begin(locks)
                    done = await work(turn)
                    await connection.execute("COMMIT")
                except Exception:
                    if connection.info.transaction_status is not TransactionStatus.IDLE and not connection.closed:
                        with contextlib.suppress(psycopg.Error):
                            await connection.execute("ROLLBACK")
                    raise
                return done

    @asynccontextmanager
    async def _connection(self, deadline: float) -> AsyncGenerator[Connection]:
        try:
            async with asyncio.timeout_at(deadline):
                await self._free.acquire()
        except TimeoutError:
            raise StoreError("every connection to PostgreSQL is busy", retryable=True) from None
        try:
            connection = self._idle.pop() if self._idle else await self._server.connect(within=self._left(deadline))
            try:
                yield connection
            except BaseException as error:
                if gone(error) or isinstance(error, TimeoutError):
                    await self.close()  # the others are no better
                raise
            finally:
                await self._give_back(connection)
        finally:
            self._free.release()

    async def _give_back(self, connection: Connection) -> None:
        if connection.info.transaction_status is TransactionStatus.IDLE:
            self._idle.append(connection)
        else:
            await connection.close()

    async def close(self) -> None:
        """Close what is not in use."""
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()
