"""Keys that a sender publishes at a URL: fetched from there and nowhere else, kept, and fetched anew within bounds.

Nothing in a delivery says where keys are. The URL is the operator's, redirects are not followed, and whatever a
stranger sends causes at most one fetch a minute, however many deliveries wait for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

import aiohttp

from aivideo_async.core.addresses import is_loopback
from aivideo_async.core.any_of import AnyOf
from aivideo_async.core.errors import (
    AIVideoError,
    APIConnectionError,
    ConfigurationError,
    InvalidResponseError,
    VerificationFailure,
    WebhookVerificationError,
)
from aivideo_async.core.jwks import keys_of
from aivideo_async.core.scheme_verifier import SchemeVerifier, row_of
from aivideo_async.core.schemes import Scheme
from aivideo_async.core.signing import RawHeaders, Verified, checked_tolerance
from aivideo_async.core.webhooks import Verifier
from aivideo_async.supervise import finish
from aivideo_async.transport import FOREIGN_ERRORS

logger: logging.Logger = logging.getLogger(__name__)

T = TypeVar("T")
Fetch = Callable[[str], Awaitable[bytes]]

FAL_KEYS = "https://rest.fal.ai/.well-known/jwks.json"
"""Where fal publishes its keys."""
MAX_AGE = 24 * 3600.0
SET_LIMIT = 64 * 2**10
TIMEOUT = 5.0
PAUSE = 60.0
PAUSE_AFTER_FAILURE = 5.0


class JwksVerifier:
    """Verifies a scheme whose sender publishes its keys, as fal does.

    A receiver sees to its keys. With ``unwrap`` alone it is ``with_keys((verifier,), lambda: unwrap(…))``.
    ``tolerance`` is in seconds. Keys are used for ``max_age`` seconds at most and fetched anew after half of it.
    Raises ConfigurationError for a URL that is not https (loopback may be http), or a scheme with secrets.
    """

    def __init__(
        self,
        url: str = FAL_KEYS,
        *,
        scheme: str | Scheme = "fal",
        tolerance: float = 300.0,
        max_age: float = MAX_AGE,
        clock: Callable[[], float] = time.monotonic,
        fetch: Fetch | None = None,
    ) -> None:
        self._url = _checked(url)
        self._row = row_of(scheme)
        if self._row.key_form != "jwk":
            raise ConfigurationError(f"the sender of {self._row.name} has a secret and publishes no keys")
        self._tolerance = checked_tolerance(tolerance)
        self._max_age = max_age
        self._clock = clock
        self._fetch = fetch or fetch_set
        self._current: SchemeVerifier | None = None
        self._generation = 0
        self._fetched_at = self._next_try = float("-inf")
        self._guard: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    def __repr__(self) -> str:
        return f"<JwksVerifier {self._url} keys={self.key_count}>"

    @property
    def authenticates_body(self) -> bool:
        """Whether the signature covers the body."""
        return self._row.covers_body

    @property
    def tolerance(self) -> float:
        """Seconds that a delivery may be old, or dated ahead."""
        return self._tolerance

    @property
    def key_count(self) -> int:
        """How many keys it holds now."""
        return 0 if self._current is None else self._current.key_count

    def verify(self, headers: RawHeaders, body: bytes, *, now: float) -> Verified:
        """Check one delivery at the unix time ``now`` with the keys at hand; without any, nothing is right.

        Raises WebhookVerificationError, nothing else.
        """
        if self._current is None:
            raise WebhookVerificationError(VerificationFailure.BAD_SIGNATURE)
        return self._current.verify(headers, body, now=now)

    async def prepare(self) -> None:
        """Have keys that are not too old.

        Raises APIConnectionError or InvalidResponseError when there are none and none can be had now. Cancelling it
        does not cut a fetch short that others wait for.
        """
        age = self._clock() - self._fetched_at
        if age < self._max_age / 2:
            return
        if age >= self._max_age:
            self._current = None
        try:
            await self.refresh()
        except AIVideoError as error:
            if self._current is None:
                raise
            logger.warning("keys are kept on, %s does not give newer ones: %s", self._url, error)

    async def refresh(self) -> bool:
        """Fetch the keys anew, unless they were asked for a moment ago; says whether they are newer than before.

        Raises as ``prepare`` does. Deliveries that come meanwhile wait for the same fetch.
        """
        before = self._generation
        async with self._lock():
            if self._generation != before:
                return True
            if self._clock() < self._next_try:
                if self._current is None:
                    raise APIConnectionError(f"{self._url} gave no keys a moment ago", sent="maybe")
                return False
            self._next_try = self._clock() + PAUSE_AFTER_FAILURE
            await finish(self._renew())
            return True

    async def _renew(self) -> None:
        keys = keys_of(await self._fetch(self._url))
        self._current = SchemeVerifier(self._row, keys, tolerance=self._tolerance)
        self._generation += 1
        self._fetched_at = self._clock()
        self._next_try = self._fetched_at + PAUSE

    def _lock(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        if self._guard is None or self._guard[0] is not loop:
            self._guard = loop, asyncio.Lock()
        return self._guard[1]


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise ConfigurationError("the URL of the keys is none") from None
    if not host or "@" in parts.netloc:
        raise ConfigurationError("the URL of the keys has a host, and no user")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ConfigurationError(f"keys are fetched by https, not from {url}")
    return url


def key_sources(verifier: Verifier | None) -> tuple[JwksVerifier, ...]:
    """What has to be seen to before a verifier can be used: its own keys, or those of its members."""
    if isinstance(verifier, JwksVerifier):
        return (verifier,)
    if isinstance(verifier, AnyOf):
        return tuple(source for member in verifier.members for source in key_sources(member))
    return ()


async def with_keys(sources: Sequence[JwksVerifier], attempt: Callable[[], T]) -> T:
    """What ``attempt`` gives with keys at hand, tried once more with fresh ones where no known key had signed.

    Raises what ``attempt`` raises; APIConnectionError or InvalidResponseError where a signature could not be checked
    since there are no keys.
    """
    missing: AIVideoError | None = None
    for source in sources:
        try:
            await source.prepare()
        except AIVideoError as error:
            missing = error
    try:
        return attempt()
    except WebhookVerificationError as error:
        if error.reason is not VerificationFailure.BAD_SIGNATURE:
            raise
        if missing is not None:
            raise missing from error
        if not any([await _refreshed(source) for source in sources]):
            raise
    return attempt()


async def _refreshed(source: JwksVerifier) -> bool:
    try:
        return await source.refresh()
    except AIVideoError as error:
        logger.warning("a signature is of no known key, and newer ones cannot be had: %s", error)
        return False


async def fetch_set(url: str, *, timeout: float = TIMEOUT) -> bytes:
    """The document at a URL, of at most 64 KiB, within ``timeout`` seconds and without a redirect.

    Raises APIConnectionError and InvalidResponseError.
    """
    try:
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            ) as session,
            session.get(url, allow_redirects=False, headers={"Accept-Encoding": "identity"}) as response,
        ):
            if response.status != 200:
                raise InvalidResponseError(f"{url} answered {response.status}, not with keys", status=response.status)
            document = await response.content.readexactly(SET_LIMIT + 1)
    except asyncio.IncompleteReadError as whole:
        return whole.partial
    except FOREIGN_ERRORS as error:
        raise APIConnectionError(f"no keys from {url}: {type(error).__name__}", sent="maybe") from error
    raise InvalidResponseError(f"{url} gave {len(document)} bytes or more, which is no key set")
