"""News for a page that is open: Server-Sent Events that say only that something changed, and what the state is called.

The name of the state is the event's id. A page that was away comes back with it as ``Last-Event-ID``, and is told at
once if it missed anything. What changed it reads from the page itself, so that there is one way to draw it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

from aivideo_async.console.source import Source

RETRY = 1500
"""Milliseconds after which a page that lost its connection comes back."""
AT_MOST = 64
"""Pages that are open at once."""


async def news(source: Source, since: str) -> AsyncGenerator[bytes]:
    """The events from the state ``since`` on. Cancelling it ends it. Raises StoreError."""
    yield f"retry: {RETRY}\n\n".encode()
    last = since
    async with aclosing(cast("AsyncGenerator[str]", source.revisions(since))) as revisions:
        async for revision in revisions:
            if revision == last:
                yield b": here\n\n"
            else:
                last = revision
                yield f"id: {revision}\nevent: change\ndata: {revision}\n\n".encode()
