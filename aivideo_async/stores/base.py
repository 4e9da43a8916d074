"""What a store promises (flow.md §10).

A store is a durable cache of what the service knows. ``put`` merges atomically, notifications are only hints, and
leases run on the engine's clock. Every method raises StoreError when the engine cannot be reached; what was stored
before stays as it was.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, Self

from aivideo_async.core.models import NOTHING, TaskRecord


@dataclass(frozen=True, slots=True)
class Put:
    """What became of a ``put``.

    ``record`` is what the store holds now, ``changed`` whether the put brought anything new, ``won`` whether it was
    the first to bring this ending. A ``record`` with another id than the one that was put holds the same key or the
    same service id, and nothing was stored.
    """

    record: TaskRecord
    changed: bool
    won: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which records ``scan`` gives, newest first. Every condition must hold; ``limit`` bounds their number."""

    unfinished: bool = False
    origin: str | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    limit: int | None = None

    def matches(self, record: TaskRecord, *, ended: bool) -> bool:
        """Whether the record is meant; ``ended`` says whether its status is an ending."""
        return (
            not (self.unfinished and ended)
            and self.origin in (None, record.origin)
            and all(record.labels.get(name) == value for name, value in self.labels.items())
        )


class Delivery(Protocol):
    """One ending, given to one consumer of a group. Without ``ack`` it is given again later."""

    @property
    def record(self) -> TaskRecord:
        """The task as it ended."""
        ...

    async def ack(self) -> None:
        """Never give it to this group again."""
        ...


class Store(Protocol):
    """Where records are kept. ``async with`` opens and closes it; who opens closes.

    ``aivideo_async.store_contract`` holds the tests of what is promised here, for a store of your own.
    """

    @property
    def opened(self) -> bool:
        """Whether it is open."""
        ...

    @property
    def durable(self) -> bool:
        """Whether records outlive the process."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc_info: object) -> None: ...

    async def put(self, record: TaskRecord, /) -> Put:
        """Merge the record into what is held of its id, atomically, and hint at it.

        A key goes to the first record that brings it, and on to another only when ``lifecycle.frees_key`` says so.
        """
        ...

    async def get(self, ids: Collection[str], /) -> Mapping[str, TaskRecord]:
        """The records by our id, the service's id or a key, under the names that were asked for; unknown ones lack."""
        ...

    def scan(self, query: Query, /) -> AsyncIterator[TaskRecord]:
        """The records that match, newest first. What changes meanwhile may or may not be seen."""
        ...

    async def claim(self, origin: str, limit: int, lease: float, /) -> Sequence[TaskRecord]:
        """Up to ``limit`` records of ``origin`` that are due and ``lifecycle.claimable``, the longest overdue first.

        Each is given to one caller only: its next check moves to ``lease`` seconds from now on the engine's clock.
        """
        ...

    async def due(self, id: str, delay: float, /) -> None:
        """Set the next check to ``delay`` seconds from now on the engine's clock.

        No-op for unknown tasks and for those that the service has ended.
        """
        ...

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[frozenset[str]]]:
        """Hints: our ids of records that changed. An empty set means: something was missed, read again."""
        ...

    def events(self, group: str, /) -> AsyncIterator[Delivery]:
        """Every ending, at least once, each to one consumer of the group."""
        ...

    async def prune(self, before: datetime, /) -> int:
        """Forget tasks that ended before; returns how many."""
        ...

    async def note(self, name: str, value: str | None = None, /) -> str | None:
        """Keep a value under a name, or, without a value, give what is kept. An empty value is forgotten."""
        ...
