"""Whatever happens, no log line of anybody in the process holds a key, a secret, a token, a signature or a query."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from aivideo_async import AIVideoError, Client, MemoryStore, StoreError
from aivideo_async.catalog import Sora2
from aivideo_async.core.keys import HmacKey, load_key
from aivideo_async.core.models import TaskEvent, TaskRecord
from aivideo_async.core.signing import sign
from aivideo_async.core.tokens import CallbackKeys
from aivideo_async.sandbox import (
    DropConnection,
    DuplicateCallback,
    Fail,
    ForgeCallback,
    LoseCallback,
    Profile,
    RateLimit,
    Sandbox,
    Scenario,
)
from aivideo_async.stores import Put
from tests.test_receiver import task_body

KEY = "callback-key-of-a-noisy-run-00000000"
CLIP = Sora2(prompt="a kite", duration=4)
SCENARIOS: list[Scenario | tuple[()]] = [
    (),
    Fail(),
    LoseCallback(),
    DuplicateCallback(),
    ForgeCallback(),
    DropConnection(),
    RateLimit(0.01),
]

SHAPES: Mapping[str, re.Pattern[str]] = {
    "a token": re.compile(r"\d{6,7}\.[A-Za-z0-9_-]{43}"),
    "a signature": re.compile(r"v1a?,[A-Za-z0-9+/]{20,}"),
    "a query": re.compile(r"\?[A-Za-z0-9_-]+="),
    "a header with the key": re.compile(r"Bearer\s+\S"),
}


class Everything(logging.Handler):
    """All that is logged, with tracebacks, as a file would have it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def holding(self, *secrets: str) -> list[str]:
        """The lines that should not be there."""
        shaped = [f"{what}: {line}" for line in self.lines for what, shape in SHAPES.items() if shape.search(line)]
        return shaped + [line for line in self.lines for secret in secrets if secret in line]


@pytest.fixture
def logged() -> Iterator[Everything]:
    everything, root = Everything(), logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in ("asyncio", "aiohttp", "aiohttp.access", "aivideo_async"))]
    levels = [logger.level for logger in loggers]
    root.addHandler(everything)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    yield everything
    root.removeHandler(everything)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


class WeakStore(MemoryStore):
    """Its engine goes away when it is told to."""

    down = False

    async def put(self, record: TaskRecord, /) -> Put:
        if self.down:
            raise StoreError("the engine is away")
        return await super().put(record)


@asynccontextmanager
async def noisy(profile: Profile) -> AsyncGenerator[tuple[Client, Sandbox, WeakStore, str]]:
    """A client and its receiver over a sandbox; gives the base of callback URLs as well."""
    async with Sandbox(profile=profile, speed=2000, render="cached", seed=1) as sandbox:
        store = WeakStore()
        client = Client(
            sandbox.api_key,
            base_url=sandbox.base_url,
            callback_key=KEY,
            webhook_secret=sandbox.webhook_secret,
            store=store,
            time_scale=sandbox.time_scale,
        )

        async def broken(event: TaskEvent) -> None:
            raise RuntimeError(f"a handler of {event.record.id} broke")

        client.receiver.on("task.completed")(broken)
        async with client, client.receiver.serve() as server:
            yield client, sandbox, store, server.url


async def tasks_of_every_kind(client: Client, sandbox: Sandbox, folder: Path) -> None:
    sandbox.enqueue(*SCENARIOS)
    for _ in SCENARIOS:
        with contextlib.suppress(AIVideoError):
            output = await client.run(CLIP, timeout=5)
            await client.download_all(output, folder)
            await client.download(output, folder)  # a folder is no file


def signed_now(secret: str, body: str) -> str:
    key = load_key(secret)
    assert isinstance(key, HmacKey)
    made = sign([key], delivery_id=f"msg_{time.time_ns()}", timestamp=int(time.time()), body=body.encode())
    return "".join(f"{name}: {value}\r\n" for name, value in made.items())


async def strangers(base: str, secret: str | None) -> None:
    """Write a right request to the receiver, and then whatever a sender should not, with a right token."""
    port = urlsplit(base).port
    path = f"{urlsplit(base).path}/av_1/{CallbackKeys(KEY).mint('av_1', now=time.time())}"
    line, host, body = f"POST {path} HTTP/1.1\r\n", "Host: x\r\n", task_body().decode()
    right = "" if secret is None else signed_now(secret, body)
    signature = "webhook-id: a\r\nwebhook-timestamp: 1\r\nwebhook-signature: v1," + "A" * 43 + "=\r\n"
    requests = [
        f"{line}{host}{right}Content-Length: {len(body)}\r\n\r\n{body}",
        f"GET {path}?key=1 HTTP/1.1\r\n{host}\r\n",
        f"{line}{host}{signature}Content-Length: {len(body)}\r\n\r\n{body}",
        f"{line}{host}Content-Length: 9\r\n\r\nnot json!",
        f"{line}{host}Content-Length: 99\r\n\r\nhalf",
        f"{line}{host}Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        f"{line}{host}Content-Length: x\r\n\r\n",
        f"{line}{signature * 2}{host}A: {'b' * 20_000}\r\n\r\n",
        f"POST {path} HTTP/9.9\r\n\r\n",
        f"{path} {path} {path}\r\n\r\n",
        f"{line}{host}Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
    ]
    for request in requests:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request.encode())
        writer.write_eof()
        with contextlib.suppress(OSError):
            await reader.read()
        writer.close()


@pytest.mark.parametrize(
    ("profile", "debug"),
    [("signed", False), *(pytest.param(one, True, marks=pytest.mark.crash) for one in ("signed", "documented"))],
)
async def test_a_noisy_run_logs_no_secret(profile: Profile, debug: bool, logged: Everything, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    loop.set_debug(debug)
    loop.slow_callback_duration = 0.0005
    try:
        async with noisy(profile) as (client, sandbox, store, base):
            await tasks_of_every_kind(client, sandbox, tmp_path)
            await strangers(base, sandbox.webhook_secret)
            store.down = True
            await strangers(base, sandbox.webhook_secret)
            store.down = False
            await client.submit(CLIP)
            async with Client("sk-not-known-there", base_url=sandbox.base_url, callback_key=KEY) as refused:
                with pytest.raises(AIVideoError):
                    await (await refused.task("svc-1"))
    finally:
        loop.set_debug(False)
    secret = (sandbox.webhook_secret or "whsec_none").removeprefix("whsec_")
    assert logged.holding(sandbox.api_key, "sk-not-known-there", KEY, secret) == []
    said = "\n".join(logged.lines)
    for noise in ("a handler of task.completed failed", "the store is down", "asyncio ", "aivideo_async.mounting "):
        assert noise in said


@pytest.mark.parametrize(
    "line",
    [
        f"GET /hook/av_1/{CallbackKeys(KEY).mint('av_1', now=1_790_000_000.0)}",
        "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "https://cdn.example.com/a.mp4?X-Amz-Signature=abc",
        "{'Authorization': 'Bearer sk-1'}",
        "the key is sk-1",
    ],
)
def test_each_kind_of_secret_would_be_found(line: str, logged: Everything) -> None:
    logging.getLogger("somebody").debug("%s", line)
    assert logged.holding("sk-1") != []
