"""Another process on the same file: ``python -m tests.stores.sqlite_process WHAT PATH [NAME]``."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aivideo_async.core.errors import AIVideoError
from aivideo_async.stores.sqlite import SqliteStore
from tests.stores.made import intent

ROOT = Path(__file__).parents[2]
NOBODY = 65_534
KEYS = 200


@asynccontextmanager
async def another_process(what: str, path: Path, *names: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    """The process, its standard output to be read; killed when the block ends and it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__, what, str(path), *names), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def output_of(what: str, path: Path, *names: str) -> list[str]:
    """What the process printed, by lines, once it has ended by itself and well."""
    async with another_process(what, path, *names) as process:
        out, _ = await process.communicate()
        assert process.returncode == 0
    return out.decode().splitlines()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def submit_the_same_keys(path: str, name: str) -> None:
    """Which task holds each key."""
    async with SqliteStore(path) as store:

        async def submit(first: int) -> None:
            for number in range(first, KEYS, 10):
                put = await store.put(intent(f"av_{name}_{number}", time.time(), key=f"order-{number}"))
                say(f"order-{number} {put.record.id}")

        await asyncio.gather(*(submit(first) for first in range(10)))


async def put_until_killed(path: str, name: str) -> None:
    """Ids, each once its put was acknowledged."""
    async with SqliteStore(path) as store:

        async def put(writer: int) -> None:
            for number in range(1_000_000):
                record = (await store.put(intent(f"av_{name}_{writer}_{number}", time.time()))).record
                say(record.id)

        await asyncio.gather(*(put(writer) for writer in range(10)))


async def follow(path: str) -> None:
    """A line when it follows, and the ids of the first change."""
    async with SqliteStore(path) as store, store.changes() as changes:
        say("following")
        say(" ".join(await anext(changes)))


async def never_close(path: str) -> None:
    """Ends with a store that is open, followed and has something to do."""
    store = await SqliteStore(path).__aenter__()
    await store.changes().__aenter__()
    unfinished = [asyncio.ensure_future(store.put(intent(f"av_{number}", time.time()))) for number in range(100)]
    await unfinished[0]
    say("open")


async def fork(path: str) -> None:
    """What a forked process is told, and whether its parent goes on."""
    async with SqliteStore(path) as store:
        child = os.fork()
        if child == 0:
            for attempt in (store.get(()), store.put(intent("av_child", time.time())), store.__aenter__()):
                try:
                    attempt.send(None)
                except AIVideoError as error:
                    say(f"{type(error).__name__}: {error}")
            store.__aexit__().close()
            os._exit(0)
        await asyncio.to_thread(os.waitpid, child, 0)
        say((await store.put(intent("av_parent", time.time()))).record.id)


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


WHAT: dict[str, Callable[..., Awaitable[None]]] = {
    "keys": submit_the_same_keys,
    "puts": put_until_killed,
    "follow": follow,
    "unclosed": never_close,
    "fork": fork,
    "full": fill_the_disk,
    "nobody": be_nobody,
}


async def main(what: str, *arguments: str) -> None:
    await WHAT[what](*arguments)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
