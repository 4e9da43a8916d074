"""Ways to mount what answers callbacks: aiohttp routes, an ASGI application, a server of its own.

Each turns a framework's request into raw path, raw headers and bytes, and asks an ``Endpoint``. The body is counted
while it is read, and must be there within ten seconds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, MutableMapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, cast

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from aivideo_async.core.models import Reply
from aivideo_async.core.signing import RawHeaders

logger = logging.getLogger(__name__)

BODY_WITHIN = 10.0
KEEP_ALIVE = 15.0
SHUTDOWN_WITHIN = 10.0

Receive = Callable[[], Awaitable[MutableMapping[str, object]]]
Send = Callable[[MutableMapping[str, object]], Awaitable[None]]


class Endpoint(Protocol):
    """What answers callbacks, in two steps so that what can be refused is refused before its body is read."""

    body_limit: int

    def admit(self, method: str, raw_path: str | bytes, headers: RawHeaders) -> Reply | None:
        """The refusal, or ``None`` when the body may come."""
        ...

    async def accept(self, raw_path: str | bytes, headers: RawHeaders, body: bytes) -> Reply:
        """The answer, once the body is there."""
        ...

    def too_slow(self) -> Reply:
        """The answer when the body does not come in time."""
        ...


async def answer(
    endpoint: Endpoint, method: str, raw_path: str | bytes, headers: RawHeaders, chunks: AsyncIterable[bytes]
) -> Reply:
    """Admit, read the body, accept. Cancelling it stops reading."""
    refused = endpoint.admit(method, raw_path, headers)
    if refused is not None:
        return refused
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN):
            async for chunk in chunks:
                body += chunk
                if len(body) > endpoint.body_limit:
                    break
    except TimeoutError:
        return endpoint.too_slow()
    return await endpoint.accept(raw_path, headers, bytes(body))


def routes(endpoint: Endpoint, path: str) -> list[web.RouteDef]:
    """Routes for an aiohttp application under ``path``."""

    async def callback(request: web.Request) -> web.Response:
        reply = await answer(
            endpoint, request.method, request.raw_path, request.raw_headers, request.content.iter_any()
        )
        response = web.Response(status=reply.status, headers=list(reply.headers), body=reply.body)
        if ("Connection", "close") in reply.headers:
            response.force_close()
        return response

    return [web.route("*", path.rstrip("/") + "/{id}/{token}", callback)]


async def asgi(endpoint: Endpoint, scope: MutableMapping[str, object], receive: Receive, send: Send) -> None:
    """One request of an ASGI server."""
    if scope["type"] != "http":
        return
    raw_path = cast("bytes", scope.get("raw_path") or str(scope["path"]).encode("latin-1", "replace"))
    headers = list(cast("Sequence[tuple[bytes, bytes]]", scope["headers"]))
    reply = await answer(endpoint, str(scope["method"]), raw_path, headers, _asgi_body(receive))
    sent = [(name.lower().encode(), value.encode()) for name, value in reply.headers if name != "Connection"]
    sent.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": sent})
    await send({"type": "http.response.body", "body": reply.body})


async def _asgi_body(receive: Receive) -> AsyncGenerator[bytes]:
    more: object = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return
        yield cast("bytes", message.get("body", b""))
        more = message.get("more_body")


@dataclass(frozen=True, slots=True)
class CallbackServer:
    """A callback server that listens. ``url`` is the base of callback URLs, ``port`` where it listens."""

    url: str
    port: int


@asynccontextmanager
async def listening(endpoint: Endpoint, host: str, port: int, path: str) -> AsyncGenerator[CallbackServer]:
    """Listen while the block runs; leaving it stops accepting, finishes what is in hand, and closes.

    Raises OSError when it cannot listen.
    """
    app = web.Application()
    app.add_routes(routes(endpoint, path))
    runner = web.AppRunner(
        app,
        access_log_class=TemplateAccessLogger,
        access_log=logger,
        auto_decompress=False,
        keepalive_timeout=KEEP_ALIVE,
        shutdown_timeout=SHUTDOWN_WITHIN,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        taken = int(runner.addresses[0][1])
        shown = "127.0.0.1" if host in ("0.0.0.0", "") else f"[{host}]" if ":" in host else host  # noqa: S104
        yield CallbackServer(f"http://{shown}:{taken}{path.rstrip('/')}", taken)
    finally:
        await runner.cleanup()


class TemplateAccessLogger(AbstractAccessLogger):
    """Logs the route's template and never the path: a callback's path is a capability (webhooks.md §1)."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """One DEBUG line per request; ``time`` is in seconds."""
        resource = request.match_info.route.resource if isinstance(request, web.Request) else None
        template = "-" if resource is None else resource.canonical
        self.logger.debug("%s %s %s %.1f ms", request.method, template, response.status, time * 1000)
