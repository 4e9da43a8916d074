"""The sandbox's way out: delivers callbacks, signed or not, and fetches input pictures (api.md §2, §4).

The only place of the sandbox with an ``aiohttp.ClientSession``. It signs by itself, not through ``core.signing``: what
both ends share, neither end tests.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

import aiohttp

from aivideo_async.sandbox.inputs import may_be_asked
from aivideo_async.sandbox.records import Delivery

CALLBACK_TIMEOUT = 30.0
FETCH_TIMEOUT = 60.0
FETCH_LIMIT = 30 * 1024 * 1024
"""Bytes of an input picture (api.md §2: 30 MB)."""
REDIRECTS = 5
REDIRECT_CODES = frozenset({301, 302, 303, 307, 308})
KEPT_FOR = 1.0
"""Seconds that an idle connection to a receiver is kept: no common server closes one sooner."""
WRONG_KEY = b"not the key that was agreed upon"


class FetchError(Exception):
    """An input picture could not be fetched; in words that do not name our libraries, and are the same in every run."""


class Courier:
    """Makes one attempt at a delivery at a time; what follows from it is the engine's to decide.

    ``secret`` is the key of Standard Webhooks v1 (raw bytes), ``None`` where nothing is signed; ``clock`` gives unix
    seconds. An async context manager.
    """

    def __init__(
        self,
        *,
        secret: bytes | None,
        clock: Callable[[], float],
        callback_timeout: float = CALLBACK_TIMEOUT,
        prefix: str = "X-",
    ) -> None:
        self._secret, self._clock, self._callback_timeout, self._prefix = secret, clock, callback_timeout, prefix
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # A connection that was kept for long may just be closing; the callback would be lost until its next attempt.
        connector = aiohttp.TCPConnector(keepalive_timeout=KEPT_FOR)
        self._session = aiohttp.ClientSession(
            connector=connector, headers={"User-Agent": "aivideo-sandbox"}, cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def headers(self, delivery: Delivery) -> dict[str, str]:
        """The headers of an attempt that is made now."""
        return callback_headers(delivery, self._secret, int(self._clock()), prefix=self._prefix)

    async def deliver(
        self, delivery: Delivery, headers: Mapping[str, str] | None = None
    ) -> tuple[int | None, str | None]:
        """POST a callback; the receiver's status, or ``None`` and why there was no answer. Redirects are not followed.

        ``headers`` are those that ``headers()`` gave. Cancelling it leaves open whether the callback arrived.
        """
        timeout = aiohttp.ClientTimeout(total=self._callback_timeout)
        headers = self.headers(delivery) if headers is None else headers
        try:
            async with self._open.post(
                delivery.url, data=delivery.body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                return response.status, None
        except (aiohttp.ClientError, OSError, ValueError) as error:  # a TimeoutError is an OSError
            return None, f"{type(error).__name__}: {error}".rstrip(": ")

    async def fetch(self, url: str) -> bytes:
        """An input picture's bytes, at most ``FETCH_LIMIT``. Raises FetchError; cancelling it stops the fetching."""
        try:
            async with asyncio.timeout(FETCH_TIMEOUT):
                for _ in range(REDIRECTS + 1):
                    found = await self._found(url)
                    if isinstance(found, bytes):
                        return found
                    url = found
        except TimeoutError as error:
            raise FetchError("it does not come within a minute") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise FetchError("it cannot be fetched") from error
        raise FetchError(f"it is redirected more than {REDIRECTS} times")

    async def _found(self, url: str) -> bytes | str:
        """What is there, or where it is instead."""
        if not may_be_asked(url):
            raise FetchError("it leads to what is no public http or https URL")
        async with self._open.get(url, timeout=aiohttp.ClientTimeout(total=None), allow_redirects=False) as response:
            if response.status in REDIRECT_CODES and "Location" in response.headers:
                return urljoin(url, response.headers["Location"])
            if response.status != 200:
                raise FetchError(f"it answers {response.status}")
            data = await response.content.read(FETCH_LIMIT + 1)
            while len(data) <= FETCH_LIMIT and (more := await response.content.read(FETCH_LIMIT + 1 - len(data))):
                data += more
        if len(data) > FETCH_LIMIT:
            raise FetchError(f"it has more than {FETCH_LIMIT} bytes")
        return data

    @property
    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the courier is not open")
        return self._session


def callback_headers(delivery: Delivery, secret: bytes | None, now: int, *, prefix: str = "X-") -> dict[str, str]:
    """The documented headers (api.md §4) and, with a secret, those of Standard Webhooks v1."""
    now -= delivery.stale
    headers = {
        "Content-Type": "application/json",
        f"{prefix}Event": delivery.event,
        f"{prefix}Task-Id": delivery.task_id,
        f"{prefix}Timestamp": str(now),
    }
    if secret is None:
        return headers
    signature = signed(WRONG_KEY if delivery.forged else secret, delivery.id, now, delivery.body)
    return {**headers, "webhook-id": delivery.id, "webhook-timestamp": str(now), "webhook-signature": signature}


def signed(key: bytes, delivery_id: str, timestamp: int, body: bytes) -> str:
    """The ``webhook-signature`` of a body: ``v1,`` and base64 of HMAC-SHA256 over ``id.timestamp.body``."""
    message = b"%s.%d.%s" % (delivery_id.encode(), timestamp, body)
    return "v1," + base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()
