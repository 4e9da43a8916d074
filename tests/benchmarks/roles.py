"""What the other processes of a benchmark do. Each says lines on its standard output."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from aivideo_async import Client, GenerationTask
from tests.journeys.roles import forever, usual
from tests.stores.process import say

STREAM = b"bench"
NOTHING, LINES_OF_ONE_ENTRY = b"*-1\r\n", 13


async def wake(store: str, ids: Sequence[str]) -> None:
    """Await every task: woken ID, and when, in nanoseconds of the monotonic clock."""

    async def wait_for(task: GenerationTask) -> None:
        await task
        say(f"woken {task.id} {time.monotonic_ns()}")

    async with Client(store=store, usual_seconds=usual(patient=True)) as client:
        waits = [asyncio.ensure_future(wait_for(await client.task(id))) for id in ids]
        while len(client.owner.waiters().awaited()) < len(ids):
            await asyncio.sleep(0)
        say("waiting")
        await asyncio.gather(*waits)
        await forever()


async def read(url: str) -> None:
    """Follow the stream: read, and when, in nanoseconds of the monotonic clock."""
    async with redis_at(url) as (reader, writer):
        last = await added(reader, writer)
        say("reading")
        while True:
            writer.write(b"XREAD BLOCK 2000 STREAMS %b %b\r\n" % (STREAM, last))
            if await reader.readline() == NOTHING:
                continue
            rest = [await reader.readline() for _ in range(LINES_OF_ONE_ENTRY - 1)]
            say(f"read {time.monotonic_ns()}")
            last = rest[6].strip()


@asynccontextmanager
async def redis_at(url: str) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection with nothing around it: what is measured is the engine, the loop and the machine."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def added(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """One more entry of the stream; its id."""
    writer.write(b"XADD %b * n 1\r\n" % STREAM)
    await reader.readline()
    return (await reader.readline()).strip()
