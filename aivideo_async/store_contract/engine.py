"""What the contract needs of a store's engine, and how its tests are run: in a loop of their own, by no plugin."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import ClassVar, Protocol, TypeVar

from aivideo_async.core.models import TaskRecord
from aivideo_async.stores.base import Delivery, Query, Store

P = TypeVar("P", bound=type)

PATIENCE = 10.0
"""Seconds after which what should have come will not come any more."""
TEST_AT_MOST = 120.0
"""Seconds after which a test is given up, whatever it waits for."""


class Engine(Protocol):
    """Where the records of one test are kept. Nothing in it may belong to one event loop."""

    def connect(self) -> AbstractAsyncContextManager[Store]:
        """A store on these records, open while the block runs; several may be open at once, in several loops."""
        ...

    def now(self) -> float:
        """The engine's clock, in unix seconds."""
        ...

    async def advance(self, seconds: float) -> None:
        """Let that much time pass on the engine's clock."""
        ...


class ContractPart:
    """What every part of the contract knows.

    ``lease`` and ``event_lease`` (seconds) are what the tests claim for, and how long the store lends an ending.
    ``patience`` is how many seconds they wait for what the store has to tell.
    """

    lease: ClassVar[float] = 30.0
    event_lease: ClassVar[float] = 30.0
    patience: ClassVar[float] = PATIENCE


def in_a_loop_of_its_own(part: P) -> P:
    """Make plain functions of the coroutine functions ``test_…`` of a class, so that they need no plugin to run.

    Whether a project has pytest-asyncio in either mode, anyio's plugin or none then makes no difference. What a test
    calls ``store`` is no fixture: it is connected to the fixture ``engine`` in the test's own loop.
    """
    for name, test in tuple(vars(part).items()):
        if name.startswith("test_") and inspect.iscoroutinefunction(test):
            setattr(part, name, _plain(test))
    return part


def _plain(test: Callable[..., Coroutine[object, object, None]]) -> Callable[..., None]:
    signature = inspect.signature(test)
    fixtures = [parameter for name, parameter in signature.parameters.items() if name != "store"]
    connected = len(fixtures) < len(signature.parameters)

    @functools.wraps(test)
    def plain(part: object, engine: Engine, **given: object) -> None:
        __tracebackhide__ = True

        async def run() -> None:
            __tracebackhide__ = True
            async with asyncio.timeout(TEST_AT_MOST):
                if not connected:
                    return await test(part, engine=engine, **given)
                async with engine.connect() as store:
                    return await test(part, engine=engine, store=store, **given)

        # With a factory the runner leaves the thread's current loop alone: it may be another plugin's.
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            runner.run(run())

    plain.__signature__ = signature.replace(parameters=fixtures)  # type: ignore[attr-defined]
    return plain


@asynccontextmanager
async def consuming(store: Store, group: str) -> AsyncGenerator[AsyncIterator[Delivery]]:
    """One consumer of a group."""
    events = store.events(group)
    try:
        yield events
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()


async def taken(
    events: AsyncIterator[Delivery], count: int, *, ack: bool = True, patience: float = PATIENCE
) -> list[str]:
    """The ids of the next ``count`` endings. Raises TimeoutError after ``patience`` seconds."""
    ids: list[str] = []
    async with asyncio.timeout(patience):
        for _ in range(count):
            delivery = await anext(events)
            ids.append(delivery.record.id)
            if ack:
                await delivery.ack()
    return ids


async def scanned(store: Store, query: Query) -> list[str]:
    """The ids of what a scan gives, in its order."""
    return [record.id async for record in store.scan(query)]


async def record_in(store: Store, name: str) -> TaskRecord:
    """The record that the store gives by an id or a key. Raises KeyError."""
    return (await store.get((name,)))[name]
