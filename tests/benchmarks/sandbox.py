"""How much load the sandbox takes, and what a clip costs it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from random import Random
from typing import Literal
from urllib.parse import urlsplit

from aivideo_async import Client
from aivideo_async.catalog import Sora2
from aivideo_async.core.models import JsonObject
from aivideo_async.sandbox import Sandbox
from aivideo_async.sandbox.film import render
from aivideo_async.sandbox.plan import plan_of
from tests.benchmarks.contest import Effort, Spread
from tests.benchmarks.lean_server import LeanServer, lean_server
from tests.benchmarks.peers import CREATE_PATH
from tests.benchmarks.processes import Child, ChildError, Crew, Load
from tests.benchmarks.report import Figure, Measured, Target
from tests.benchmarks.sender import Sender, sender
from tests.benchmarks.sending import PROMPT

SPEED = 1e6
"""So that a task's usual six minutes are over at once and only the sandbox's own work is left."""
CREDITS = 10**9
CONNECTIONS = 32


class Hosted:
    """A sandbox with cached clips."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def address(self) -> tuple[str, str, str]:
        """Its base URL, API key and webhook secret."""
        return self._sandbox.base_url, self._sandbox.api_key, self._sandbox.webhook_secret or ""

    async def cpu(self) -> float:
        """CPU seconds so far."""
        return time.process_time()


@asynccontextmanager
async def hosted() -> AsyncGenerator[Hosted]:
    """Host a sandbox that signs its callbacks."""
    async with Sandbox(profile="signed", speed=SPEED, render="cached", credits=CREDITS) as sandbox:
        yield Hosted(sandbox)


class Running:
    """This package's client with its receiver, against the sandbox."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def run(self, count: int) -> float:
        """Seconds for so many tasks, each awaited."""
        began = time.monotonic()
        left = iter(range(count))
        await asyncio.gather(*(self._work(left) for _ in range(CONNECTIONS)))
        return time.monotonic() - began

    async def _work(self, left: Iterator[int]) -> None:
        for _ in left:
            await self._client.run(Sora2(prompt=PROMPT, duration=8))


@asynccontextmanager
async def running(url: str, key: str, secret: str) -> AsyncGenerator[Running]:
    """Host a client whose callbacks come from the sandbox."""
    async with Client(key, base_url=url, webhook_secret=secret) as client, client.receiver.serve():
        yield Running(client)


class Rendering:
    """Renders clips."""

    async def clip(self, seed: int) -> float:
        """CPU seconds of one clip of 8 s at 720p with sound, all threads of the encoder included."""
        fields: JsonObject = {"prompt": f"{PROMPT} {seed}", "duration": 8, "size": "1280x720"}
        plan = plan_of("video", "sora-2", fields, Random(seed))
        began = time.process_time()
        work = await asyncio.to_thread(render, plan, f"task-{seed}")
        assert work.files[0].data
        return time.process_time() - began


@asynccontextmanager
async def rendering() -> AsyncGenerator[Rendering]:
    """Host the renderer."""
    yield Rendering()


def measure(effort: Effort) -> Measured:
    """Load by prepared requests with a listener that only counts; then the same with this client; then clips."""
    count = effort.pick(2000, 50)
    with Crew() as crew:
        sandbox = crew.start("sandbox", hosted)
        server = crew.start_other("lean server", lean_server)
        sending = crew.start_other("sender", sender)
        url, key, secret = sandbox.ready().ask(Hosted.address)
        client = crew.start_other("client", running, url, key, secret)
        renderer = crew.start("renderer", rendering).ready()
        hook = f"{server.ask(LeanServer.address)}/hook/av_1/1.x"
        sending.ask(Sender.load, creates(count, hook, url, key), urlsplit(url).port or 80)
        figures = [
            _end_to_end("lean load", count, effort, sandbox, lambda: _lean(server, sending, count)),
            _end_to_end("this client", count, effort, sandbox, lambda: client.ask(Running.run, count)),
        ]
        clips = [renderer.ask(Rendering.clip, seed) for seed in range(effort.pick(5, 1))]
    render_cpu = Figure(
        row="sandbox",
        what="CPU of one clip: 8 s, 720p, sound",
        against="(itself)",
        value=Spread.of(clips),
        unit="s",
        target=Target("at most", 0.6),
    )
    return Measured([*figures, render_cpu])


def creates(count: int, hook: str, url: str, key: str) -> list[bytes]:
    """Whole requests."""
    body = {"model": "sora-2", "prompt": PROMPT, "duration": 8, "size": "1280x720", "callback_url": hook}
    raw = json.dumps(body).encode()
    head = (
        f"POST {CREATE_PATH} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
    )
    return [head.encode() + raw] * count


def _lean(server: Child[LeanServer], sending: Child[Sender], count: int) -> float:
    before, _ = server.ask(LeanServer.hooks)
    sent = sending.ask(Sender.send, CONNECTIONS)
    hooks, last = server.ask(LeanServer.expect_hooks, before + count, 30.0)
    if set(sent.statuses) != {200} or hooks != before + count:
        raise ChildError(f"the sandbox answered {sent.statuses} and delivered {hooks - before} of {count}")
    return last - sent.started


def _end_to_end(
    whom: Literal["lean load", "this client"],
    count: int,
    effort: Effort,
    sandbox: Child[Hosted],
    run: Callable[[], float],
) -> Figure:
    rates: list[float] = []
    shares: list[float] = []
    for _ in range(effort.pick(5, 1)):
        load = Load([sandbox])
        rates.append(count / run())
        shares.append(load.share())
    return Figure(
        row="sandbox",
        what="create → signed callback, cached clip",
        against=whom,
        value=Spread.of(rates),
        unit="tasks/s",
        target=Target("at least", 1000.0) if whom == "lean load" else None,
        note=f"sandbox {Spread.of(shares).median:.0%} busy, {_per_cpu(rates, shares):,.0f} tasks per CPU second of it",
    )


def _per_cpu(rates: list[float], shares: list[float]) -> float:
    """What a noisy machine blurs least."""
    return Spread.of([rate / share for rate, share in zip(rates, shares, strict=True)]).median
