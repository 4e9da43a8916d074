"""Contenders that receive callbacks and wake whoever awaits them: this package, and what people write by hand.

Each holds ``count`` awaited tasks per round and gives the whole requests that end them, ready to be sent.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import hmac
import json
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from aivideo_async import Client, GenerationTask
from aivideo_async.catalog import Sora2
from aivideo_async.core.signing import HmacKey, sign
from aivideo_async.core.tokens import CallbackKeys
from tests.benchmarks.lean_server import CREATED_AT, ID, completed
from tests.benchmarks.sending import API_KEY, PROMPT

SECRET_BYTES = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(SECRET_BYTES).decode()}"
CALLBACK_KEY = bytes(range(64, 96))
ASKS_PER_SECOND = 1e6
"""The client's default of 5 asks a second protects the service; here it would be all that is measured."""
CREATES_IN_FLIGHT = 100


@dataclass(frozen=True, slots=True)
class Prepared:
    """What ends the awaited tasks when it is sent to ``port``; ``cpu`` is what creating and awaiting them took."""

    port: int
    requests: list[bytes]
    cpu: float


@dataclass(frozen=True, slots=True)
class Woken:
    """When each awaiter woke up (monotonic seconds), in the order of the requests, and the CPU seconds until then."""

    at: Sequence[float]
    cpu: float


class Receiving(ABC):
    """One contender. A round is ``prepare``, ``begin``, the sending, ``finish``."""

    def __init__(self, *, signed: bool) -> None:
        self._signed = signed
        self._woken: list[float] = []
        self._awaiters: list[asyncio.Task[None]] = []
        self._cpu = 0.0

    @abstractmethod
    async def _await_tasks(self, count: int) -> tuple[int, list[tuple[str, str]]]:
        """Have ``count`` tasks awaited; gives the port, and of each task its path and the service's id."""

    async def prepare(self, count: int) -> Prepared:
        """Have tasks awaited, and give the requests that end them."""
        self._woken = [0.0] * count
        cpu = time.process_time()
        port, targets = await self._await_tasks(count)
        cpu = time.process_time() - cpu
        requests = [self._request(path, service_id, port) for path, service_id in targets]
        gc.collect()
        return Prepared(port, requests, cpu)

    async def begin(self) -> None:
        """From now on CPU seconds count."""
        self._cpu = time.process_time()

    async def finish(self) -> Woken:
        """Wait for all awaiters."""
        await asyncio.gather(*self._awaiters)
        cpu = time.process_time() - self._cpu
        self._awaiters.clear()
        return Woken(self._woken, cpu)

    def wake(self, index: int, waiting: Awaitable[object]) -> None:
        """Have an awaiter note when it wakes up."""
        self._awaiters.append(asyncio.create_task(self._noted(index, waiting)))

    async def _noted(self, index: int, waiting: Awaitable[object]) -> None:
        await waiting
        self._woken[index] = time.monotonic()

    def _request(self, path: str, service_id: str, port: int) -> bytes:
        body = completed(service_id)
        headers = {
            "Host": f"127.0.0.1:{port}",
            "User-Agent": "callbacks/1",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "X-Event": "task.completed",
            "X-Task-Id": service_id,
            "X-Timestamp": str(CREATED_AT + 300),
        }
        if self._signed:
            now = int(time.time())
            headers |= sign([HmacKey(SECRET_BYTES)], delivery_id=f"msg_{service_id}", timestamp=now, body=body)
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode() + body


class OursReceiving(Receiving):
    """The client and its served receiver; tasks are created over the lean server."""

    def __init__(self, client: Client, callback_base: str, *, signed: bool) -> None:
        super().__init__(signed=signed)
        self._client = client
        self._base = urlsplit(callback_base)
        self._keys = CallbackKeys(CALLBACK_KEY)

    async def _await_tasks(self, count: int) -> tuple[int, list[tuple[str, str]]]:
        left = iter(range(count))
        found: list[tuple[int, GenerationTask]] = []

        async def work() -> None:
            for index in left:
                task = await self._client.submit(Sora2(prompt=PROMPT, duration=8, size="1280x720"))
                self.wake(index, task.wait())
                found.append((index, task))

        await asyncio.gather(*(work() for _ in range(CREATES_IN_FLIGHT)))
        while len(self._client.owner.waiters().awaited()) < count:
            await asyncio.sleep(0)
        found.sort(key=lambda pair: pair[0])
        return self._base.port or 80, [self._target(task) for _, task in found]

    def _target(self, task: GenerationTask) -> tuple[str, str]:
        token = self._keys.mint(task.id, now=time.time())
        return f"{self._base.path}/{task.id}/{token}", task.service_id or ""


@asynccontextmanager
async def ours_receiving(url: str, *, signed: bool) -> AsyncGenerator[OursReceiving]:
    """A client whose callbacks are signed, or are hints that it confirms by one GET."""
    client = Client(
        API_KEY,
        base_url=url,
        callback_key=CALLBACK_KEY,
        webhook_secret=SECRET if signed else None,
        ask_rate=ASKS_PER_SECOND,
        max_concurrency=CREATES_IN_FLIGHT,
    )
    async with client, client.receiver.serve() as served:
        yield OursReceiving(client, served.url, signed=signed)


class BareReceiving(Receiving):
    """Futures in a dict, resolved by an aiohttp handler of twenty lines."""

    def __init__(self, *, signed: bool, service: str = "", session: aiohttp.ClientSession | None = None) -> None:
        super().__init__(signed=signed)
        self.port = 0
        self._service, self._session = service, session
        self._futures: dict[str, asyncio.Future[object]] = {}
        self._numbers = 0

    async def _await_tasks(self, count: int) -> tuple[int, list[tuple[str, str]]]:
        ids = [ID.format(self._numbers + index) for index in range(count)]
        self._numbers += count
        for index, id in enumerate(ids):
            self._futures[id] = asyncio.get_running_loop().create_future()
            self.wake(index, self._futures[id])
        await asyncio.sleep(0)
        return self.port, [(f"/hook/{id}", id) for id in ids]

    async def signed_hook(self, request: web.Request) -> web.Response:
        """Check the signature, parse, resolve."""
        body = await request.read()
        headers = request.headers
        message = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = "v1," + base64.b64encode(hmac.digest(SECRET_BYTES, message, "sha256")).decode()
        if not hmac.compare_digest(expected, headers["webhook-signature"]):
            return web.Response(status=401)
        self.resolve(json.loads(body))
        return web.Response(text="ok")

    async def asking_hook(self, request: web.Request) -> web.Response:
        """Parse, ask the service for the task, resolve."""
        id = json.loads(await request.read())["id"]
        assert self._session is not None
        async with self._session.get(f"{self._service}/v1/tasks/{id}") as response:
            response.raise_for_status()
            self.resolve(await response.json())
        return web.Response(text="ok")

    def resolve(self, task: dict[str, object]) -> None:
        """Wake whoever awaits it."""
        self._futures.pop(str(task["id"])).set_result(task)


@asynccontextmanager
async def bare_receiving(url: str, *, signed: bool) -> AsyncGenerator[BareReceiving]:
    """An aiohttp application without access log."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {API_KEY}"}) as session:
        bare = BareReceiving(signed=signed, service=url, session=session)
        app = web.Application()
        app.router.add_post("/hook/{id}", bare.signed_hook if signed else bare.asking_hook)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        bare.port = cast("int", runner.addresses[0][1])
        try:
            yield bare
        finally:
            await runner.cleanup()
