"""What stands before several replicas: hands each connection on to one of them, drawn at random."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random


@dataclass(slots=True)
class Relay:
    """Where it listens, and how many connections each replica was given."""

    url: str = ""
    given: Counter[int] = field(default_factory=Counter[int])


@asynccontextmanager
async def relaying(ports: Sequence[int], draw: Random) -> AsyncGenerator[Relay]:
    """A relay to these ports of this host. A replica that is away costs the sender its connection."""
    relay, at_work = Relay(), set[asyncio.Task[None]]()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        at_work.add(task)
        port = draw.choice(ports)
        relay.given[port] += 1
        try:
            with suppress(OSError, asyncio.CancelledError):
                their_reader, their_writer = await asyncio.open_connection("127.0.0.1", port)
                await asyncio.gather(copied(reader, their_writer), copied(their_reader, writer))
        finally:
            at_work.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, backlog=1024)
    relay.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/webhooks/aivideo"
    try:
        yield relay
    finally:
        server.close()
        for task in tuple(at_work):
            task.cancel()
        await asyncio.gather(*at_work, return_exceptions=True)


async def copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Everything that comes, to its end."""
    try:
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
