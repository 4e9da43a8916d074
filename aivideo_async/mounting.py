"""Ways to mount what answers callbacks: aiohttp routes, an ASGI application, a server of its own.

Each turns a framework's request into raw path, raw headers and bytes, and asks an ``Endpoint``. The body is counted
while it is read, and must be there within ten seconds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from ssl import SSLContext
from typing import Protocol, cast
from urllib.parse import quote

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

from aivideo_async.asgi import Message, Receive, Send, is_request
from aivideo_async.core.models import Reply
from aivideo_async.core.signing import RawHeaders

logger: logging.Logger = logging.getLogger(__name__)

BODY_WITHIN = 10.0
KEEP_ALIVE = 15.0
LINGER = 2.0
"""How long the rest of a refused body is still read, in seconds: closed at once, the answer could be lost with it."""
SHUTDOWN_WITHIN = 10.0
BACKLOG = 1_024
"""How many connections may wait to be accepted; a burst beyond it waits a second to be tried again."""
UNREAD_AT_MOST = 16 * 1024
"""How many bytes of answers may wait for a sender that does not read them: hundreds, since they are short."""
CLOSE = ("Connection", "close")
CUT_OFF = Reply(400, (CLOSE,))
"""The answer to a body that ends before its end; hardly anybody is left to read it."""


Accept = Callable[[bytes], Awaitable[Reply]]
"""Gives the answer, once the body is there."""


class Endpoint(Protocol):
    """What answers callbacks, in two steps so that what can be refused is refused before its body is read."""

    body_limit: int

    def admit(self, method: str, raw_path: str | bytes, headers: RawHeaders) -> Reply | Accept:
        """The refusal, or what takes the body when it may come."""
        ...

    def too_slow(self) -> Reply:
        """The answer when the body does not come in time."""
        ...

    async def after(self, reply: Reply) -> None:
        """What is done once the reply is out."""
        ...


class _CutOffError(Exception):
    """The sender went away, or wrote nonsense, in the middle of a body."""


async def answer(
    endpoint: Endpoint,
    method: str,
    raw_path: str | bytes,
    headers: RawHeaders,
    chunks: AsyncGenerator[bytes],
    *,
    body_within: float = BODY_WITHIN,
) -> Reply:
    """Admit, read the body within ``body_within`` seconds, accept. Cancelling it stops reading."""
    accept = endpoint.admit(method, raw_path, headers)
    if isinstance(accept, Reply):
        return accept
    body = bytearray()
    try:
        async with asyncio.timeout(body_within), aclosing(chunks):
            async for chunk in chunks:
                body += chunk
                if len(body) > endpoint.body_limit:
                    break
    except TimeoutError:
        return endpoint.too_slow()
    except _CutOffError as error:
        logger.debug("a body was cut off after %d bytes: %s", len(body), type(error.__cause__).__name__)
        return CUT_OFF
    return await accept(bytes(body))


def routes(endpoint: Endpoint, path: str, *, body_within: float = BODY_WITHIN) -> list[web.RouteDef]:
    """Routes for an aiohttp application under ``path``."""

    async def callback(request: web.Request) -> web.Response:
        method, raw_path, headers, content = request.method, request.raw_path, request.raw_headers, request.content
        if content.is_eof() and content.exception() is None:  # a small body comes together with its headers
            admitted = endpoint.admit(method, raw_path, headers)
            reply = admitted if isinstance(admitted, Reply) else await admitted(content.read_nowait())
        else:
            chunks = _aiohttp_body(content)
            reply = await answer(endpoint, method, raw_path, headers, chunks, body_within=body_within)
        response = web.Response(status=reply.status, headers=list(reply.headers), body=reply.body)
        if CLOSE in reply.headers:
            response.force_close()
        with suppress(ConnectionError):  # who has hung up misses the reply, and nobody else misses anything
            await response.prepare(request)
            await response.write_eof()
        await endpoint.after(reply)
        return response

    return [web.route("*", path.rstrip("/") + "/{id}/{token}", callback)]


async def _aiohttp_body(content: StreamReader) -> AsyncGenerator[bytes]:
    try:
        async for chunk in content.iter_any():
            yield chunk
    except (ConnectionError, HttpProcessingError, web.RequestPayloadError) as error:
        raise _CutOffError from error


async def asgi(
    endpoint: Endpoint, scope: Message, receive: Receive, send: Send, *, body_within: float = BODY_WITHIN
) -> None:
    """What an ASGI server asks for: one request, or its lifespan, in which nothing happens here."""
    if await is_request(scope, receive, send):
        await _asgi_request(endpoint, scope, receive, send, body_within)


class AsgiApp:
    """An endpoint as an ASGI application: an instance, since servers take a bound method for one of ASGI 2."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request, or the server's lifespan."""
        await asgi(self._endpoint, scope, receive, send)


