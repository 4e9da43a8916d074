"""Where records are kept: ``open_store`` gives a store for a URL."""

from __future__ import annotations

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.stores.base import Delivery, Put, Query, Store
from aivideo_async.stores.memory import MemoryStore

__all__ = ["Delivery", "MemoryStore", "Put", "Query", "Store", "open_store"]


def open_store(url: str) -> Store:
    """A store for ``url``, not opened yet: ``async with open_store("memory:") as store``.

    Raises ConfigurationError for what names no store; the message holds no more of the URL than its scheme.
    """
    scheme, colon, rest = url.partition(":")
    if colon and scheme.lower() == "memory":
        if rest not in ("", "//"):
            raise ConfigurationError("a memory store has no name: nobody else could open it by one", hint="memory:")
        return MemoryStore()
    known = f"begins with {scheme}:" if colon and scheme.isalnum() else "has no scheme"
    raise ConfigurationError(f"no store is known whose URL {known}", hint="memory:")
