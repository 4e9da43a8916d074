"""What stands before several replicas: hands each request on to one of them, drawn at random."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, web
from aiohttp.test_utils import TestServer
from yarl import URL


@dataclass(slots=True)
class Relay:
    """Where it listens, and how many requests each replica was given."""

    url: str = ""
    given: Counter[int] = field(default_factory=Counter[int])


@asynccontextmanager
async def relaying(ports: Sequence[int], draw: Random) -> AsyncGenerator[Relay]:
    """A relay to these ports of this host. A replica that is away costs the sender its connection."""
    relay = Relay()

    async def hand_on(request: web.Request) -> web.Response:
        port = draw.choice(ports)
        relay.given[port] += 1
        url = URL(f"http://127.0.0.1:{port}{request.raw_path}", encoded=True)
        try:
            async with session.request(
                request.method, url, headers=request.headers, data=await request.read(), allow_redirects=False
            ) as answer:
                return web.Response(status=answer.status, headers=answer.headers, body=await answer.read())
        except (ClientError, TimeoutError):
            assert request.transport is not None
            request.transport.close()
            raise

    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", hand_on)
    async with (
        ClientSession(connector=TCPConnector(force_close=True), timeout=ClientTimeout(total=60)) as session,
        TestServer(app) as server,
    ):
        relay.url = str(server.make_url("/webhooks/aivideo"))
        yield relay
