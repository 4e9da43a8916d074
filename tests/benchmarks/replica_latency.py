"""From a callback at one replica's port to the wake-up of whoever awaits at another, per engine.

``python -m tests.benchmarks.replica_latency [--store sqlite|redis|postgres|all] [--tasks N]`` prints a table. Two
replicas are processes of their own on a real engine that keeps what it acknowledges; the third process sends one signed
callback at a time to replica B. The clock is CLOCK_MONOTONIC, which all processes of a host share. For Redis the bare
way of a message, XADD in one process to XREAD in another, stands beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

import aiohttp

from aivideo_async.core.models import TaskRecord, TaskStatus, moment
from aivideo_async.core.signing import HmacKey, sign
from aivideo_async.core.tokens import CallbackKeys
from aivideo_async.stores import open_store
from aivideo_async.stores.sqlite_worker import LOOK_EVERY
from tests.benchmarks.roles import added, read, redis_at, wake
from tests.engines.launching import free_port
from tests.journeys.engines import ENGINES, running
from tests.journeys.nursery import Nursery
from tests.journeys.roles import receive

ORIGIN = "http://127.0.0.1:9"
"""A service that nobody asks: nothing listens there."""
CALLBACK_KEY = "k" * 32
WEBHOOK_KEY = b"w" * 32
PATIENCE = 30.0
MILLISECOND = 1e6
SETTINGS = {
    "AIVIDEO_BASE_URL": ORIGIN,
    "AIVIDEO_CALLBACK_KEY": CALLBACK_KEY,
    "AIVIDEO_CALLBACK_URL": "http://127.0.0.1:9/webhooks/aivideo",
    "AIVIDEO_WEBHOOK_SECRET": f"whsec_{b64encode(WEBHOOK_KEY).decode()}",
}


@dataclass(frozen=True, slots=True)
class Spread:
    """Nanoseconds, in order."""

    values: Sequence[int]

    @classmethod
    def of(cls, values: Sequence[int]) -> Spread:
        """Of what was measured, in any order."""
        return cls(sorted(values))

    def percentile(self, percent: int) -> float:
        """Nanoseconds below which so many of a hundred lie."""
        return self.values[min(len(self.values) - 1, len(self.values) * percent // 100)]


@dataclass(frozen=True, slots=True)
class Row:
    """What one engine took; ``bare`` is a message without anything of ours around it, where that was measured."""

    engine: str
    replica: Spread
    bare: Spread | None = None

    def text(self) -> str:
        """A line of the table."""
        p50, p99 = (self.replica.percentile(percent) / MILLISECOND for percent in (50, 99))
        line = f"{self.engine:<10}{len(self.replica.values):>7}{p50:>10.2f}{p99:>10.2f}"
        if self.bare is None:
            return line
        bare50, bare99 = (self.bare.percentile(percent) / MILLISECOND for percent in (50, 99))
        return f"{line}{bare50:>12.2f}{bare99:>10.2f}{p50 / bare50:>8.1f}x{p99 / bare99:>7.1f}x"


HEAD = f"{'engine':<10}{'tasks':>7}{'p50 ms':>10}{'p99 ms':>10}{'bare p50':>12}{'bare p99':>10}{'ratio':>9}{'ratio':>8}"


async def measured(kind: str, tasks: int) -> Row:
    """Both replicas on a fresh engine, ``tasks`` callbacks, one after the other."""
    with tempfile.TemporaryDirectory() as folder, Nursery() as nursery:
        async with running(kind, Path(folder)) as engine:
            replica = await replica_latency(nursery, engine.url, tasks)
            bare = await bare_latency(nursery, engine.url, tasks) if kind == "redis" else None
    return Row(kind, Spread.of(replica), None if bare is None else Spread.of(bare))


async def replica_latency(nursery: Nursery, url: str, tasks: int) -> list[int]:
    """Nanoseconds from the callback's first byte, sent to replica B, to the wake-up in replica A; for each task."""
    ids = [f"av_{secrets.token_hex(16)}" for _ in range(tasks)]
    async with open_store(url) as store:
        for id in ids:
            await store.put(running_task(id))
    port, took, draw = free_port(), list[int](), Random(0)
    async with AsyncExitStack() as stack:
        receiver = nursery.process(receive, SETTINGS, store=url, port=port)
        await (await stack.enter_async_context(receiver)).until("listening")
        keyed = {**SETTINGS, "AIVIDEO_API_KEY": "sk-never-used"}
        awaiter = await stack.enter_async_context(nursery.process(wake, keyed, store=url, ids=ids))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        await awaiter.until("waiting")
        for id in ids:
            await asyncio.sleep(draw.uniform(0.0, LOOK_EVERY))  # else it falls into step with a store that looks
            async with asyncio.timeout(PATIENCE):
                sent = time.monotonic_ns()
                await send_callback(session, f"http://127.0.0.1:{port}/webhooks/aivideo", id)
                _, woken, at = await awaiter.until("woken")
                assert woken == id
            took.append(int(at) - sent)
    return took


def running_task(id: str) -> TaskRecord:
    """A task that the service has accepted, and that nobody asks for."""
    now = time.time()
    return TaskRecord(
        id=id,
        origin=ORIGIN,
        model="sora-2",
        status=TaskStatus.PENDING,
        service_id=f"svc-{id}",
        created_at=moment(now),
        sent_at=moment(now),
        next_check=moment(now + 3600.0),
    )


async def send_callback(session: aiohttp.ClientSession, base: str, id: str) -> None:
    """One signed callback, acknowledged."""
    now, key = time.time(), HmacKey(WEBHOOK_KEY)
    output = {"urls": [f"https://cdn.example.com/{id}.mp4"]}
    body = json.dumps({"id": f"svc-{id}", "status": "completed", "model": "sora-2", "output": output}).encode()
    headers = sign([key], delivery_id=f"msg_{id}", timestamp=int(now), body=body)
    url = f"{base}/{id}/{CallbackKeys(CALLBACK_KEY).mint(id, now=now)}"
    async with session.post(url, data=body, headers={**headers, "Content-Type": "application/json"}) as answer:
        assert answer.status == 200, answer.status


async def bare_latency(nursery: Nursery, url: str, messages: int) -> list[int]:
    """Nanoseconds from an XADD here to the end of the XREAD in another process; for each message."""
    took = list[int]()
    async with redis_at(url) as connection, nursery.process(read, {}, url) as reader:
        await reader.until("reading")
        for _ in range(messages):
            async with asyncio.timeout(PATIENCE):
                sent = time.monotonic_ns()
                await added(*connection)
                _, at = await reader.until("read")
            took.append(int(at) - sent)
    return took


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="replica_latency", description="Latency over two replicas.")
    parser.add_argument("--store", choices=[*ENGINES, "all"], default="all")
    parser.add_argument("--tasks", type=int, default=200, help="callbacks for each engine (200)")
    options = parser.parse_args(arguments)
    sys.stdout.write(f"{HEAD}\n")
    for kind in ENGINES if options.store == "all" else (options.store,):
        sys.stdout.write(f"{asyncio.run(measured(kind, options.tasks)).text()}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
