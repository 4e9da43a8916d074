"""Verifies what a row of ``core.schemes`` says.

::

    verifier = verifier_for("github", os.environ["GITHUB_WEBHOOK_SECRET"])
    verifier.verify(headers, body, now=time.time())

A scheme is never guessed from headers: several senders use the same names with other rules, so the operator names it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType

from aivideo_async.core.errors import ConfigurationError, VerificationFailure, WebhookVerificationError
from aivideo_async.core.keys import Ed25519Key, HmacKey
from aivideo_async.core.scheme_keys import SchemeKey, load_secret
from aivideo_async.core.schemes import FACT, SCHEMES, Scheme
from aivideo_async.core.signing import (
    MAX_TOKENS,
    NEAREST_FIRST,
    STANDARD,
    Family,
    Keyed,
    RawHeaders,
    StandardWebhooks,
    Verified,
    read_timestamp,
)
from aivideo_async.core.strict_json import parse_body

Secret = str | bytes | Ed25519Key
"""A key: as the sender gives it out, or as raw bytes."""

FAMILIES: Mapping[str, tuple[Family, ...]] = MappingProxyType({STANDARD: ("webhook",), "svix": ("svix", "webhook")})
"""The schemes that StandardWebhooks verifies, with the prefixes of their headers."""

NAMES: tuple[str, ...] = (*FAMILIES, *SCHEMES)
"""Every scheme that can be named."""

_ID = re.compile(rb"[^\x00-\x20\x7f]{1,256}")


class SchemeVerifier(Keyed[SchemeKey]):
    """Verifies deliveries of one scheme under one or several keys (rotation), built once and used for every delivery.

    ``scheme`` is a name of the table or a row of one's own. ``tolerance`` is in seconds, inclusive, both ways; a scheme
    without a timestamp has no window. Raises ConfigurationError.
    """

    __slots__ = ("_facts", "_named", "_parts", "_row")

    def __init__(self, scheme: str | Scheme, secrets: Secret | Sequence[Secret], *, tolerance: float = 300.0) -> None:
        row = row_of(scheme)
        several = (secrets,) if isinstance(secrets, str | bytes | Ed25519Key) else secrets
        self._row = row
        super().__init__([load_secret(one, row.key_form, row.encoding) for one in several], tolerance)
        # Literals and facts stand in turns, a literal first and last.
        self._parts = tuple(FACT.split(row.template))
        self._facts = tuple(fact.decode() for fact in self._parts[1::2])
        self._named = {header: name for name, header in row.headers.items()}
        self._named[row.signature] = ""

    def __repr__(self) -> str:
        return f"<SchemeVerifier {self._row.name} keys={len(self._keys)} tolerance={self._tolerance}>"

    def with_secrets(self, secrets: Secret | Sequence[Secret]) -> SchemeVerifier:
        """The same scheme under other secrets. Raises ConfigurationError."""
        return SchemeVerifier(self._row, secrets, tolerance=self._tolerance)

    @property
    def authenticates_body(self) -> bool:
        """Whether the signature covers the body."""
        return self._row.covers_body

    def verify(self, headers: RawHeaders, body: bytes, *, now: float) -> Verified:
        """Check one delivery at the unix time ``now`` (seconds). Raises WebhookVerificationError, nothing else."""
        row = self._row
        facts = self._collect(headers)
        stamps, tokens = self._entries(facts.pop(""))
        if row.stamp:
            if len(stamps) != 1:
                # Of two, some stacks would take the first and some the last.
                raise WebhookVerificationError(VerificationFailure.BAD_TIMESTAMP)
            facts["timestamp"] = stamps[0]
        for name, value in facts.items():
            if name != "timestamp":
                self._check_id(name, value)
        stamp = facts.get("timestamp")
        timestamp = None if stamp is None else read_timestamp(stamp, now, self._tolerance)
        if len(stamps) + len(tokens) > MAX_TOKENS:
            raise WebhookVerificationError(VerificationFailure.MALFORMED_SIGNATURE)
        message = self._message(facts, body)
        texts = [text for label, text in tokens if label == row.label]
        hits = [key.matches(message, texts) for key in self._keys]
        if True not in hits:
            raise WebhookVerificationError(self._reason(tokens))
        named = None if row.delivery_id is None else facts[row.delivery_id].decode()
        return Verified(named, timestamp, hits.index(True), row.name)

    def _collect(self, headers: RawHeaders) -> dict[str, bytes]:
        """The facts that headers hold by their names; the signatures stand under no name."""
        found: dict[str, bytes] = {}
        for header, value in headers:
            name = self._named.get(header.lower())
            if name is not None:
                if name in found:
                    raise WebhookVerificationError(VerificationFailure.DUPLICATE_HEADER)
                found[name] = value.strip(b" \t")
        if len(found) < len(self._named) or not all(found.values()):
            raise WebhookVerificationError(VerificationFailure.MISSING_HEADER)
        return found

    def _entries(self, value: bytes) -> tuple[list[bytes], list[tuple[bytes, bytes]]]:
        """The timestamps and the labelled signatures in the signature's header."""
        row, stamps, tokens = self._row, list[bytes](), list[tuple[bytes, bytes]]()
        for entry in value.split(row.between) if row.between else (value,):
            label, _, text = entry.partition(row.mark) if row.mark else (b"", b"", entry)
            if row.stamp and label == row.stamp:
                stamps.append(text)
            elif entry:
                tokens.append((label, text))
        return stamps, tokens

    def _check_id(self, name: str, value: bytes) -> None:
        """It must leave the signed message readable in one way only: without what stands behind it there."""
        behind = self._parts[self._facts.index(name) * 2 + 2] if name in self._facts else b""
        if _ID.fullmatch(value) is None or (behind and behind in value) or not _is_utf8(value):
            raise WebhookVerificationError(VerificationFailure.MALFORMED_ID)

    def _message(self, facts: dict[str, bytes], body: bytes) -> bytes:
        if "body" in self._facts:
            facts["body"] = body
        if "digest" in self._facts:
            facts["digest"] = sha256(body).hexdigest().encode()
        if "task_id" in self._facts:
            facts["task_id"] = _task_id(body)
            self._check_id("task_id", facts["task_id"])
        parts = list(self._parts)
        parts[1::2] = [facts[name] for name in self._facts]
        return b"".join(parts)

    def _reason(self, tokens: Sequence[tuple[bytes, bytes]]) -> VerificationFailure:
        """Why nothing matched; the signature that came nearest decides."""
        reasons = {self._token_reason(label, text) for label, text in tokens}
        nearest = (reason for reason in NEAREST_FIRST if reason in reasons)
        return next(nearest, VerificationFailure.MALFORMED_SIGNATURE)

    def _token_reason(self, label: bytes, text: bytes) -> VerificationFailure:
        if not text:
            return VerificationFailure.MALFORMED_SIGNATURE
        if label != self._row.label:
            return VerificationFailure.UNSUPPORTED_VERSION
        if not any(key.well_formed(text) for key in self._keys):
            return VerificationFailure.MALFORMED_SIGNATURE
        return VerificationFailure.BAD_SIGNATURE


