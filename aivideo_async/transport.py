"""The way to the service: one method that sends once, and what is put around it for requests that may be repeated.

Only here requests to the API are sent, and only here aiohttp's errors become ours.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Protocol, Self, TypeVar
from urllib.parse import urlsplit

import aiohttp
from aiohttp.client_proto import ResponseHandler
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
from aivideo_async.exchange import Exchanger

T = TypeVar("T")

# Common servers close an idle connection after five seconds. A create that is written at that very moment is lost
# without a trace and left in doubt, so idle connections are given up earlier.
_KEEPALIVE = 4.0

SocketFactory = Callable[[tuple[int, int, int, str, tuple[object, ...]]], socket.socket]

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
    """The Transport over aiohttp's connections, open between entering and leaving; it may be opened again afterwards.

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
        self._connector: aiohttp.TCPConnector | None = None
        self._exchanger: Exchanger | None = None
        self._slots = asyncio.Semaphore(connections)

    def __repr__(self) -> str:
        return f"AiohttpTransport({self._base_url!r})"

    async def __aenter__(self) -> Self:
        if not hasattr(ResponseHandler, "set_response_params"):  # pragma: no cover - no aiohttp that is allowed today
            message = "this version of aiohttp does not let its connections be used without a session"
            raise ConfigurationError(message, hint="pip install 'aiohttp==3.14.*'")
        self._slots = asyncio.Semaphore(self._connections)
        self._connector = _connector()
        self._exchanger = Exchanger(
            self._base_url,
            {
                "User-Agent": USER_AGENT,
                "Authorization": f"Bearer {self._api_key.get_secret_value()}",
                "Accept": "application/json",
            },
            self._connector,
            aiohttp.ClientTimeout(connect=self._timeouts.connect, sock_read=self._timeouts.read),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connector, self._connector, self._exchanger = self._connector, None, None
        if connector is not None:
            await connector.close()

    async def send(self, request: HttpRequest, *, on_sent: Callable[[], None] | None = None) -> HttpResponse:
        """As ``Transport.send``. A GET on a connection that the server has closed meanwhile is sent once more.

        Raises ClientClosedError when it is not open.
        """
        sent = False

        def leaves() -> None:
            nonlocal sent
            if not sent and on_sent is not None:
                on_sent()
            sent = True

        try:
            async with self._slots, asyncio.timeout(self._timeouts.total):
                exchanger = self._open_exchanger()
                try:
                    return await exchanger.exchange(request, leaves)
                except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
                    if request.method != "GET" or not sent:
                        raise
                return await exchanger.exchange(request, leaves)
        except FOREIGN_ERRORS as error:
            cause = safe_cause(error, self._api_key.get_secret_value())
            failure = connection_error(error, sent=sent)
        raise failure from cause

    def _open_exchanger(self) -> Exchanger:
        if self._exchanger is None:
            message = "the transport is not open"
            raise ClientClosedError(message)
        return self._exchanger


def _connector(socket_factory: SocketFactory | None = None) -> aiohttp.TCPConnector:
    return aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE, socket_factory=socket_factory)


def open_session(
    timeouts: Timeouts,
    *,
    total: float | None,
    decompress: bool = True,
    socket_factory: SocketFactory | None = None,
) -> aiohttp.ClientSession:
    """A session for this package: deadlines, no environment, no cookies. Needs a running loop; the caller closes it.

    ``socket_factory`` sees the address of each attempt at connecting.
    """
    return aiohttp.ClientSession(
        connector=_connector(socket_factory),
        timeout=aiohttp.ClientTimeout(total=total, connect=timeouts.connect, sock_read=timeouts.read),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": USER_AGENT},
        trust_env=False,
        auto_decompress=decompress,
    )


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
