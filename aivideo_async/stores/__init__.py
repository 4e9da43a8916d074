"""Where records are kept: ``open_store`` gives a store for a URL."""

from __future__ import annotations

from collections.abc import Callable

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.stores.base import Delivery, Put, Query, Store
from aivideo_async.stores.memory import MemoryStore
from aivideo_async.stores.reading import ReadingStore

__all__ = ["Delivery", "MemoryStore", "Put", "Query", "Store", "open_store"]


def open_store(url: str, *, read_only: bool = False) -> Store:
    """A store for ``url``, not opened yet: ``async with open_store("sqlite:///aivideo.db") as store``.

    ``memory:`` is the process's own, ``sqlite:///relative.db`` and ``sqlite:////absolute.db`` are files,
    ``redis://[user:password@]host:port/database?namespace=name`` is a namespace of a Redis or Valkey, and
    ``postgresql://user:password@host/database?namespace=name`` one of a PostgreSQL. Nothing is opened or looked up yet.
    One that is ``read_only`` is there already, and is not written to: opening it needs no right to write and makes
    nothing, ``put`` and its like raise StoreError, and one that is not there is a ConfigurationError when it is opened.
    Raises ConfigurationError for what names no store, and for one whose extra is missing; the message holds no more of
    the URL than its scheme.
    """
    scheme, colon, _ = url.partition(":")
    maker = _MAKERS.get(scheme.lower()) if colon else None
    if maker is None:
        known = f"begins with {scheme}:" if colon and scheme.isalnum() else "has no scheme"
        raise ConfigurationError(f"no store is known whose URL {known}", hint=", ".join(f"{name}:" for name in _MAKERS))
    store = maker(url, read_only)
    return ReadingStore(store) if read_only else store


def _memory(url: str, read_only: bool) -> Store:  # noqa: ARG001 - there is nothing to be made
    if url.partition(":")[2] not in ("", "//"):
        raise ConfigurationError("a memory store has no name: nobody else could open it by one", hint="memory:")
    return MemoryStore()


def _sqlite(url: str, read_only: bool) -> Store:
    from aivideo_async.stores.sqlite import SqliteStore

    return SqliteStore.from_url(url, read_only=read_only)


def _redis(url: str, read_only: bool) -> Store:
    try:
        from aivideo_async.stores.redis import RedisStore
    except ModuleNotFoundError as error:
        raise ConfigurationError("a Redis store needs an extra", hint="pip install 'aivideo-async[redis]'") from error
    return RedisStore.from_url(url, read_only=read_only)


def _postgres(url: str, read_only: bool) -> Store:
    try:
        from aivideo_async.stores.postgres import PostgresStore
    except ImportError as error:  # psycopg is there, but no libpq, is one of them too
        raise ConfigurationError(
            f"a PostgreSQL store needs the extra 'postgres': {error}", hint="pip install 'aivideo-async[postgres]'"
        ) from error
    return PostgresStore.from_url(url, read_only=read_only)


_MAKERS: dict[str, Callable[[str, bool], Store]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "redis": _redis,
    "rediss": _redis,
    "unix": _redis,
    "postgresql": _postgres,
    "postgres": _postgres,
}
"""What makes the store for a scheme; each imports its engine only when it is wanted."""