def row_of(scheme: str | Scheme) -> Scheme:
    """The row of the table under a name, or the row itself. Raises ConfigurationError."""
    row = SCHEMES.get(scheme) if isinstance(scheme, str) else scheme
    if row is None:
        raise ConfigurationError(f"no scheme is called {scheme!r}", hint=f"there are {', '.join(NAMES)}")
    return row


def verifier_for(
    scheme: str | Scheme, secrets: Secret | Sequence[Secret], *, tolerance: float = 300.0
) -> StandardWebhooks | SchemeVerifier:
    """The verifier of a scheme that is named, or is a row of one's own, under one or several secrets (rotation).

    Raises ConfigurationError for a name that no scheme has, and for what cannot be its secret.
    """
    if isinstance(scheme, Scheme) or scheme not in FAMILIES:
        return SchemeVerifier(scheme, secrets, tolerance=tolerance)
    several = (secrets,) if isinstance(secrets, str | bytes | Ed25519Key) else secrets
    keys = [HmacKey(secret) if isinstance(secret, bytes) else secret for secret in several]
    return StandardWebhooks(keys, tolerance=tolerance, headers=FAMILIES[scheme])


def _task_id(body: bytes) -> bytes:
    data = parse_body(body).get("data")
    named = data.get("task_id") if isinstance(data, dict) else None
    if not isinstance(named, str):
        raise WebhookVerificationError(VerificationFailure.BAD_BODY)
    return named.encode()


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
