"""Hints of what changed in PostgreSQL, on a connection of its own (stores.md §4).

A bouncer that pools transactions takes LISTEN and never delivers anything, without an error. So what is listened to is
probed first, from another connection: notified from its own, even a bouncer's would hear it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from contextlib import aclosing

from aivideo_async.core.errors import StoreError
from aivideo_async.stores.feeds import Subscription
from aivideo_async.stores.postgres_pool import Pool
from aivideo_async.stores.postgres_schema import Turn, channel_of
from aivideo_async.stores.postgres_server import Connection, Server, cut, cut_after, ours

logger: logging.Logger = logging.getLogger(__name__)

SILENCE = 15.0
ANSWER = 2.0
READ_EVERY = 1.0
READS_PER_PROBE = 30
RECONNECT_AFTER = 0.5
_PROBE = "probe:"


class Listener:
    """Listens while the store is open, over every loss of its connection, and tells whoever follows.

    After ``silence`` seconds without a word it is asked whether the server is still there; ``answer`` seconds are
    given for that, and for a probe to arrive. Where none arrives, everybody is told to read again every ``read_every``
    seconds, and after ``reads_per_probe`` times another one is sent. A lost connection is made anew after
    ``reconnect_after`` seconds.
    """

    def __init__(
        self,
        server: Server,
        pool: Pool,
        *,
        silence: float = SILENCE,
        answer: float = ANSWER,
        read_every: float = READ_EVERY,
        reads_per_probe: int = READS_PER_PROBE,
        reconnect_after: float = RECONNECT_AFTER,
    ) -> None:
        self._server = server
        self._pool = pool
        self._silence = silence
        self._answer = answer
        self._read_every = read_every
        self._reads_per_probe = reads_per_probe
        self._reconnect_after = reconnect_after
        self._channel = channel_of(server.namespace)
        self._followers: set[Subscription] = set()
        self._connection: Connection | None = None
        self._closing = asyncio.Event()
        self._tried: asyncio.Future[Exception | None] | None = None
        self._heard = self._was_heard = False
        self._warned = False

    async def follow(self, follower: Subscription) -> None:
        """Tell the follower of every change from now on. Raises StoreError when the server cannot be reached."""
        self._followers.add(follower)
        error: Exception | None = StoreError("nobody waits any longer")
        try:
            error = await asyncio.shield(self._attempt())
        finally:
            if error is not None:
                self._followers.discard(follower)
        if error is not None:
            raise error

    def unfollow(self, follower: Subscription) -> None:
        """Tell it no more."""
        self._followers.discard(follower)

    def _attempt(self) -> asyncio.Future[Exception | None]:
        """What became of the attempt to listen that is under way, ``None`` when it listens."""
        if self._tried is None:
            self._tried = asyncio.get_running_loop().create_future()
            if self._closing.is_set():
                self._tried.set_result(StoreError("the store was closed"))
        return self._tried

    def _attempted(self, error: Exception | None) -> None:
        attempt = self._attempt()
        if not attempt.done():
            attempt.set_result(error)
        if error is not None:
            self._tried = None

    async def run(self) -> None:
        """Listen until ``close``."""
        while not self._closing.is_set():
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001 - nothing may end it; who follows is told when it is back
                error = ours(error)
                if not self._closing.is_set():
                    level = logging.WARNING if self._heard else logging.DEBUG  # once for each loss
                    logger.log(level, "changes in PostgreSQL do not arrive, trying again: %s", error)
                self._heard = False
                self._attempted(error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._reconnect_after):
                    await self._closing.wait()
        self._attempted(StoreError("the store was closed"))
        self._tell(None)

    def close(self) -> None:
        """Make ``run`` end, at the latest when connecting takes too long."""
        self._closing.set()
        if self._connection is not None:
            cut(self._connection)

    async def _listen(self) -> None:
        connection = await self._server.connect()
        self._connection = connection
        try:
            if self._closing.is_set():
                return
            with cut_after(connection, self._answer):
                await connection.execute(f"LISTEN {self._channel}".encode())
            hears = await self._probe(connection)
            self._attempted(None)
            if self._was_heard:
                self._tell(None)
            self._heard = self._was_heard = True
            while True:
                hears = await self._hear(connection) if hears else await self._read_again(connection)
        finally:
            self._connection = None
            if self._attempt().done():
                self._tried = None
            await connection.close()

    async def _probe(self, connection: Connection) -> bool:
        """Whether notifications arrive."""
        word = f"{_PROBE}{secrets.token_hex(8)}"

        async def notify(turn: Turn) -> None:
            await turn.run("SELECT pg_notify(%(channel)s, %(word)s)", channel=self._channel, word=word)

        await self._pool.run(notify)
        if await self._pass_on(connection, self._answer, until=word):
            return True
        if not self._warned:
            self._warned = True
            logger.warning(
                "PostgreSQL's notifications do not arrive, as behind a bouncer that pools transactions: "
                "what is awaited is read every %g s instead; a direct connection is better",
                self._read_every,
            )
        return False

    async def _hear(self, connection: Connection) -> bool:
        await self._pass_on(connection, self._silence)
        with cut_after(connection, self._answer):
            await connection.execute("SELECT 1")
        return True

    async def _read_again(self, connection: Connection) -> bool:
        for _ in range(self._reads_per_probe):
            if await self._pass_on(connection, self._read_every):
                break
            self._tell(None)
        hears = await self._probe(connection)
        self._tell(None)  # what came together with the probe was not passed on
        return hears

    async def _pass_on(self, connection: Connection, seconds: float, *, until: str | None = None) -> bool:
        """Tell everybody of what arrives within so many seconds, or until a word does; whether a probe did."""
        heard = False
        async with aclosing(connection.notifies(timeout=seconds)) as notifications:
            async for notification in notifications:
                if not notification.payload.startswith(_PROBE):
                    self._tell(notification.payload)
                    continue
                heard = True
                if notification.payload == until:
                    break
        return heard

    def _tell(self, id: str | None) -> None:
        """Collect it for every follower; who follows in a loop that is closed does so no longer."""
        for follower in tuple(self._followers):
            if not follower.tell(id, None):
                self._followers.discard(follower)
