"""A store that is only looked at: whatever would change it is refused before its engine hears of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import NoReturn, Self

from aivideo_async.core.errors import StoreError
from aivideo_async.core.models import TaskRecord
from aivideo_async.stores.base import Delivery, Put, Query, Store


class ReadingStore:
    """Reads ``store``, which knows how to open itself without writing. ``put`` and its like raise StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def opened(self) -> bool:
        """Whether it is open."""
        return self._store.opened

    @property
    def durable(self) -> bool:
        """Whether records outlive the process."""
        return self._store.durable

    async def __aenter__(self) -> Self:
        await self._store.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._store.__aexit__(*exc_info)

    async def get(self, ids: Collection[str], /) -> Mapping[str, TaskRecord]:
        """See Store.get."""
        return await self._store.get(ids)

    def scan(self, query: Query, /) -> AsyncIterator[TaskRecord]:
        """See Store.scan."""
        return self._store.scan(query)

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[frozenset[str]]]:
        """See Store.changes."""
        return self._store.changes()

    async def note(self, name: str, value: str | None = None, /) -> str | None:
        """Give what is kept; see Store.note. Raises StoreError for a value to be kept."""
        return await self._store.note(name) if value is None else _refuse()

    async def put(self, record: TaskRecord, /) -> Put:  # noqa: ARG002 - it is a store's
        """Raises StoreError."""
        _refuse()

    async def claim(self, origin: str, limit: int, lease: float, /) -> Sequence[TaskRecord]:  # noqa: ARG002 - the same
        """Raises StoreError."""
        _refuse()

    async def due(self, id: str, delay: float, /) -> None:  # noqa: ARG002 - the same
        """Raises StoreError."""
        _refuse()

    def events(self, group: str, /) -> AsyncIterator[Delivery]:  # noqa: ARG002 - the same
        """Raises StoreError: who consumes endings leaves a mark of how far it came."""
        _refuse()

    async def prune(self, before: datetime, /) -> int:  # noqa: ARG002 - the same
        """Raises StoreError."""
        _refuse()


def _refuse() -> NoReturn:
    raise StoreError("this store was opened for reading only", hint="open_store(url)")
