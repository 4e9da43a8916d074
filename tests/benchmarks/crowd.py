"""A sandbox with ten thousand tasks and its console: memory, the page's first answer, and how soon it has news."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp
from pydantic import JsonValue

from aivideo_async.sandbox import Sandbox
from aivideo_async.sandbox.media import Render
from tests.benchmarks.contest import Effort, Spread
from tests.benchmarks.lean_server import LeanServer, lean_server
from tests.benchmarks.memory import resident
from tests.benchmarks.processes import Child, ChildError, Crew
from tests.benchmarks.report import Figure, Measured, Target
from tests.benchmarks.sandbox import CONNECTIONS, CREDITS, SPEED
from tests.benchmarks.sender import Sender, sender
from tests.benchmarks.sending import PROMPT

IMAGE: dict[str, JsonValue] = {"model": "gpt-image-2", "prompt": PROMPT, "aspect_ratio": "1:2"}
"""The cheapest real file: 50 ms of a core and about 45 kB."""
WARM_UP = 200
PATIENCE = 1800.0
MIB = 1024 * 1024


class Crowded:
    """A sandbox with its console."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def address(self) -> tuple[str, str, str]:
        """Its base URL, API key, and the URL of its console."""
        return self._sandbox.base_url, self._sandbox.api_key, self._sandbox.console_url or ""

    async def resident(self) -> int:
        """Bytes of its process in memory."""
        return resident()

    async def tasks(self) -> int:
        """How many tasks have ended well."""
        return sum(task.status == "completed" for task in self._sandbox.tasks)


@asynccontextmanager
async def crowded(render: Render) -> AsyncGenerator[Crowded]:
    """Host a sandbox with a console."""
    async with Sandbox(render=render, speed=SPEED, credits=CREDITS, console=True) as sandbox:
        yield Crowded(sandbox)


class Visitor:
    """Looks at the console as a browser does."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def pages(self, url: str, times: int) -> list[float]:
        """Seconds until the page with the newest tasks was there, all of it."""
        return [await self._page(f"{url}tasks") for _ in range(times)]

    async def _page(self, url: str) -> float:
        began = time.monotonic()
        async with self._session.get(url) as response:
            await response.read()
            if response.status != 200:
                raise RuntimeError(f"the console answers {response.status}")
        return time.monotonic() - began

    async def news(self, url: str, create: str, body: bytes, key: str, times: int) -> list[float]:
        """Seconds from a create until an open page was told that something changed."""
        delays: list[float] = []
        async with self._session.get(f"{url}live") as stream:
            for number in range(times):
                # until it has come to rest, and each time at another moment between two looks at the engine
                while (await _next(stream.content, 2.0 + 0.07 * number)) is not None:
                    pass
                began = time.monotonic()
                async with self._session.post(create, data=body, headers={"Authorization": f"Bearer {key}"}) as created:
                    created.raise_for_status()
                if await _next(stream.content, 60.0) is None:
                    raise RuntimeError("the console had no news within a minute")
                delays.append(time.monotonic() - began)
        return delays


async def _next(stream: aiohttp.StreamReader, within: float) -> bytes | None:
    """The next event, or ``None`` when there is none for so many seconds."""
    try:
        async with asyncio.timeout(within):
            while True:
                line = await stream.readline()
                if line.startswith(b"data:"):
                    return line
    except TimeoutError:
        return None


@asynccontextmanager
async def visitor() -> AsyncGenerator[Visitor]:
    """Host somebody who looks."""
    async with aiohttp.ClientSession() as session:
        yield Visitor(session)


def measure(effort: Effort) -> Measured:
    """Ten thousand tasks whose files are all the same, with somebody looking; then files that are each another."""
    with Crew() as crew:
        server, sending = crew.start_other("lean server", lean_server), crew.start_other("sender", sender)
        looking = crew.start_other("visitor", visitor)
        count = effort.pick(10_000, 50)
        sandbox = crew.start("sandbox", crowded, "cached").ready()
        url, key, console = sandbox.ask(Crowded.address)
        hook = f"{server.ask(LeanServer.address)}/hook/av_1/1.x"
        grown = _grown(sandbox, server, sending, creates(url, key, hook, count))
        pages = looking.ask(Visitor.pages, console, effort.pick(9, 2))
        body, path = json.dumps({**IMAGE, "callback_url": hook}).encode(), f"{url}/v1/images/generations"
        news = looking.ask(Visitor.news, console, path, body, key, effort.pick(5, 1))
        files = effort.pick(1_000, 10)
        studio = crew.start("studio", crowded, "real").ready()
        url, key, _ = studio.ask(Crowded.address)
        rendered = _grown(studio, server, sending, creates(url, key, hook, files), warm_up=20)
    return Measured(
        [
            _figure(f"{count:,} tasks: RSS more", [grown / MIB], "MiB", 120.0),
            _figure(f"{count:,} tasks: the console's first page", pages, "s", 1.0),
            _figure(f"{count:,} tasks: from a create to the page's news", news, "s", 2.0),
            _figure(f"{files:,} real images: RSS more", [rendered / 1024 / files], "KiB each", 25.0),
        ]
    )


def creates(url: str, key: str, hook: str, count: int) -> list[bytes]:
    """Whole requests, each with a prompt of its own."""
    return [_create(url, key, {**IMAGE, "prompt": f"{PROMPT} {n}", "callback_url": hook}) for n in range(count)]


def _create(url: str, key: str, body: dict[str, JsonValue]) -> bytes:
    raw = json.dumps(body).encode()
    head = (
        f"POST /v1/images/generations HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
    )
    return head.encode() + raw


def _grown(
    sandbox: Child[Crowded], server: Child[LeanServer], sending: Child[Sender], requests: list[bytes],
    warm_up: int = WARM_UP,
) -> int:  # fmt: skip
    """Bytes that the sandbox has grown by once all of these tasks have ended and their callbacks were taken."""
    port = urlsplit(sandbox.ask(Crowded.address)[0]).port or 80
    _ended(sandbox, server, sending, requests[:warm_up], port)
    before = sandbox.ask(Crowded.resident)
    _ended(sandbox, server, sending, requests, port)
    return sandbox.ask(Crowded.resident) - before


def _ended(
    sandbox: Child[Crowded], server: Child[LeanServer], sending: Child[Sender], requests: list[bytes], port: int
) -> None:
    expected = server.ask(LeanServer.hooks)[0] + len(requests)
    ended = sandbox.ask(Crowded.tasks) + len(requests)
    sending.ask(Sender.load, requests, port)
    sent = sending.ask(Sender.send, CONNECTIONS, within=PATIENCE)
    hooks, _ = server.ask(LeanServer.expect_hooks, expected, PATIENCE)
    if set(sent.statuses) != {200} or hooks != expected or sandbox.ask(Crowded.tasks) != ended:
        raise ChildError(f"the sandbox answered {sent.statuses}, and delivered {hooks} of {expected} callbacks")


def _figure(what: str, values: Sequence[float], unit: str, most: float) -> Figure:
    return Figure(
        row="crowd", what=what, against="(itself)", value=Spread.of(values), unit=unit, target=Target("at most", most)
    )
