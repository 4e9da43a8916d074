"""Where records are kept: ``open_store`` gives a store for a URL."""

from __future__ import annotations

from collections.abc import Callable

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.stores.base import Delivery, Put, Query, Store
from aivideo_async.stores.memory import MemoryStore

__all__ = ["Delivery", "MemoryStore", "Put", "Query", "Store", "open_store"]


def open_store(url: str) -> Store:
    """A store for ``url``, not opened yet: ``async with open_store("sqlite:///aivideo.db") as store``.

    ``memory:`` is the process's own, ``sqlite:///relative.db`` and ``sqlite:////absolute.db`` are files,
    ``redis://[user:password@]host:port/database?namespace=name`` is a namespace of a Redis or Valkey, and
    ``postgresql://user:password@host/database?namespace=name`` one of a PostgreSQL. Nothing is opened or looked up yet.
    Raises ConfigurationError for what names no store, and for one whose extra is missing; the message holds no more of
    the URL than its scheme.
    """
    scheme, colon, _ = url.partition(":")
    maker = _MAKERS.get(scheme.lower()) if colon else None
    if maker is None:
        known = f"begins with {scheme}:" if colon and scheme.isalnum() else "has no scheme"
        raise ConfigurationError(f"no store is known whose URL {known}", hint=", ".join(f"{name}:" for name in _MAKERS))
    return maker(url)


def _memory(url: str) -> Store:
    if url.partition(":")[2] not in ("", "//"):
        raise ConfigurationError("a memory store has no name: nobody else could open it by one", hint="memory:")
    return MemoryStore()


def _sqlite(url: str) -> Store:
    from aivideo_async.stores.sqlite import SqliteStore

    return SqliteStore.from_url(url)


def _redis(url: str) -> Store:
    try:
        from aivideo_async.stores.redis import RedisStore
    except ModuleNotFoundError as error:
        raise ConfigurationError("a Redis store needs an extra", hint="pip install 'aivideo-async[redis]'") from error
    return RedisStore.from_url(url)


def _postgres(url: str) -> Store:
    try:
        from aivideo_async.stores.postgres import PostgresStore
    except ImportError as error:  # psycopg is there, but no libpq, is one of them too
        raise ConfigurationError(
            f"a PostgreSQL store needs the extra 'postgres': {error}", hint="pip install 'aivideo-async[postgres]'"
        ) from error
    return PostgresStore.from_url(url)


_MAKERS: dict[str, Callable[[str], Store]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "redis": _redis,
    "rediss": _redis,
    "unix": _redis,
    "postgresql": _postgres,
    "postgres": _postgres,
}
"""What makes the store for a scheme; each imports its engine only when it is wanted."""
