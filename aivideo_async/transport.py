"""The way to the service: one method that sends once, and what is put around it for requests that may be repeated.

Only here aiohttp speaks to the API, and only here its errors become ours. When the request may have left the machine is
told by a ``request_class`` of our own: aiohttp calls its ``send`` with a connection in hand, just before the first byte
is written, for new and for reused connections alike. (Its tracing says the same, at a fifth of a request's cost.)
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType, TracebackType
from typing import Protocol, Self, TypeVar
from urllib.parse import urlsplit

import aiohttp
from aiohttp.connector import Connection
from pydantic import SecretStr

from aivideo_async.core.errors import (
    AIVideoError,
    APIConnectionError,
    ClientClosedError,
    ConfigurationError,
    RateLimitError,
)
from aivideo_async.core.retry import RetryPolicy
from aivideo_async.core.wire import HttpRequest, HttpResponse, is_web_url

T = TypeVar("T")

BODY_LIMIT = 8 * 2**20
"""No answer of the API comes near this many bytes; a longer one is not read to its end."""

_CHUNK = 64 * 2**10
# Common servers close an idle connection after five seconds. A create that is written at that very moment is lost
# without a trace and left in doubt, so idle connections are given up earlier.
_KEEPALIVE = 4.0
_JSON: Mapping[str, str] = MappingProxyType({"Content-Type": "application/json"})
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})

FOREIGN_ERRORS = (aiohttp.ClientError, OSError, TimeoutError, UnicodeError)
"""Everything that aiohttp raises for what happens on the network; a host name that IDNA refuses is a UnicodeError."""

_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "the host name cannot be resolved"),
    (aiohttp.ClientConnectorSSLError, "TLS could not be agreed on"),
    (aiohttp.ClientConnectorCertificateError, "the certificate is not accepted"),
    (aiohttp.ClientHttpProxyError, "the proxy refused to connect"),
    (aiohttp.ConnectionTimeoutError, "connecting took too long"),
    (aiohttp.ClientConnectorError, "no connection"),
    (aiohttp.ServerDisconnectedError, "the connection was closed before an answer"),
    (aiohttp.ClientPayloadError, "the answer broke off"),
    (aiohttp.ClientResponseError, "the answer is not HTTP"),
    (aiohttp.InvalidURL, "the URL cannot be used"),
    (TimeoutError, "no whole answer in time"),
    (UnicodeError, "the host name cannot be resolved"),
    (Exception, "the connection broke"),
)


def _user_agent() -> str:
    try:
        return f"aivideo-async/{version('aivideo-async')}"
    except PackageNotFoundError:  # pragma: no cover - run from a folder that was never installed
        return "aivideo-async"


USER_AGENT = _user_agent()


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: ``connect`` for name, TCP and TLS; ``read`` between two pieces of the answer; ``total`` for all."""

    connect: float = 10.0
    read: float = 60.0
    total: float = 120.0


class Transport(Protocol):
    """What sends a request."""

    async def send(self, request: HttpRequest, *, on_sent: Callable[[], None] | None = None) -> HttpResponse:
        """Send once and give the whole answer, whatever its status.

        ``on_sent`` is called when the first byte may leave, and not before. Raises only APIConnectionError, with
        ``sent="no"`` when provably nothing left. Cancelling closes the connection; what was sent stays sent.
        """
        ...


