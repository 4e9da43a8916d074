"""Looks at a callback URL from outside, as a sender would meet it: name, addresses, TLS, and four harmless requests.

The requests are for the id of no task. Their body is no task either, so a receiver that believes token and signature
refuses it before it looks into its store (webhooks.md §3): nothing is created and nothing changed.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from secrets import token_bytes, token_hex
from urllib.parse import SplitResult, urljoin, urlsplit

from cryptography import x509

from aivideo_async import receiver
from aivideo_async.cli.diagnosis import Address, Certificate, Facts, Probe, Seen, Signing, Tls
from aivideo_async.core.addresses import is_public
from aivideo_async.core.errors import APIConnectionError
from aivideo_async.core.keys import HmacKey, SigningKey
from aivideo_async.core.models import Reply
from aivideo_async.core.signing import RawHeaders, sign
from aivideo_async.core.tokens import CallbackKeys
from aivideo_async.core.webhooks import BODY_LIMIT
from aivideo_async.posting import Answer, Poster
from aivideo_async.supervise import together

USUAL_BODY = 16 * 1024
"""A callback is hardly larger."""
MOST_ADDRESSES = 8
WITHIN = 10.0
TOKEN_LIFETIME = 86_400.0
"""A day, so that a clock that is wrong is not mistaken for a wrong key."""

_OURS = frozenset(
    (value.status, value.body) for value in vars(receiver).values() if isinstance(value, Reply) and value.body
)
_PORTS = {"http": 80, "https": 443}

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to addresses. Raises OSError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What an examination works with. ``tls`` is whom to trust, by default whom the machine trusts; ``within`` bounds
    each step in seconds; ``clock`` gives unix seconds.
    """

    keys: CallbackKeys
    secrets: Sequence[SigningKey] = ()
    tls: ssl.SSLContext | None = None
    resolve: Resolve | None = None
    within: float = WITHIN
    clock: Callable[[], float] = time.time


async def examine(url: str, means: Means, *, refusal: str | None = None, must_be_public: bool = True) -> Facts:
    """Everything that can be seen of the callback base ``url``; each step only where the one before led on.

    Never raises for what it meets. Cancelling it leaves nothing behind.
    """
    parts = urlsplit(url)
    host, https, now = parts.hostname or "", parts.scheme == "https", datetime.fromtimestamp(means.clock(), UTC)
    facts = Facts(
        host=host, https=https, now=now, refusal=refusal, must_be_public=must_be_public, signing=_signing(means)
    )
    port = parts.port or _PORTS[parts.scheme]
    try:
        texts = await (means.resolve or _resolved)(host, port)
    except (OSError, UnicodeError) as error:
        return replace(facts, dns_error=_words(error))
    addresses = await together(*(_address(text, port, means.within) for text in texts[:MOST_ADDRESSES]))
    facts = replace(facts, addresses=addresses)
    reached = next((address.text for address in addresses if address.error is None), None)
    if reached is None:
        return facts
    if https:
        facts = replace(facts, tls=await _tls(reached, port, host, means))
        if facts.tls is not None and (facts.tls.error is not None or facts.tls.code is not None):
            return facts  # a token is not given to somebody who is not believed
    return replace(facts, probes=await _probed(url.rstrip("/"), means, facts.signing))


def _signing(means: Means) -> Signing:
    if not means.secrets:
        return "unsigned"
    return "signed" if any(isinstance(key, HmacKey) for key in means.secrets) else "unable"


async def _resolved(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(where[4][0]) for where in found))


async def _address(text: str, port: int, within: float) -> Address:
    error = None
    try:
        async with asyncio.timeout(within):
            _, writer = await asyncio.open_connection(text, port)
        writer.transport.abort()
    except OSError as failure:  # a TimeoutError is one
        error = _words(failure)
    return Address(text=text, public=is_public(text), error=error)


async def _tls(address: str, port: int, host: str, means: Means) -> Tls:
    trusting = await asyncio.to_thread(ssl.create_default_context) if means.tls is None else means.tls
    try:
        return Tls(certificate=await _certificate(address, port, host, trusting, means.within))
    except ssl.SSLCertVerificationError as error:
        code = error.verify_code
    except (OSError, ValueError) as error:
        return Tls(error=_words(error))
    believing_all = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    believing_all.check_hostname, believing_all.verify_mode = False, ssl.CERT_NONE  # only to say what was shown
    try:
        return Tls(code=code, certificate=await _certificate(address, port, host, believing_all, means.within))
    except (OSError, ValueError):
        return Tls(code=code)


