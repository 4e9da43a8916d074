"""The connections of one loop to an engine: commands over them, with time limits and another try (stores.md §3).

Everything that is asked may be asked twice: a put knows its own write again, and the rest says the same again.
"""

from __future__ import annotations

import asyncio
import logging
import random

from aivideo_async.core.errors import StoreError
from aivideo_async.stores.redis_link import Address, Link, Reply, Word, is_away, is_unknown_script
from aivideo_async.stores.redis_lua import Script

logger: logging.Logger = logging.getLogger(__name__)

TIMEOUT = 2.0
RETRIES = 3
PATIENCE = 10.0
PAUSE = 0.05
AT_ONCE = 16


class Connections:
    """Up to 16 connections, made when they are needed, for commands from one loop.

    A command has ``timeout`` seconds for each of four attempts, and ``patience`` seconds for all of them together with
    the wait for a free connection.
    """

    def __init__(self, address: Address, *, timeout: float = TIMEOUT, patience: float = PATIENCE) -> None:
        self._address = address
        self._timeout = timeout
        self._patience = patience
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._idle: list[Link] = []
        self._closed = False

    async def run(self, script: Script, *words: Word) -> Reply:
        """Run a script on the namespace. Raises foreign errors. When it is cancelled, it may have run or not."""
        arguments = (1, self._address.prefix, *words)
        return await self._patiently(("EVALSHA", script.sha, *arguments), ("EVAL", script.text, *arguments))

    async def ask(self, *words: Word) -> Reply:
        """Run a command. Raises foreign errors. When it is cancelled, it may have run or not."""
        return await self._patiently(words, None)

    async def open(self) -> Link:
        """A connection of one's own. Raises foreign errors."""
        async with asyncio.timeout(self._timeout):
            return await Link.open(self._address)

    async def close(self) -> None:
        """Close what nobody uses, and let no command begin; those that have begun end, and close theirs.

        May be called again.
        """
        self._closed = True
        await self._drop_idle()

    async def _patiently(self, words: tuple[Word, ...], otherwise: tuple[Word, ...] | None) -> Reply:
        async with asyncio.timeout(self._patience), self._slots:
            return await self._again_and_again(words, otherwise)

    async def _again_and_again(self, words: tuple[Word, ...], otherwise: tuple[Word, ...] | None) -> Reply:
        for attempt in range(RETRIES):
            try:
                return await self._once(words, otherwise)
            except Exception as error:
                if not is_away(error):
                    raise
                logger.debug("%s: attempt %d: %s", self._address, attempt + 1, error)
                await self._drop_idle()  # the others are probably as dead
            await asyncio.sleep(PAUSE * 2**attempt * (0.5 + random.random()))  # noqa: S311 - not a secret
        return await self._once(words, otherwise)

    async def _once(self, words: tuple[Word, ...], otherwise: tuple[Word, ...] | None) -> Reply:
        self._require_open()
        async with asyncio.timeout(self._timeout):
            link = self._idle.pop() if self._idle else await Link.open(self._address)
            try:
                return await self._answer(link, words, otherwise)
            finally:
                if self._closed:
                    await link.close()
                elif link.usable:
                    self._idle.append(link)

    def _require_open(self) -> None:
        if self._closed:
            raise StoreError("the store was closed")

    async def _answer(self, link: Link, words: tuple[Word, ...], otherwise: tuple[Word, ...] | None) -> Reply:
        try:
            return await link.ask(*words)
        except Exception as error:
            if otherwise is None or not is_unknown_script(error):
                raise
        return await link.ask(*otherwise)

    async def _drop_idle(self) -> None:
        links, self._idle = self._idle, []
        for link in links:
            await link.close()
