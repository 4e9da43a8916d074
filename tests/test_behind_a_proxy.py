"""The receiver behind nginx and Caddy as the README sets them up: ``pytest -m proxy``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

import pytest

from aivideo_async.core.models import TaskStatus
from aivideo_async.receiver import WebhookReceiver
from aivideo_async.stores import MemoryStore
from tests.callbacks import KEY, PATH, SECRET, callback, completed, connected
from tests.doubles import ORIGIN, a_record
from tests.engines.proxies import Caddy, Nginx, Proxy, documented
from tests.loopback import answering, http, serving

pytestmark = pytest.mark.proxy

LIMIT = 256 * 1024
PROXIES = {"nginx": Nginx, "caddyfile": Caddy}
NOBODY = f"{PATH}/av_1/497223.{'A' * 43}"


@pytest.fixture(params=PROXIES)
def language(request: pytest.FixtureRequest) -> str:
    """The proxy, by the name of its language in the README."""
    return str(request.param)


@contextmanager
def in_front_of(upstream: int, language: str, limit: str | None = None) -> Generator[Proxy]:
    """The proxy as documented, or with another limit for bodies."""
    configuration = documented(language)
    if limit is not None:
        assert "256k" in configuration
        configuration = configuration.replace("256k", limit)
    with PROXIES[language](configuration, upstream=upstream) as proxy:
        yield proxy


@asynccontextmanager
async def behind(language: str, limit: str | None = None) -> AsyncGenerator[tuple[WebhookReceiver, MemoryStore, int]]:
    async with MemoryStore() as store:
        await store.put(a_record())
        receiver = WebhookReceiver(store, callback_key=KEY, webhook_secret=SECRET, base_url=ORIGIN)
        async with receiver.serve() as server:
            entered = in_front_of(server.port, language, limit)
            proxy = await asyncio.to_thread(entered.__enter__)
            try:
                yield receiver, store, proxy.port
            finally:
                await asyncio.to_thread(entered.__exit__, None, None, None)


async def status(port: int, raw: bytes) -> int:
    async with asyncio.timeout(10), connected(port) as connection:
        return await connection.asked(raw)


@pytest.mark.parametrize(
    "target",
    [
        f"{PATH}/av_1/497223.abc",
        f"{PATH}/av_1/497223.abc?a=%2F&b=+",
        f"{PATH}/av%5F1/497223%2Eabc",
        f"{PATH}//av_1//497223.abc",
        f"{PATH}/a%2Fb/c%20d",
        f"{PATH}/caf%C3%A9/~x!$&'()*+,;=:@",
    ],
)
async def test_path_and_body_reach_us_as_they_were_sent(target: str, language: str) -> None:
    seen: list[bytes] = []
    body = bytes(range(256)) * 300
    async with serving(answering(http(200), seen=seen)) as upstream:
        entered = in_front_of(int(upstream.rpartition(":")[2]), language)
        proxy = await asyncio.to_thread(entered.__enter__)
        try:
            assert await status(proxy.port, callback("av_1").raw(target=target, body=body)) == 200
        finally:
            await asyncio.to_thread(entered.__exit__, None, None, None)
    head, _, came = seen[0].partition(b"\r\n\r\n")
    assert head.split(b" ")[:2] == [b"POST", target.encode()]
    assert came == body


async def test_a_callback_resolves_its_task(language: str) -> None:
    async with behind(language) as (receiver, store, port):
        assert await status(port, callback("av_1").raw()) == 200
        assert (await store.get(("av_1",)))["av_1"].status is TaskStatus.COMPLETED
        assert receiver.stats == {"received": 1, "verified": 1}


async def test_what_is_refused_is_refused_as_without_a_proxy(language: str) -> None:
    sent = callback("av_1")
    async with behind(language) as (receiver, _, port):
        asked = [
            sent.raw(body=sent.body + b" "),
            sent.raw(b"webhook-id: msg_2"),
            sent.raw(b"Content-Encoding: gzip"),
            sent.raw(method="GET"),
            sent.raw(target=NOBODY),
            sent.raw(target=sent.target.replace("av_1", "av%5F1")),
        ]
        assert [await status(port, raw) for raw in asked] == [401, 401, 415, 405, 404, 404]
        assert receiver.stats["received"] == len(asked)


async def test_a_chunked_body_is_taken(language: str) -> None:
    sent = callback("av_1")
    head = sent.raw(body=b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    async with behind(language) as (_, _, port):
        assert await status(port, head + b"%x\r\n" % len(sent.body) + sent.body + b"\r\n0\r\n\r\n") == 200


async def test_nothing_that_a_stranger_says_of_a_proxy_is_believed(language: str) -> None:
    sent = callback("av_1")
    said = [
        f"X-Original-URL: {sent.target}",
        f"X-Rewrite-URL: {sent.target}",
        f"X-Forwarded-Uri: {sent.target}",
        f"X-Forwarded-Prefix: {PATH}",
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Host: localhost",
        "Forwarded: for=127.0.0.1;host=localhost",
        "X-HTTP-Method-Override: POST",
    ]
    lines = [line.encode() for line in said]
    async with behind(language) as (_, _, port):
        assert await status(port, sent.raw(*lines, target=NOBODY)) == 404
        assert await status(port, sent.raw(*lines, method="GET")) == 405
        assert await status(port, sent.raw(*lines)) == 200


async def test_a_body_at_our_limit_passes_and_one_over_it_does_not(language: str) -> None:
    at_limit = callback("av_1", completed("av_1").ljust(LIMIT))
    over = callback("av_1", completed("av_1").ljust(LIMIT + 1), delivery="msg_2")
    async with behind(language) as (receiver, _, port):
        assert await status(port, at_limit.raw()) == 200
        assert await status(port, over.raw()) == 413
        stopped_here = receiver.stats.get("rejected:size", 0)
    assert stopped_here == (0 if language == "nginx" else 1)


async def test_where_nginx_takes_more_our_own_limit_holds() -> None:
    over = callback("av_1", completed("av_1").ljust(LIMIT + 1))
    async with behind("nginx", "1m") as (receiver, _, port):
        assert await status(port, over.raw()) == 413
        assert receiver.stats["rejected:size"] == 1


async def test_a_smaller_limit_would_lose_callbacks() -> None:
    long = callback("av_1", json.dumps({**json.loads(completed("av_1")), "note": "x" * 9_000}).encode())
    async with behind("nginx", "8k") as (receiver, _, port):
        assert await status(port, long.raw()) == 413
        assert await status(port, callback("av_1").raw()) == 200
        assert receiver.stats["verified"] == 1
