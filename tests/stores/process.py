"""Another process on the same store: ``python -m tests.stores.process WHAT URL [NAME]``."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aivideo_async.core.errors import AIVideoError
from aivideo_async.stores import open_store
from tests.stores.made import intent

ROOT = Path(__file__).parents[2]
KEYS = 200
WRITERS = 10

What = Callable[..., Awaitable[None]]


@asynccontextmanager
async def another_process(
    what: str, where: str, *names: str, module: str = __name__
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """The process, its standard output to be read; killed when the block ends and it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, what, where, *names), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def output_of(what: str, where: str, *names: str, module: str = __name__) -> list[str]:
    """What the process printed, by lines, once it has ended by itself and well."""
    async with another_process(what, where, *names, module=module) as process:
        out, _ = await process.communicate()
        assert process.returncode == 0
    return out.decode().splitlines()


async def output_until_killed(what: str, where: str, *names: str, after: int) -> list[str]:
    """Kill the process once it has printed ``after`` lines; every whole line that it had printed by then."""
    async with another_process(what, where, *names) as process:
        assert process.stdout is not None
        lines = [await process.stdout.readline() for _ in range(after)]
        process.kill()
        lines += (await process.stdout.read()).splitlines(keepends=True)
    return [line.decode().strip() for line in lines if line.endswith(b"\n")]


def say(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def submit_the_same_keys(url: str, name: str) -> None:
    """Which task holds each key."""
    async with open_store(url) as store:

        async def submit(first: int) -> None:
            for number in range(first, KEYS, WRITERS):
                put = await store.put(intent(f"av_{name}_{number}", time.time(), key=f"order-{number}"))
                say(f"order-{number} {put.record.id}")

        await asyncio.gather(*(submit(first) for first in range(WRITERS)))


async def put_until_killed(url: str, name: str) -> None:
    """Ids, each once its put was acknowledged."""
    async with open_store(url) as store:

        async def put(writer: int) -> None:
            for number in range(1_000_000):
                record = (await store.put(intent(f"av_{name}_{writer}_{number}", time.time()))).record
                say(record.id)

        await asyncio.gather(*(put(writer) for writer in range(WRITERS)))


async def follow(url: str) -> None:
    """A line when it follows, and the ids of the first change."""
    async with open_store(url) as store, store.changes() as changes:
        say("following")
        ids = frozenset[str]()
        while not ids:  # an empty set may come at any time, and means: read again
            ids = await anext(changes)
        say(" ".join(ids))


async def consume(url: str, group: str) -> None:
    """A line when it begins, and the id of every ending that the group gives to this process."""
    async with open_store(url) as store:
        say("consuming")
        async for delivery in store.events(group):
            await delivery.ack()
            say(delivery.record.id)


async def never_close(url: str) -> None:
    """Ends with a store that is open, followed and has something to do."""
    store = await open_store(url).__aenter__()
    await store.changes().__aenter__()
    unfinished = [asyncio.ensure_future(store.put(intent(f"av_{number}", time.time()))) for number in range(100)]
    await unfinished[0]
    say("open")


async def fork(url: str) -> None:
    """What a forked process is told, and whether its parent goes on."""
    async with open_store(url) as store:
        child = os.fork()
        if child == 0:
            for attempt in (store.get(()), store.put(intent("av_child", time.time())), store.__aenter__()):
                try:
                    attempt.send(None)
                except AIVideoError as error:
                    say(f"{type(error).__name__}: {error}")
            os._exit(0)
        await asyncio.to_thread(os.waitpid, child, 0)
        say((await store.put(intent("av_parent", time.time()))).record.id)


WHAT: Mapping[str, What] = {
    "keys": submit_the_same_keys,
    "puts": put_until_killed,
    "follow": follow,
    "consume": consume,
    "unclosed": never_close,
    "fork": fork,
}


def main(what: Mapping[str, What]) -> None:
    """Do what the command line names."""

    async def do(name: str, *arguments: str) -> None:
        await what[name](*arguments)

    asyncio.run(do(*sys.argv[1:]))


if __name__ == "__main__":
    main(WHAT)
