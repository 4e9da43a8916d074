"""A namespace of its own for each test, and a way to ask the engine itself."""

from __future__ import annotations

import secrets
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

from aivideo_async.stores.base import Store
from aivideo_async.stores.redis import RedisStore
from aivideo_async.stores.redis_link import Address, Link
from tests.doubles import ManualClock


def fresh(url: str) -> Address:
    """A namespace that nobody uses."""
    return replace(Address.parse(url), namespace=f"test-{secrets.token_hex(6)}")


async def engine_says(address: Address, *words: str | bytes | int) -> Any:  # noqa: ANN401 - whatever it says
    """What the engine answers to a command, as it says it, over a connection of its own."""
    link = await Link.open(address)
    try:
        return await link.ask(*words)
    finally:
        await link.close()


async def keys_of(address: Address) -> set[str]:
    """Every key that the namespace has."""
    pattern = address.prefix.replace("{", "\\{").replace("}", "\\}") + "*"
    keys: list[bytes] = await engine_says(address, "KEYS", pattern)
    return {key.decode() for key in keys}


class RedisEngine:
    """One namespace: every connection is a store of its own, as it would be in another process."""

    def __init__(self, url: str) -> None:
        self.clock = ManualClock()
        self.address = fresh(url)

    def connect(self) -> AbstractAsyncContextManager[Store]:
        return RedisStore(self.address, clock=self.clock)

    def now(self) -> float:
        return self.clock()

    async def advance(self, seconds: float) -> None:
        """Time passes for the store's own clock, and for what groups of consumers were given."""
        self.clock.advance(seconds)
        events = f"{self.address.prefix}events"
        if not await engine_says(self.address, "EXISTS", events):
            return
        for _, name, *_ in await engine_says(self.address, "XINFO", "GROUPS", events):
            for place, _, idle, _ in await engine_says(self.address, "XPENDING", events, name, "-", "+", 1_000):
                later = idle + round(seconds * 1e3)
                await engine_says(self.address, "XCLAIM", events, name, "all", 0, place, "IDLE", later, "JUSTID")
