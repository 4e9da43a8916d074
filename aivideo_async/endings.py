"""Endings for one consumer of a group, over every loss of the store's engine, for as long as the client is open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import TypeVar

from aivideo_async.core.errors import AIVideoError, ClientClosedError, EventsLostError, StoreError
from aivideo_async.stores.base import Delivery, Store
from aivideo_async.supervise import Supervisor

logger: logging.Logger = logging.getLogger(__name__)

T = TypeVar("T")

AGAIN_AFTER = 1.0


class Endings:
    """What ``store.events`` gives to one consumer of ``group``.

    An engine that is away is tried again every ``again_after`` seconds; what it had given and was not acknowledged it
    gives again.
    """

    def __init__(self, store: Store, group: str, supervisor: Supervisor, *, again_after: float = AGAIN_AFTER) -> None:
        self._store = store
        self._group = group
        self._supervisor = supervisor
        self._again_after = again_after
        self._events = store.events(group)

    async def next(self) -> Delivery:
        """The next ending. Raises EventsLostError, and ClientClosedError when the client closes meanwhile.

        Cancelling it takes none.
        """
        return await self._while_open(self._next)

    async def acknowledge(self, delivery: Delivery) -> None:
        """Never give it to the group again. Raises ClientClosedError; cancelling it leaves open whether it counts."""
        await self._while_open(lambda: self._acknowledge(delivery))

    async def _next(self) -> Delivery:
        while True:
            try:
                return await anext(self._events)
            except AIVideoError as error:
                self._events = self._store.events(self._group)  # one that has raised is at its end
                if not isinstance(error, StoreError) or isinstance(error, EventsLostError):
                    raise
                await self._pause("gives no endings", error)

    async def _acknowledge(self, delivery: Delivery) -> None:
        while True:
            try:
                return await delivery.ack()
            except StoreError as error:
                await self._pause("does not take an acknowledgement", error)

    async def _pause(self, what: str, error: StoreError) -> None:
        logger.warning("the store %s for the group %r, trying again: %s", what, self._group, error)
        await asyncio.sleep(self._again_after)

    async def _while_open(self, work: Callable[[], Coroutine[object, object, T]]) -> T:
        """Run it as a task of the client, which ends with the client; its errors are the caller's."""
        running = self._supervisor.spawn(_outcome, work)
        try:
            outcome = await running
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
            raise ClientClosedError("the client closed while it waited for an event") from None
        if isinstance(outcome, AIVideoError):
            raise outcome
        return outcome


async def _outcome(work: Callable[[], Coroutine[object, object, T]]) -> T | AIVideoError:
    try:
        return await work()
    except AIVideoError as error:
        return error