async def _asgi_request(endpoint: Endpoint, scope: Message, receive: Receive, send: Send, body_within: float) -> None:
    # Quoted, since a decoded path may hold a question mark that is no query's.
    raw_path = cast("bytes", scope.get("raw_path") or quote(str(scope["path"])).encode())
    headers = list(cast("Sequence[tuple[bytes, bytes]]", scope["headers"]))
    method = str(scope["method"])
    reply = await answer(endpoint, method, raw_path, headers, _asgi_body(receive), body_within=body_within)
    if reply is CUT_OFF:
        return
    # HTTP/2 knows no such header and servers refuse it.
    closes = str(scope.get("http_version", "1.1")).startswith("1")
    sent = [(name.lower().encode(), value.encode()) for name, value in reply.headers if closes or name != CLOSE[0]]
    if all(name != b"content-length" for name, _ in sent):
        sent.append((b"content-length", str(len(reply.body)).encode()))
    with suppress(OSError):  # what servers raise when the sender has hung up
        await send({"type": "http.response.start", "status": reply.status, "headers": sent})
        await send({"type": "http.response.body", "body": reply.body})
    await endpoint.after(reply)


async def _asgi_body(receive: Receive) -> AsyncGenerator[bytes]:
    more: object = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise _CutOffError from ConnectionResetError()
        yield cast("bytes", message.get("body", b""))
        more = message.get("more_body")


@dataclass(frozen=True, slots=True)
class CallbackServer:
    """A callback server that listens. ``url`` is the base of callback URLs, ``port`` where it listens."""

    url: str
    port: int


@asynccontextmanager
async def listening(
    endpoint: Endpoint,
    host: str,
    port: int,
    path: str,
    *,
    ssl: SSLContext | None = None,
    body_within: float = BODY_WITHIN,
    keep_alive: float = KEEP_ALIVE,
) -> AsyncGenerator[CallbackServer]:
    """Listen while the block runs; leaving it stops accepting, finishes what is in hand, and closes.

    Raises OSError when it cannot listen.
    """
    app = web.Application(middlewares=[_hang_up_on_who_does_not_read])
    app.add_routes(routes(endpoint, path, body_within=body_within))
    runner = web.AppRunner(
        app,
        access_log_class=TemplateAccessLogger,
        access_log=logger,
        logger=_server_logger(),
        auto_decompress=False,
        keepalive_timeout=keep_alive,
        lingering_time=LINGER,
        shutdown_timeout=SHUTDOWN_WITHIN,
    )
    await runner.setup()
    listener: asyncio.Server | None = None
    try:
        # No site of aiohttp's, since those leave a silent handshake open for a minute.
        listener = await asyncio.get_running_loop().create_server(
            cast("web.Server", runner.server),
            host,
            port,
            backlog=BACKLOG,
            ssl=ssl,
            ssl_handshake_timeout=None if ssl is None else keep_alive,
        )
        address, taken = listener.sockets[0].getsockname()[:2]
        scheme = "http" if ssl is None else "https"
        yield CallbackServer(f"{scheme}://{_reachable(address)}:{taken}{path.rstrip('/')}", taken)
    finally:
        if listener is not None:
            listener.close()
        await runner.cleanup()


@web.middleware
async def _hang_up_on_who_does_not_read(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Nothing else would: a connection whose answer waits to be written is not an idle one."""
    transport = request.transport
    if transport is not None and transport.get_write_buffer_size() > UNREAD_AT_MOST:
        transport.abort()
    return await handler(request)


def _reachable(address: str) -> str:
    """The address to call for one to listen on, as it stands in a URL."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 - what is listened on, not a bind
    return f"[{here}]" if ":" in here else here


class TemplateAccessLogger(AbstractAccessLogger):
    """Logs the route's template and never the path: a callback's path is a capability (webhooks.md §1)."""

    @property
    def enabled(self) -> bool:
        """Whether anybody reads such lines."""
        return self.logger.isEnabledFor(logging.DEBUG)

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """One DEBUG line per request; ``time`` is in seconds."""
        self.logger.debug("%s %s %s %.1f ms", request.method, _template(request), response.status, time * 1000)


def _template(request: web.BaseRequest) -> str:
    try:
        resource = cast("web.Request", request).match_info.route.resource
    except (AssertionError, AttributeError):  # what is no HTTP was never routed
        return "-"
    return "-" if resource is None else resource.canonical


def _server_logger() -> logging.Logger:
    """A logger for the server's own words, in which what strangers send makes no traceback."""
    own = logging.getLogger(f"{__name__}.server")
    own.addFilter(_one_line)
    return own


def _one_line(record: logging.LogRecord) -> bool:
    if record.exc_info and isinstance(record.exc_info[1], HttpProcessingError | ConnectionError):
        record.exc_info, record.levelno, record.levelname = None, logging.INFO, "INFO"
    return True
