"""The capability token in our own callback URL: who knows it was told the URL by us (flow.md §1).

``<base>/<id>/<expiry>.<mac>``: ``expiry`` is in unix hours, ``mac`` is base64url of HMAC-SHA256 over the id and the
expiry. Every replica that holds the key can check a token without shared memory.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hmac import compare_digest
from hmac import digest as hmac_digest
from math import ceil

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from aivideo_async.core.errors import ConfigurationError, InvalidRequestError
from aivideo_async.core.keys import Guarded

ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""What an id, ours or the service's, must match in full before it enters a path."""
TOKEN_PATTERN = re.compile(r"([1-9][0-9]{0,8})\.([A-Za-z0-9_-]{43})")
"""What a token must match in full before it is checked."""
PICTURE_TOKEN_PATTERN = re.compile(r"([1-9][0-9]{0,8})\.([0-9]{1,2})\.([A-Za-z0-9_-]{43})")
"""What the token of a picture must match in full before it is checked."""

KEY_BYTES = 32
LIFETIME = 7 * 86_400.0
"""How long a callback URL lives, in seconds: as long as the record does, not only until the task's deadline."""

_HOUR = 3_600
_KEY_INFO = b"aivideo/callback-key/v1"
_TOKEN_PREFIX = b"aivideo/callback/v1|"
_PICTURE_PREFIX = b"aivideo/picture/v1|"
_FINGERPRINT = b"aivideo/callback-fingerprint/v1"


def callback_key_from_api_key(api_key: str) -> bytes:
    """The 32 bytes of callback key that belong to an API key, by HKDF-SHA256; every process derives the same.

    Raises ConfigurationError when the API key is empty.
    """
    if not api_key:
        raise ConfigurationError("no callback key can be derived from an empty API key")
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=_KEY_INFO).derive(_to_bytes(api_key))


class CallbackKeys(Guarded):
    """The keys behind the tokens: one, or several of which the first mints and all check (rotation).

    Each has at least 32 bytes; text counts in UTF-8. Does not show in a ``repr``, refuses to be pickled or copied.
    Raises ConfigurationError.
    """

    __slots__ = ("_keys",)

    def __init__(self, keys: str | bytes | Sequence[str | bytes]) -> None:
        several = (keys,) if isinstance(keys, str | bytes) else keys
        self._keys = tuple(_to_bytes(key) for key in several)
        if not self._keys:
            raise ConfigurationError("a callback needs at least one key")
        for key in self._keys:
            if len(key) < KEY_BYTES:
                raise ConfigurationError(f"a callback key has at least {KEY_BYTES} bytes, this one has {len(key)}")

    def __repr__(self) -> str:
        return f"<CallbackKeys {' '.join(self.fingerprints())}>"

    def mint(self, id: str, *, now: float, lifetime: float = LIFETIME) -> str:
        """The token of a task: valid from ``now`` (unix seconds) for ``lifetime`` seconds, rounded up to an hour.

        Raises InvalidRequestError when the id cannot stand in a path.
        """
        if ID_PATTERN.fullmatch(id) is None:
            raise InvalidRequestError("an id in a callback URL has 1 to 128 of A-Z a-z 0-9 _ -")
        expiry = str(ceil((now + lifetime) / _HOUR))
        return f"{expiry}.{_mac(self._keys[0], id, expiry).decode()}"

    def check(self, id: str, token: str, *, now: float) -> bool:
        """Whether the token belongs to this id and has not expired at ``now`` (unix seconds). Never raises."""
        found = TOKEN_PATTERN.fullmatch(token)
        if found is None or ID_PATTERN.fullmatch(id) is None:
            return False
        expiry, mac = found.groups()
        given = mac.encode()
        matched = sum([compare_digest(_mac(key, id, expiry), given) for key in self._keys]) > 0
        return matched and now <= int(expiry) * _HOUR

    def mint_picture(self, id: str, n: int, *, now: float, lifetime: float) -> str:
        """The token of a task's ``n``-th picture, in another domain than callbacks: neither opens the other's door."""
        expiry = str(ceil((now + lifetime) / _HOUR))
        return f"{expiry}.{n}.{_mac(self._keys[0], id, f'{expiry}|{n}', _PICTURE_PREFIX).decode()}"

    def check_picture(self, id: str, token: str, *, now: float) -> int | None:
        """Which picture of this id a token opens at ``now`` (unix seconds), ``None`` for none. Never raises."""
        found = PICTURE_TOKEN_PATTERN.fullmatch(token)
        if found is None or ID_PATTERN.fullmatch(id) is None:
            return None
        expiry, n, mac = found.groups()
        given = mac.encode()
        macs = [_mac(key, id, f"{expiry}|{n}", _PICTURE_PREFIX) for key in self._keys]
        matched = sum([compare_digest(mac, given) for mac in macs]) > 0
        return int(n) if matched and now <= int(expiry) * _HOUR else None

    def fingerprint(self) -> str:
        """16 hex digits that name the minting key and tell nothing about it."""
        return _fingerprint(self._keys[0])

    def fingerprints(self) -> tuple[str, ...]:
        """The fingerprint of every key, the minting one first."""
        return tuple(_fingerprint(key) for key in self._keys)


def _to_bytes(key: str | bytes) -> bytes:
    # Text from the environment may hold surrogates; an encoding error would carry the key in its arguments.
    return key if isinstance(key, bytes) else key.encode("utf-8", "surrogatepass")


def _mac(key: bytes, id: str, expiry: str, prefix: bytes = _TOKEN_PREFIX) -> bytes:
    message = prefix + id.encode() + b"|" + expiry.encode()
    return urlsafe_b64encode(hmac_digest(key, message, "sha256")).rstrip(b"=")


def _fingerprint(key: bytes) -> str:
    return hmac_digest(key, _FINGERPRINT, "sha256")[:8].hex()
