"""``aivideo dashboard``: the console over a store, read-only, until it is interrupted."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import NoReturn

from aivideo_async.cli.output import Screen
from aivideo_async.cli.store import opened_store
from aivideo_async.console import Console, StoreSource, serving
from aivideo_async.console.guard import ANY_HOST
from aivideo_async.core.addresses import host_names, is_loopback

SHOWN = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is listened on, not a bind


async def dashboard(
    screen: Screen, *, url: str | None, host: str, port: int, token: str | None, hosts: Sequence[str] = ()
) -> NoReturn:
    """Serve until cancelled, which is its ordinary end. The address is printed once it listens.

    Without ``url`` it is the commands' store. ``hosts`` are names beside loopback under which it may be asked for; for
    them and off loopback a token is drawn where none is given. Raises OSError when it cannot listen, ConfigurationError
    and StoreError.
    """
    names = host_names(hosts)
    if token is None and (names or not is_loopback(host)):
        token = secrets.token_urlsafe()
    allowed = names if names and is_loopback(host) else (ANY_HOST,)
    async with opened_store(url, read_only=True) as store:
        console = Console(StoreSource(store), hosts=() if token is None else allowed, token=token)
        async with serving(console, host, port) as taken:
            shown = SHOWN.get(host, host)
            address = f"http://{f'[{shown}]' if ':' in shown else shown}:{taken}/console/"
            screen.line(address if token is None else f"{address}?token={token}")
            screen.object({"url": address, "token": token})
            screen.say("the dashboard reads the store and never writes to it; Ctrl-C ends it")
            while True:
                await asyncio.Event().wait()
