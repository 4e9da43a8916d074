"""Keys that sign and verify: loaded once, strictly, and never shown (webhooks.md §2).

A wrong key fails when it is loaded, as a ConfigurationError that holds nothing of it.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from hmac import compare_digest
from hmac import new as new_hmac
from typing import ClassVar, NoReturn, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519

from aivideo_async.core.errors import ConfigurationError

_KEY_TEXT = re.compile(r"(whsec|whpk)_([A-Za-z0-9+/]*)(={0,2})")
_HMAC_LEAST, _HMAC_SHORT, _HMAC_LONG = 16, 24, 64
_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
_WEAK_POINTS = frozenset(
    bytes.fromhex(point)
    for point in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)
"""Points of small order, the top bit cleared: anybody can forge signatures under them."""


class Guarded:
    """Holds key material: does not show in a ``repr`` and refuses to be pickled or copied."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds a key and is not pickled")


class HmacKey(Guarded):
    """A shared secret of at least 16 raw bytes: signs and verifies ``v1``. ``remark`` says what is odd about it."""

    __slots__ = ("_keyed", "remark")
    label: ClassVar[bytes] = b"v1"

    def __init__(self, raw: bytes) -> None:
        if len(raw) < _HMAC_LEAST:
            raise ConfigurationError(f"a signing secret has at least {_HMAC_LEAST} bytes, this one has {len(raw)}")
        self._keyed = new_hmac(raw, digestmod="sha256")
        self.remark: str | None = None
        if not _HMAC_SHORT <= len(raw) <= _HMAC_LONG:
            self.remark = f"Standard Webhooks asks for {_HMAC_SHORT} to {_HMAC_LONG} bytes, this secret has {len(raw)}"

    def sign(self, message: bytes) -> bytes:
        """The token of a message: label, comma, signature in base64."""
        mac = self._keyed.copy()
        mac.update(message)
        return b"v1," + b2a_base64(mac.digest(), newline=False)

    def matches(self, message: bytes, tokens: Sequence[bytes]) -> bool:
        """Whether one of the tokens is right. All are compared before it decides."""
        # Base64 of a stranger is never decoded: lenient decoders would make one signature of many texts.
        expected = self.sign(message)
        return True in [compare_digest(expected, token) for token in tokens]

    @staticmethod
    def well_formed(signature: bytes) -> bool:
        """Whether a wrong signature could have been one; only names the reason of a rejection."""
        return decode_base64(signature) is not None


class Ed25519Key(Guarded):
    """A public key of 32 raw bytes: verifies ``v1a``. Points of small order or not on the curve are refused."""

    __slots__ = ("_key", "remark")
    label: ClassVar[bytes] = b"v1a"

    def __init__(self, raw: bytes) -> None:
        if (fault := _point_fault(raw)) is not None:
            raise ConfigurationError(f"not a usable Ed25519 public key: {fault}")
        self._key = ed25519.Ed25519PublicKey.from_public_bytes(raw)
        self.remark: str | None = None

    def matches(self, message: bytes, tokens: Sequence[bytes]) -> bool:
        """Whether one of the tokens is right. All are tried before it decides."""
        return True in [self._verifies(message, token[4:]) for token in tokens if token.startswith(b"v1a,")]

    def _verifies(self, message: bytes, signature: bytes) -> bool:
        raw = decode_base64(signature)
        return raw is not None and self.accepts(message, raw)

    def accepts(self, message: bytes, signature: bytes) -> bool:
        """Whether the raw bytes of a signature are right."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    @staticmethod
    def well_formed(signature: bytes) -> bool:
        """Whether a wrong signature could have been one; only names the reason of a rejection."""
        raw = decode_base64(signature)
        return raw is not None and len(raw) == 64


class Ed25519Signer(Guarded):
    """The private half of an Ed25519Key, from its 32 raw bytes: signs ``v1a``."""

    __slots__ = ("_key",)

    def __init__(self, raw: bytes) -> None:
        if len(raw) != 32:
            raise ConfigurationError(f"an Ed25519 private key has 32 bytes, this one has {len(raw)}")
        self._key = ed25519.Ed25519PrivateKey.from_private_bytes(raw)

    @property
    def public(self) -> Ed25519Key:
        """The key that verifies what this one signs."""
        return Ed25519Key(self._key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """The token of a message: label, comma, signature in base64."""
        return b"v1a," + b2a_base64(self._key.sign(message), newline=False)


SigningKey = HmacKey | Ed25519Key
"""What verifies."""


class Signer(Protocol):
    """What signs: HmacKey and Ed25519Signer."""

    def sign(self, message: bytes) -> bytes:
        """The token of a message: label, comma, signature in base64."""
        ...


_KINDS: dict[str, type[HmacKey | Ed25519Key]] = {"whsec": HmacKey, "whpk": Ed25519Key}
_HINTS = {
    "whsk_": "whsk_ is the private half, a receiver is given the public one (whpk_)",
    "": "it starts with whsec_ (HMAC) or whpk_ (Ed25519) and goes on in base64; raw bytes go through HmacKey(...)",
}


def load_key(text: str) -> SigningKey:
    """The key of a ``whsec_`` or ``whpk_`` text; missing padding is added.

    Raises ConfigurationError, without a trace of the text, for anything else. Raw bytes are given to ``HmacKey`` or
    ``Ed25519Key`` instead.
    """
    found = _KEY_TEXT.fullmatch(text)
    if found is None:
        hint = next(hint for prefix, hint in _HINTS.items() if text.startswith(prefix))
        raise ConfigurationError("not a webhook secret", hint=hint)
    kind, digits, padding = found.groups()
    missing = -len(digits) % 4
    if missing == 3 or len(padding) > missing:
        raise ConfigurationError(f"what follows {kind}_ is not base64", hint="was the secret copied in full?")
    return _KINDS[kind](a2b_base64(digits + "=" * missing))


def decode_base64(text: bytes) -> bytes | None:
    """The bytes of a base64 text, or ``None`` unless encoding them again gives the very same text."""
    try:
        raw = a2b_base64(text)
    except Base64Error:
        return None
    return raw if b2a_base64(raw, newline=False) == text else None


def _point_fault(raw: bytes) -> str | None:
    if len(raw) != 32:
        return f"it has 32 bytes, this one {len(raw)}"
    cleared = raw[:31] + bytes((raw[31] & 0x7F,))
    if cleared in _WEAK_POINTS:
        return "signatures under this point can be forged by anybody"
    y = int.from_bytes(cleared, "little")
    if y >= _P:
        return "its coordinate is not reduced"
    # x² = u/v; u·v is a square exactly when u/v is, and v is never 0 because -1/d is not a square.
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    return None if pow(u * v, (_P - 1) // 2, _P) == 1 else "the point is not on the curve"
