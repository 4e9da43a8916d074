"""Sign and verify bytes: Standard Webhooks v1 (HMAC-SHA256) and v1a (Ed25519), strictly (webhooks.md §2).

Everything works on the bytes as they arrived. ``StandardWebhooks.verify`` raises WebhookVerificationError and nothing
else, whatever bytes come in; a wrong secret is a ConfigurationError when it is loaded, and no message holds a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import inf
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar, get_args

from aivideo_async.core.errors import (
    ConfigurationError,
    InvalidRequestError,
    VerificationFailure,
    WebhookVerificationError,
)
from aivideo_async.core.keys import Ed25519Key, Ed25519Signer, Guarded, HmacKey, Signer, SigningKey, load_key

__all__ = [
    "MAX_TOKENS",
    "NEAREST_FIRST",
    "STANDARD",
    "Ed25519Key",
    "Ed25519Signer",
    "Family",
    "HmacKey",
    "RawHeaders",
    "Signer",
    "SigningKey",
    "StandardWebhooks",
    "Verified",
    "checked_tolerance",
    "load_key",
    "read_timestamp",
    "sign",
]

RawHeaders = Sequence[tuple[bytes, bytes]]
"""Headers as they arrived: pairs of bytes, in order, repeated ones included."""
Family = Literal["webhook", "svix"]
"""The prefix of the three header names."""

STANDARD = "standard-webhooks"
"""The name of the default scheme."""

_DELIVERY_ID = re.compile(rb"[^\x00-\x20\x7f.]{1,256}")
_TIMESTAMP = re.compile(rb"[1-9][0-9]{0,11}")
MAX_TOKENS = 32
"""Signatures beyond these in one delivery are an attack."""
NEAREST_FIRST = (
    VerificationFailure.BAD_SIGNATURE,
    VerificationFailure.MALFORMED_SIGNATURE,
    VerificationFailure.UNSUPPORTED_VERSION,
)
"""Of several wrong signatures the one that came nearest names the reason."""


class Verified(NamedTuple):
    """A signature that was right: the delivery's id, its unix time in seconds, and which of the keys it was.

    ``delivery_id`` and ``timestamp`` are ``None`` where a scheme has no such thing. ``scheme`` is its name.
    """

    delivery_id: str | None
    timestamp: int | None
    key_index: int
    scheme: str = STANDARD


class Remarked(Protocol):
    """A key that may be odd."""

    @property
    def remark(self) -> str | None:
        """What is odd about it."""
        ...


K = TypeVar("K", bound=Remarked)


class Keyed(Guarded, Generic[K]):
    """A verifier's keys, one at least, and the seconds that a delivery may be off. Raises ConfigurationError."""

    __slots__ = ("_keys", "_tolerance")

    def __init__(self, keys: Iterable[K], tolerance: float) -> None:
        self._keys: tuple[K, ...] = tuple(keys)
        if not self._keys:
            raise ConfigurationError("a verifier needs at least one secret")
        self._tolerance: float = checked_tolerance(tolerance)

    @property
    def tolerance(self) -> float:
        """Seconds that a delivery may be old, or dated ahead."""
        return self._tolerance

    @property
    def key_count(self) -> int:
        """How many keys it holds."""
        return len(self._keys)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is odd about the keys, to be logged once by whoever owns the verifier."""
        return tuple(key.remark for key in self._keys if key.remark is not None)


class StandardWebhooks(Keyed[SigningKey]):
    """Verifies Standard Webhooks under one or several keys (rotation), built once and used for every delivery.

    ``secrets`` are ``whsec_`` and ``whpk_`` texts or loaded keys. ``tolerance`` is in seconds, inclusive, both ways.
    ``headers`` names the families of header names that are read; of several complete ones the first is used.
    Raises ConfigurationError.
    """

    __slots__ = ("_families", "_labels", "_names", "_read")

    def __init__(
        self,
        secrets: str | SigningKey | Sequence[str | SigningKey],
        *,
        tolerance: float = 300.0,
        headers: Sequence[Family] = ("webhook",),
    ) -> None:
        several = (secrets,) if isinstance(secrets, str | HmacKey | Ed25519Key) else secrets
        super().__init__([load_key(secret) if isinstance(secret, str) else secret for secret in several], tolerance)
        if not headers or not set(headers) <= set(get_args(Family)):
            raise ConfigurationError("the families of header names are webhook, svix or both, in a sequence")
        self._labels = {key.label: key for key in self._keys}
        self._read = tuple(headers)
        self._families = tuple(_header_names(family) for family in headers)
        self._names = frozenset(name for family in self._families for name in family)

    def __repr__(self) -> str:
        return f"<StandardWebhooks keys={len(self._keys)} tolerance={self._tolerance}>"

    def with_secrets(self, secrets: str | SigningKey | Sequence[str | SigningKey]) -> StandardWebhooks:
        """The same under other secrets. Raises ConfigurationError."""
        return StandardWebhooks(secrets, tolerance=self._tolerance, headers=self._read)

    @property
    def authenticates_body(self) -> bool:
        """True: the signature covers the body."""
        return True

    def verify(self, headers: RawHeaders, body: bytes, *, now: float) -> Verified:
        """Check one delivery at the unix time ``now`` (seconds). Raises WebhookVerificationError, nothing else."""
        raw_id, stamp, signature = self._collect(headers)
        delivery_id = _delivery_id(raw_id)
        if delivery_id is None:
            raise WebhookVerificationError(VerificationFailure.MALFORMED_ID)
        timestamp = read_timestamp(stamp, now, self._tolerance)
        tokens = [token for token in signature.split(b" ") if token]
        if len(tokens) > MAX_TOKENS:
            raise WebhookVerificationError(VerificationFailure.MALFORMED_SIGNATURE)
        message = b".".join((raw_id, stamp, body))
        hits = [key.matches(message, tokens) for key in self._keys]
        if True not in hits:
            raise WebhookVerificationError(self._reason(tokens))
        return Verified(delivery_id, timestamp, hits.index(True))

    def _collect(self, headers: RawHeaders) -> tuple[bytes, bytes, bytes]:
        names, found = self._names, dict[bytes, bytes]()
        for name, value in headers:
            lowered = name.lower()
            if lowered in names:
                if lowered in found:
                    raise WebhookVerificationError(VerificationFailure.DUPLICATE_HEADER)
                found[lowered] = value.strip(b" \t")
        for id_name, stamp_name, signature_name in self._families:
            raw_id, stamp, signature = found.get(id_name), found.get(stamp_name), found.get(signature_name)
            if raw_id and stamp and signature:
                return raw_id, stamp, signature
        raise WebhookVerificationError(VerificationFailure.MISSING_HEADER)

    def _reason(self, tokens: Sequence[bytes]) -> VerificationFailure:
        """Why nothing matched; the token that came nearest to a signature decides."""
        reasons = {self._token_reason(*token.partition(b",")) for token in tokens}
        return next(reason for reason in NEAREST_FIRST if reason in reasons)

    def _token_reason(self, label: bytes, _: bytes, text: bytes) -> VerificationFailure:
        if not text:
            return VerificationFailure.MALFORMED_SIGNATURE
        key = self._labels.get(label)
        if key is None:
            return VerificationFailure.UNSUPPORTED_VERSION
        if not key.well_formed(text):
            return VerificationFailure.MALFORMED_SIGNATURE
        return VerificationFailure.BAD_SIGNATURE


def sign(
    keys: Sequence[Signer], *, delivery_id: str, timestamp: int, body: bytes, family: Family = "webhook"
) -> dict[str, str]:
    """The three headers of a delivery, signed with every key in turn (rotation). ``timestamp`` is in unix seconds.

    Raises InvalidRequestError when the id, the time or the number of keys is one that ``verify`` would not take.
    """
    raw_id, stamp = delivery_id.encode("utf-8", "surrogatepass"), str(timestamp).encode()
    if _delivery_id(raw_id) is None or _TIMESTAMP.fullmatch(stamp) is None:
        raise InvalidRequestError("a delivery has an id of 1 to 256 bytes without dots or spaces, and a unix time")
    if not 1 <= len(keys) <= MAX_TOKENS:
        raise InvalidRequestError(f"a delivery is signed with 1 to {MAX_TOKENS} keys, not {len(keys)}")
    message = b".".join((raw_id, stamp, body))
    tokens = b" ".join([key.sign(message) for key in keys]).decode()
    return {f"{family}-id": delivery_id, f"{family}-timestamp": str(timestamp), f"{family}-signature": tokens}


def read_timestamp(stamp: bytes, now: float, tolerance: float) -> int:
    """The unix time that a header says, inside of the window around ``now``. Raises WebhookVerificationError."""
    if _TIMESTAMP.fullmatch(stamp) is None:
        # A lone 0 is well-formed but never inside a window; senders with a broken clock send it.
        reason = VerificationFailure.STALE if stamp == b"0" else VerificationFailure.BAD_TIMESTAMP
        raise WebhookVerificationError(reason)
    timestamp = int(stamp)
    age = now - timestamp
    if not -tolerance <= age <= tolerance:
        raise WebhookVerificationError(VerificationFailure.STALE if age > 0 else VerificationFailure.FUTURE)
    return timestamp


def checked_tolerance(tolerance: float) -> float:
    """The tolerance when it is one. Raises ConfigurationError."""
    if not 0 <= tolerance < inf:
        raise ConfigurationError(f"the tolerance is a number of seconds from 0 on, not {tolerance}")
    return tolerance


def _header_names(family: Family) -> tuple[bytes, bytes, bytes]:
    prefix = family.encode()
    return prefix + b"-id", prefix + b"-timestamp", prefix + b"-signature"


def _delivery_id(raw: bytes) -> str | None:
    if _DELIVERY_ID.fullmatch(raw) is None:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None
