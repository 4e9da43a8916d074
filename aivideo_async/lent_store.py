"""The store as a receiver has it: opened when it is needed, and asked with which key callback URLs are minted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aivideo_async.core.errors import ConfigurationError, StoreError
from aivideo_async.core.tokens import CallbackKeys
from aivideo_async.stores.base import Store

logger: logging.Logger = logging.getLogger(__name__)

FINGERPRINT = "callback-key"
"""The note in which a client says which key mints."""
SUSPECT_AGAIN_AFTER = 60.0


class LentStore:
    """A store that may be open already, or is opened at the first need and then closed by ``close``.

    ``keys`` are the receiver's. ``clock`` gives seconds.
    """

    def __init__(self, store: Store, keys: CallbackKeys, clock: Callable[[], float]) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._opening: asyncio.Lock | None = None
        self._opened = False
        self._looked = False
        self._knows_minting_key = False
        self._suspect_again_at = float("-inf")

    async def open(self) -> None:
        """Open it unless it is, and look once who mints. Raises StoreError, ConfigurationError."""
        if not (self._opened or self._store.opened):
            self._opening = self._opening or asyncio.Lock()
            async with self._opening:
                if not self._opened:
                    await self._store.__aenter__()
                    self._opened = True
        await self._look()

    async def look_if_open(self) -> None:
        """Look once who mints, where that opens nothing. Raises StoreError."""
        if self._store.opened:
            await self._look()

    async def _look(self) -> None:
        if not self._looked:
            await self.check_fingerprint()
            self._looked = True

    async def check_fingerprint(self) -> None:
        """Say so when tokens are minted with a key that is not among ours: every callback would get 404."""
        minting = await self._store.note(FINGERPRINT)
        self._knows_minting_key = minting is not None
        if minting is not None and minting not in self._keys.fingerprints():
            logger.error("callback URLs are minted with key %s, which this receiver does not hold", minting)

    async def suspect_keys(self) -> None:
        """See whether a token is unknown since none of our keys mints: then no callback gets any further than this.

        Once a minute at most, until the store knows who mints. Never raises for a store that is away.
        """
        if self._knows_minting_key or self._clock() < self._suspect_again_at:
            return
        self._suspect_again_at = self._clock() + SUSPECT_AGAIN_AFTER
        self._looked = False
        try:
            await self.open()
        except (ConfigurationError, StoreError) as error:
            said = "a token is unknown, and the store does not tell with which key tokens are minted: %s"
            logger.warning(said, error)

    async def close(self) -> None:
        """Close it if it was opened here. Idempotent."""
        self._opening = None  # it belongs to the loop in which somebody waited for it
        if self._opened:
            self._opened = False
            await self._store.__aexit__(None, None, None)