async def _certificate(address: str, port: int, host: str, trust: ssl.SSLContext, within: float) -> Certificate | None:
    async with asyncio.timeout(within):
        _, writer = await asyncio.open_connection(address, port, ssl=trust, server_hostname=host)
    shown: ssl.SSLObject = writer.get_extra_info("ssl_object")
    der = shown.getpeercert(binary_form=True)
    writer.transport.abort()  # a farewell is not waited for
    return None if der is None else _read(x509.load_der_x509_certificate(der))


def _read(certificate: x509.Certificate) -> Certificate:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        shown = (*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress)))
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        shown = ()
    return Certificate(
        names=shown,
        issuer=certificate.issuer.rfc4514_string(),
        begins=certificate.not_valid_before_utc,
        ends=certificate.not_valid_after_utc,
    )


async def _probed(base: str, means: Means, signing: Signing) -> dict[Probe, Seen]:
    id = f"av_{token_hex(16)}"
    probe = _Prober(base, id, means.keys.mint(id, now=means.clock(), lifetime=TOKEN_LIFETIME), means)
    keys = [key for key in means.secrets if isinstance(key, HmacKey)]
    async with Poster(within=means.within, tls=means.tls) as poster:
        seen: dict[Probe, Seen] = {"look": await probe.look(poster)}
        if seen["look"].error is not None or not seen["look"].ours:
            return seen
        seen["post"] = await probe.post(poster, USUAL_BODY, keys)
        if seen["post"].status == 400 and seen["post"].ours:
            seen["large"] = await probe.post(poster, BODY_LIMIT, keys)
            if signing == "signed":
                seen["forged"] = await probe.post(poster, USUAL_BODY, [HmacKey(token_bytes(32))])
    return seen


class _Prober:
    """Sends probes for one made-up id."""

    def __init__(self, base: str, id: str, token: str, means: Means) -> None:
        self._url = f"{base}/{id}/{token}"
        self._id = id
        self._token = token
        self._parts: SplitResult = urlsplit(base)
        self._clock = means.clock

    async def look(self, poster: Poster) -> Seen:
        return await self._seen(poster.send(self._url, [], b"", method="GET"))

    async def post(self, poster: Poster, size: int, keys: Sequence[HmacKey]) -> Seen:
        body = b'{"probe": "%s"}' % b64encode(bytes(size))[: size - 13]
        now = int(self._clock())
        headers: RawHeaders = [
            (b"Content-Type", b"application/json"),
            (b"X-Event", b"task.completed"),
            (b"X-Timestamp", str(now).encode()),
        ]
        if keys:
            signed = sign(keys, delivery_id=f"msg_{token_hex(12)}", timestamp=now, body=body)
            headers = [*headers, *((name.encode(), value.encode()) for name, value in signed.items())]
        return await self._seen(poster.send(self._url, headers, body))

    async def _seen(self, sending: Awaitable[Answer]) -> Seen:
        try:
            answer = await sending
        except APIConnectionError as error:
            return Seen(error=error.message)
        middle = self._clock() - answer.seconds / 2
        return Seen(
            status=answer.status,
            ours=(answer.status, answer.body) in _OURS,
            seconds=answer.seconds,
            skew=_skew(answer.header("date"), middle),
            location=self._location(answer.header("location")),
        )

    def _location(self, location: str | None) -> str | None:
        """Where a redirect leads, without what is secret in our own URL."""
        if location is None:
            return None
        try:
            parts = urlsplit(urljoin(self._url, location))
        except ValueError:
            return "a place that is no URL"
        path = parts.path.replace(self._token, "<token>").replace(self._id, "<id>")
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}"


def _skew(date: str | None, now: float) -> float | None:
    """Seconds by which the other clock is ahead; a Date has whole seconds, so it is half a second later on average."""
    try:
        told = None if date is None else parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return None
    if told is None:
        return None
    return (told if told.tzinfo is not None else told.replace(tzinfo=UTC)).timestamp() + 0.5 - now


def _words(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or type(error).__name__).lower().replace("_", " ")
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else type(error).__name__
