"""The hints of one loop: a connection of its own that reads the log, and everybody who is told (stores.md §3)."""

from __future__ import annotations

import asyncio
import logging
from typing import cast

from aivideo_async.core.errors import StoreError
from aivideo_async.stores.feeds import Subscription
from aivideo_async.stores.redis_connections import Connections
from aivideo_async.stores.redis_link import Address, Link, Reply, translated_in_use

logger: logging.Logger = logging.getLogger(__name__)

BLOCK = 2.0
ANSWER_WITHIN = 3.0
READ_AT_ONCE = 1_000
RECONNECT_AFTER = 0.5


class Listener:
    """Follows the log of changes over every loss of its connection, and tells subscriptions of the running loop.

    After a loss everybody is told to read again. It never begins at ``$``: between two reads that would lose what came
    in the meantime; where it is, it knows by itself.
    """

    def __init__(self, address: Address, connections: Connections, *, reconnect_after: float = RECONNECT_AFTER) -> None:
        self._address = address
        self._connections = connections
        self._reconnect_after = reconnect_after
        self._log = f"{address.prefix}log"
        self._followers: set[Subscription] = set()
        self._cursor: bytes | str = "0-0"
        self._number = 0
        self._tried = asyncio.Event()
        self._error: StoreError | None = None
        self._was_heard = False

    @property
    def followed(self) -> bool:
        """Whether anybody wants to know."""
        return bool(self._followers)

    async def follow(self, follower: Subscription) -> None:
        """Tell the follower of every change from now on.

        Raises StoreError when the log cannot be read at present. Cancelling it is the same as not to have called it.
        """
        await self._tried.wait()
        if self._error is not None:
            raise self._error
        self._followers.add(follower)

    def unfollow(self, follower: Subscription) -> None:
        """Tell it no more."""
        self._followers.discard(follower)

    def dismiss(self) -> None:
        """Tell everybody to look around, and refuse whoever comes: the store was closed."""
        self._error = StoreError("the store was closed")
        self._tried.set()
        self._tell(None)

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                with translated_in_use(self._address):
                    await self._listen()
            except StoreError as error:
                self._lost(error)
            await asyncio.sleep(self._reconnect_after)

    def _lost(self, error: StoreError) -> None:
        if self._error is None:
            logger.warning("the hints of a Redis store do not arrive, trying again: %s", error)
        self._error = error
        self._tried.set()

    async def _listen(self) -> None:
        link = await self._connections.open()
        try:
            await self._begin(link)
            while True:
                await self._read(link)
        finally:
            await link.close()

    async def _begin(self, link: Link) -> None:
        async with asyncio.timeout(ANSWER_WITHIN):
            newest = await link.ask("XREVRANGE", self._log, "+", "-", "COUNT", 1)
        self._cursor, self._number = "0-0", 0
        self._advance(newest)
        if self._was_heard:
            self._tell(None)
            logger.warning("the hints of a Redis store arrive again")
        self._was_heard, self._error = True, None
        self._tried.set()

    async def _read(self, link: Link) -> None:
        words = ("XREAD", "BLOCK", round(BLOCK * 1000), "COUNT", READ_AT_ONCE, "STREAMS", self._log, self._cursor)
        async with asyncio.timeout(BLOCK + ANSWER_WITHIN):
            streams = await link.ask(*words)
        if streams is not None:
            ((_name, entries),) = cast("list[tuple[bytes, Reply]]", streams)
            for id in self._advance(entries):
                self._tell(id)

    def _advance(self, entries: Reply) -> list[str | None]:
        """The ids in some entries of the log, and ``None`` where entries between are missing: it was trimmed."""
        ids: list[str | None] = []
        for place, fields in cast("list[tuple[bytes, list[bytes]]]", entries):
            known = dict(zip(fields[::2], fields[1::2], strict=True))
            id, number = known.get(b"id"), known.get(b"n", b"")
            if id is None or not number.isdigit() or int(number) != self._number + 1:
                ids.append(None)
            if id is not None:
                ids.append(id.decode(errors="replace"))
            self._cursor, self._number = place, int(number) if number.isdigit() else 0
        return ids

    def _tell(self, id: str | None) -> None:
        running = asyncio.get_running_loop()
        for follower in tuple(self._followers):
            follower.tell(id, running)
