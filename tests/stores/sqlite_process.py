"""Another process on the same SQLite file: ``python -m tests.stores.sqlite_process WHAT PATH``."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from pathlib import Path

from aivideo_async.core.errors import AIVideoError
from aivideo_async.stores.sqlite import SqliteStore
from tests.stores.made import intent
from tests.stores.process import What, main, output_of, say

NOBODY = 65_534


async def output_over(what: str, path: Path) -> list[str]:
    """What the process printed, by lines, once it has ended by itself and well."""
    return await output_of(what, str(path), module=__name__)


async def fill_the_disk(path: str) -> None:
    """What a put says while the file may not grow, and what it holds afterwards."""
    async with SqliteStore(path) as store:
        await store.put(intent("av_before", time.time()))
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (Path(path).stat().st_size, hard))
        big = {"note": "x" * 100_000}
        results = await asyncio.gather(
            *(store.put(intent(f"av_full_{n}", time.time(), labels=big)) for n in range(3)), return_exceptions=True
        )
        for result in results:
            say(type(result).__name__)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        await store.put(intent("av_after", time.time(), labels=big))
        found = await store.get(("av_before", "av_full_0", "av_after"))
        say(" ".join(sorted(found)))


async def be_nobody(path: str) -> None:
    """What opening says to a user who may neither read, nor write, nor make a folder."""
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
    for file in ("unreadable.db", "read-only.db", "no-entry/new.db", "new/aivideo.db"):
        try:
            async with SqliteStore(Path(path) / file) as store:
                await store.put(intent("av_1", time.time()))
        except AIVideoError as error:
            say(f"{type(error).__name__}: {error}")


WHAT: dict[str, What] = {"full": fill_the_disk, "nobody": be_nobody}


if __name__ == "__main__":
    main(WHAT)
