"""What a Redis store has in one loop: connections, a listener once somebody follows, and what closes them.

A loop that ends without the store having been closed cancels what runs in it, and that closes its connections too.
"""

from __future__ import annotations

import asyncio
import contextlib

from aivideo_async.core.errors import StoreError
from aivideo_async.stores.feeds import Subscription
from aivideo_async.stores.redis_connections import Connections
from aivideo_async.stores.redis_link import Address
from aivideo_async.stores.redis_listener import Listener
from aivideo_async.supervise import Supervisor


class Branch:
    """One loop's part of a store; everything but ``dismiss_soon`` is called in that loop."""

    def __init__(self, address: Address, *, timeout: float, users: int = 0) -> None:
        self.users = users
        self.connections: Connections = Connections(address, timeout=timeout)
        self._listener = Listener(address, self.connections)
        self._loop = asyncio.get_running_loop()
        self._dismissed = asyncio.Event()
        self._starting = asyncio.Lock()
        self._supervisor: Supervisor | None = None
        self._listening: asyncio.Task[None] | None = None

    @property
    def followed(self) -> bool:
        """Whether somebody follows changes in this loop."""
        return self._listener.followed

    @property
    def closed(self) -> bool:
        """Whether its connections are closed for good."""
        return self._dismissed.is_set()

    async def start(self) -> None:
        """Make sure that the connections are closed in the end. Raises StoreError when they are closed already."""
        if self._dismissed.is_set():
            raise StoreError("the store was closed")
        if self._supervisor is None:
            async with self._starting:
                await self._supervise()

    async def _supervise(self) -> None:
        if self._supervisor is None:
            supervisor = Supervisor("a Redis store")
            await supervisor.start()
            supervisor.spawn(self._close_in_the_end)
            self._supervisor = supervisor

    async def follow(self, follower: Subscription) -> None:
        """Tell the follower of every change from now on. Raises StoreError when changes cannot be seen at present."""
        await self.start()
        if self._listening is None and self._supervisor is not None:
            self._listening = self._supervisor.spawn(self._listener.run)
        await self._listener.follow(follower)

    def unfollow(self, follower: Subscription) -> None:
        """Tell it no more."""
        self._listener.unfollow(follower)

    async def close(self) -> None:
        """Close the connections, and tell whoever follows to look around. Cancelling it closes them all the same."""
        self._dismiss()
        if self._supervisor is not None:
            await self._supervisor.stop()

    def dismiss_soon(self) -> None:
        """Make it close itself; called from another loop."""
        with contextlib.suppress(RuntimeError):  # that loop is closed, and with it all of this
            self._loop.call_soon_threadsafe(self._dismiss)

    def _dismiss(self) -> None:
        self._listener.dismiss()
        self._dismissed.set()

    async def _close_in_the_end(self) -> None:
        try:
            await self._dismissed.wait()
        finally:
            self._dismiss()
            if self._listening is not None:
                self._listening.cancel()
            await self.connections.close()