class AiohttpTransport:
    """The Transport over one aiohttp session, open between entering and leaving; it may be opened again afterwards.

    It follows no redirect, reads no proxy from the environment and keeps no cookie. ``connections`` bounds what is open
    at once; waiting for one is not counted into the timeouts. Raises ConfigurationError for a base URL or a key that
    cannot be used.
    """

    def __init__(
        self, base_url: str, api_key: SecretStr, *, timeouts: Timeouts | None = None, connections: int = 100
    ) -> None:
        self._base_url = _checked_base(base_url)
        self._api_key = _checked_key(api_key)
        self._timeouts = timeouts or Timeouts()
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._slots = asyncio.Semaphore(connections)

    def __repr__(self) -> str:
        return f"AiohttpTransport({self._base_url!r})"

    async def __aenter__(self) -> Self:
        if not hasattr(aiohttp.ClientRequest, "send"):  # pragma: no cover - no aiohttp that is allowed today
            message = "this version of aiohttp does not tell when a request leaves"
            raise ConfigurationError(message, hint="pip install 'aiohttp==3.14.*'")
        self._slots = asyncio.Semaphore(self._connections)
        self._session = open_session(
            self._timeouts,
            total=self._timeouts.total,
            headers={"Authorization": f"Bearer {self._api_key.get_secret_value()}", "Accept": "application/json"},
            request_class=_WatchedRequest,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(self, request: HttpRequest, *, on_sent: Callable[[], None] | None = None) -> HttpResponse:
        """As ``Transport.send``. Raises ClientClosedError when it is not open."""
        progress = _Progress(on_sent)
        _PROGRESS.set(progress)
        try:
            async with self._slots, self._request(request) as response:
                return HttpResponse(response.status, response.headers, await _whole_body(response))
        except FOREIGN_ERRORS as error:
            cause = safe_cause(error, self._api_key.get_secret_value())
            failure = connection_error(error, sent=progress.sent)
        raise failure from cause

    def _request(self, request: HttpRequest) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        if self._session is None:
            message = "the transport is not open"
            raise ClientClosedError(message)
        return self._session.request(
            request.method,
            self._base_url + request.path,
            data=request.body,
            headers=None if request.body is None else _JSON,
            allow_redirects=False,
        )


class _Progress:
    """Whether the first byte of one request may have left."""

    def __init__(self, on_sent: Callable[[], None] | None) -> None:
        self.sent = False
        self._on_sent = on_sent

    def begin(self) -> None:
        # aiohttp sends a GET a second time when a reused connection turns out to be closed.
        if not self.sent and self._on_sent is not None:
            self._on_sent()
        self.sent = True


_PROGRESS: ContextVar[_Progress] = ContextVar("_PROGRESS")
"""Of the request that the running task sends."""


class _WatchedRequest(aiohttp.ClientRequest):
    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        _PROGRESS.get().begin()
        return await super().send(conn)


def open_session(
    timeouts: Timeouts,
    *,
    total: float | None,
    headers: Mapping[str, str] = _NO_HEADERS,
    request_class: type[aiohttp.ClientRequest] = aiohttp.ClientRequest,
    decompress: bool = True,
) -> aiohttp.ClientSession:
    """A session for this package: deadlines, no environment, no cookies. Needs a running loop; the caller closes it.

    ``headers`` go with every request.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE),
        timeout=aiohttp.ClientTimeout(total=total, connect=timeouts.connect, sock_read=timeouts.read),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": USER_AGENT, **headers},
        request_class=request_class,
        trust_env=False,
        auto_decompress=decompress,
    )


async def _whole_body(response: aiohttp.ClientResponse) -> bytes:
    length = response.content_length
    if length is not None and length <= BODY_LIMIT and "Content-Encoding" not in response.headers:
        return await response.read()
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > BODY_LIMIT:
            message = f"the answer is longer than {BODY_LIMIT} bytes"
            raise APIConnectionError(message, sent="maybe")
    return bytes(body)


def connection_error(error: BaseException, *, sent: bool) -> APIConnectionError:
    """Our error for one of aiohttp's. A refused proxy never passed the request on, whatever was written to it."""
    words = next(words for kind, words in _WORDS if isinstance(error, kind))
    arrived = sent and not isinstance(error, aiohttp.ClientHttpProxyError)
    return APIConnectionError(
        f"{words} ({type(error).__name__})",
        sent="maybe" if arrived else "no",
        hint="the request may have arrived" if arrived else "nothing was sent",
    )


def safe_cause(error: BaseException | None, secret: str) -> BaseException | None:
    """The outermost of an error and its causes that does not show the secret.

    aiohttp's response errors carry the request's headers, its time-outs the whole URL.
    """
    while error is not None and secret in f"{error!r} {error!s} {error.args!r}":
        error = error.__cause__
    return error


def _checked_base(base_url: str) -> str:
    parts = urlsplit(base_url) if is_web_url(base_url) else None
    if parts is None or parts.query or parts.fragment or "@" in parts.netloc:
        message = "the base URL must be http(s)://host[:port][/path], without user, query and fragment"
        raise ConfigurationError(message, hint="AIVIDEO_BASE_URL")
    return base_url.rstrip("/")


def _checked_key(api_key: SecretStr) -> SecretStr:
    value = api_key.get_secret_value()
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        message = "the API key is empty or holds characters that no key has"
        raise ConfigurationError(message, hint="AIVIDEO_API_KEY")
    return api_key


class PauseGate:
    """What every request of a client passes: a 429 closes it for all of them for a while.

    It belongs to no loop. ``clock`` is monotonic seconds.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._until = float("-inf")

    def pause(self, seconds: float) -> None:
        """Keep the gate closed for this many seconds from now; never shorter than it would be anyway."""
        self._until = max(self._until, self._clock() + seconds)

    async def wait(self) -> None:
        """Return when the gate is open. Cancelling leaves it as it is."""
        while (left := self._until - self._clock()) > 0:
            await self._sleep(left)


async def fetch(
    transport: Transport,
    request: HttpRequest,
    read: Callable[[HttpResponse], T],
    *,
    policy: RetryPolicy,
    gate: PauseGate,
    draw: Callable[[], float] = random.random,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> T:
    """Send a request that may be repeated (a GET) until ``read`` gives a value or the policy gives up.

    Raises the last error: APIConnectionError, or whatever AIVideoError ``read`` makes of the answer. A 429, also the
    last one, pauses the gate for everybody. Cancelling ends it at once.
    """
    attempt = 0
    while True:
        attempt += 1
        await gate.wait()
        try:
            return read(await transport.send(request))
        except AIVideoError as error:
            delay = policy.delay(error, attempt=attempt, draw=draw())
            limited = isinstance(error, RateLimitError)
            if limited:
                gate.pause(policy.pause_after(error) if delay is None else delay)
            if delay is None:
                raise
        if not limited:
            await sleep(delay)
