"""Another process on the same tables: ``python -m tests.stores.postgres_process WHAT URL [NAME]``."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aivideo_async.core.errors import AIVideoError
from aivideo_async.stores.postgres import PostgresStore
from tests.stores.made import intent

ROOT = Path(__file__).parents[2]
KEYS = 100


@asynccontextmanager
async def another_process(what: str, url: str, *names: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    """The process, its standard output to be read; killed when the block ends and it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__, what, url, *names), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def output_of(what: str, url: str, *names: str) -> list[str]:
    """What the process printed, by lines, once it has ended by itself and well."""
    async with another_process(what, url, *names) as process:
        out, _ = await process.communicate()
        assert process.returncode == 0
    return out.decode().splitlines()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def submit_the_same_keys(url: str, name: str) -> None:
    """Which task holds each key."""
    async with PostgresStore(url) as store:

        async def submit(first: int) -> None:
            for number in range(first, KEYS, 10):
                put = await store.put(intent(f"av_{name}_{number}", time.time(), key=f"order-{number}"))
                say(f"order-{number} {put.record.id}")

        await asyncio.gather(*(submit(first) for first in range(10)))


async def put_until_killed(url: str, name: str) -> None:
    """Ids, each once its put was acknowledged; what fails meanwhile is left out."""
    async with PostgresStore(url) as store:

        async def put(writer: int) -> None:
            for number in range(1_000_000):
                try:
                    say((await store.put(intent(f"av_{name}_{writer}_{number}", time.time()))).record.id)
                except AIVideoError:
                    await asyncio.sleep(0.01)

        await asyncio.gather(*(put(writer) for writer in range(10)))


async def never_close(url: str) -> None:
    """Ends with a store that is open, followed and has something to do."""
    store = await PostgresStore(url).__aenter__()
    await store.changes().__aenter__()
    unfinished = [asyncio.ensure_future(store.put(intent(f"av_{number}", time.time()))) for number in range(100)]
    await unfinished[0]
    say("open")


async def fork(url: str) -> None:
    """What a forked process is told, and whether its parent goes on."""
    async with PostgresStore(url) as store, store.changes() as changes:
        child = os.fork()
        if child == 0:
            for attempt in (store.get(()), store.get(("a",)), store.put(intent("av_child", 0.0)), store.__aenter__()):
                try:
                    attempt.send(None)
                except AIVideoError as error:
                    say(f"{type(error).__name__}: {error}")
                except StopIteration:
                    say("nothing asked for")
            store.__aexit__().close()
            os._exit(0)
        await asyncio.to_thread(os.waitpid, child, 0)
        say((await store.put(intent("av_parent", time.time()))).record.id)
        say(" ".join(await anext(changes)))


WHAT: dict[str, Callable[..., Awaitable[None]]] = {
    "keys": submit_the_same_keys,
    "puts": put_until_killed,
    "unclosed": never_close,
    "fork": fork,
}


async def main(what: str, *arguments: str) -> None:
    await WHAT[what](*arguments)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
