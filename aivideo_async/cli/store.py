"""Where the commands keep their records: AIVIDEO_STORE, or else a file in the user's state directory.

One process submits and another waits, so what the commands do by themselves outlives them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aivideo_async.core.errors import ConfigurationError, StoreError
from aivideo_async.stores import Store, open_store

STORE = "AIVIDEO_STORE"
ELSEWHERE = f"{STORE} names another place; memory: is none, and forgets when the command ends"

_FILE = Path("aivideo", "aivideo.db")


def named() -> str | None:
    """The store that the environment names."""
    return os.environ.get(STORE) or None


def state_file(environment: Mapping[str, str], platform: str = sys.platform) -> Path:
    """The file of the commands' own store: in ``$XDG_STATE_HOME``, or where the platform keeps such things.

    Raises ConfigurationError where there is no home.
    """
    chosen = Path(environment.get("XDG_STATE_HOME", ""))
    if chosen.is_absolute():
        return chosen / _FILE
    local = Path(environment.get("LOCALAPPDATA", ""))
    if platform == "win32" and local.is_absolute():
        return local / _FILE
    try:
        home = Path.home()
    except RuntimeError as error:
        raise ConfigurationError("there is no home directory to keep records in", hint=ELSEWHERE) from error
    usual = {"darwin": Path("Library", "Application Support"), "win32": Path("AppData", "Local")}
    return home / usual.get(platform, Path(".local", "state")) / _FILE


@asynccontextmanager
async def opened_store(given: str | None = None, *, read_only: bool = False) -> AsyncGenerator[Store]:
    """The store at a URL, or else the commands' own, open while the block runs.

    Raises ConfigurationError, also where there is none and it is to be ``read_only``, and StoreError.
    """
    url = given or named()
    store = _own(read_only=read_only) if url is None else open_store(url, read_only=read_only)
    try:
        await store.__aenter__()
    except (ConfigurationError, StoreError) as error:
        if url is None and not read_only:
            error.hint = ELSEWHERE
        raise
    try:
        yield store
    finally:
        await store.__aexit__(None, None, None)


def _own(*, read_only: bool) -> Store:
    from aivideo_async.stores.reading import ReadingStore
    from aivideo_async.stores.sqlite import SqliteStore

    store = SqliteStore(state_file(os.environ), read_only=read_only)
    return ReadingStore(store) if read_only else store
