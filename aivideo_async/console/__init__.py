"""The console: pages that show tasks, their timelines, callbacks, requests and credits, and try requests.

It reads a ``Source``: the sandbox's engine, or any store, read-only::

    app.add_subapp("/console", subapp(Console(StoreSource(store))))                            # aiohttp
    app.mount("/console", AsgiConsole(Console(StoreSource(store), hosts=["ops.example.com"], token=TOKEN)))

No build step, no foreign assets; scripts and styles only by a nonce; off loopback only with a token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aivideo_async.console.mounting import AsgiConsole, serving, subapp
from aivideo_async.console.pages import Console
from aivideo_async.console.source import Source

if TYPE_CHECKING:
    from aivideo_async.console.store_source import StoreSource

__all__ = ["AsgiConsole", "Console", "Source", "StoreSource", "serving", "subapp"]


def __getattr__(name: str) -> object:
    """Stores bring the client's transport with them, which the sandbox's console has no use for."""
    if name != "StoreSource":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from aivideo_async.console.store_source import StoreSource

    return StoreSource
