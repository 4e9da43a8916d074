"""Where records are kept: ``open_store`` gives a store for a URL."""

from __future__ import annotations

from urllib.parse import urlsplit

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.stores.base import Delivery, Put, Query, Store
from aivideo_async.stores.memory import MemoryStore

__all__ = ["Delivery", "MemoryStore", "Put", "Query", "Store", "open_store"]


def open_store(url: str) -> Store:
    """A store for ``url``, not opened yet: ``async with open_store("memory:") as store``.

    Raises ConfigurationError for a scheme that nobody knows.
    """
    scheme = urlsplit(url).scheme
    if scheme == "memory":
        return MemoryStore()
    raise ConfigurationError(f"no store knows URLs that start with {scheme + ':' if scheme else url!r}", hint="memory:")
