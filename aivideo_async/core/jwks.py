"""The public keys in a JSON Web Key Set (RFC 7517, RFC 8037), whatever bytes came."""

from __future__ import annotations

from pydantic import JsonValue

from aivideo_async.core.errors import ConfigurationError, InvalidResponseError, WebhookVerificationError
from aivideo_async.core.keys import Ed25519Key
from aivideo_async.core.scheme_keys import public_bytes
from aivideo_async.core.strict_json import parse_body

MOST_KEYS = 32


def keys_of(document: bytes) -> tuple[Ed25519Key, ...]:
    """The Ed25519 keys of a set, in its order; what is of another kind, for another use or not usable is skipped.

    Raises InvalidResponseError when that leaves none, or when there are more than 32 entries.
    """
    try:
        entries = parse_body(document).get("keys")
    except WebhookVerificationError as error:
        raise InvalidResponseError("the key set is no JSON object") from error
    if not isinstance(entries, list) or len(entries) > MOST_KEYS:
        raise InvalidResponseError(f"the key set has no list of at most {MOST_KEYS} keys")
    keys = tuple(key for key in map(_key, entries) if key is not None)
    if not keys:
        raise InvalidResponseError("the key set holds no Ed25519 key that could be used")
    return keys


def _key(entry: JsonValue) -> Ed25519Key | None:
    if not isinstance(entry, dict) or (entry.get("kty"), entry.get("crv")) != ("OKP", "Ed25519"):
        return None
    x = entry.get("x")
    if not isinstance(x, str) or entry.get("use", "sig") != "sig":
        return None
    try:
        return Ed25519Key(public_bytes(x))
    except ConfigurationError:
        return None
