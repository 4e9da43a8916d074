"""Another process on the same namespace: ``python -m tests.stores.redis_process WHAT URL [NAME]``."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from aivideo_async.core.errors import AIVideoError
from aivideo_async.stores.redis import RedisStore
from aivideo_async.stores.redis_link import Address
from tests.stores.made import completion, intent

ROOT = Path(__file__).parents[2]
KEYS = 50


def url_of(address: Address) -> str:
    """The URL that another process is given."""
    user = "" if address.password is None else f":{address.password}@"
    return f"redis://{user}{address.host}:{address.port}/{address.database}?namespace={address.namespace}"


async def output_of(what: str, address: Address, *names: str) -> tuple[list[str], str]:
    """What the process printed, by lines, and what it complained of, once it has ended by itself and well."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-m", __name__, what, url_of(address), *names),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, complaints = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, complaints.decode()
    return out.decode().splitlines(), complaints.decode()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def race(url: str, name: str) -> None:
    """Which task holds each key, and whether this process was the first to bring its ending."""
    async with RedisStore.from_url(url) as store:

        async def submit_and_finish(number: int) -> None:
            id = (await store.put(intent(f"av_{name}_{number}", time.time(), key=f"order-{number}"))).record.id
            won = (await store.put(completion(id, f"svc-{number}", time.time()))).won
            say(f"order-{number} {id} {won}")

        await asyncio.gather(*(submit_and_finish(number) for number in range(KEYS)))


async def never_close(url: str) -> None:
    """Ends with a store that is open, followed and has something to do."""
    store = await RedisStore.from_url(url).__aenter__()
    await store.changes().__aenter__()
    unfinished = [asyncio.ensure_future(store.put(intent(f"av_{number}", time.time()))) for number in range(100)]
    await unfinished[0]
    say("open")


async def fork(url: str) -> None:
    """What a forked process is told, and whether its parent goes on."""
    async with RedisStore.from_url(url) as store, store.changes() as changes:
        child = os.fork()
        if child == 0:
            for attempt in (store.get(()), store.put(intent("av_child", time.time())), store.__aenter__()):
                try:
                    attempt.send(None)
                except AIVideoError as error:
                    say(f"{type(error).__name__}: {error}")
            try:
                store.__aexit__().send(None)
            except StopIteration:
                say("left")
            os._exit(0)
        await asyncio.to_thread(os.waitpid, child, 0)
        await store.put(intent("av_parent", time.time()))
        say(" ".join(await anext(changes)))


WHAT: dict[str, Callable[..., Awaitable[None]]] = {
    "race": race,
    "unclosed": never_close,
    "fork": fork,
}


async def main(what: str, *arguments: str) -> None:
    await WHAT[what](*arguments)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
