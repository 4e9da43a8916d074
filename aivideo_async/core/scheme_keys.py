"""The keys of the schemes in ``core.schemes``: a shared secret as its sender gives it out, or a key of a JWKS.

Other than in Standard Webhooks the sender chooses what a secret looks like, so that only one that everybody knows is
refused: none. A wrong key fails when it is loaded, as a ConfigurationError that holds nothing of it.
"""

from __future__ import annotations

import re
from binascii import Error as BinaryError
from binascii import a2b_base64, a2b_hex, b2a_base64, b2a_hex
from collections.abc import Callable, Mapping, Sequence
from hmac import compare_digest
from hmac import new as new_hmac
from typing import Literal

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.core.keys import Ed25519Key, Guarded, decode_base64

Encoding = Literal["hex", "base64"]
"""How a signature is written."""
SecretForm = Literal["text", "text after whsec_", "jwk"]
"""How a sender gives out a key: the text is the key, the text after a prefix is, or ``x`` of a JSON Web Key."""

_SHORT = 16
_DIGEST = 32
_BLANK = b" \t\r\n\v\f\0"
_X = re.compile(r"[A-Za-z0-9_-]{43}")


class TextMac(Guarded):
    """A shared secret whose HMAC-SHA256 is compared as the text that the sender writes.

    ``remark`` says what is odd about it. Raises ConfigurationError for a blank one: anybody can sign with it.
    """

    __slots__ = ("_encode", "_keyed", "_well_formed", "remark")

    def __init__(self, raw: bytes, encoding: Encoding) -> None:
        # Bytes of zero at its end do not change what an HMAC's key is: nothing but zeros is the empty key.
        if not raw.strip(_BLANK):
            raise ConfigurationError("a signing secret is empty or blank", hint="is its variable set?")
        self._keyed = new_hmac(raw, digestmod="sha256")
        self._encode, self._well_formed = _TEXTS[encoding]
        self.remark: str | None = None
        if len(raw) < _SHORT:
            self.remark = f"this secret has {len(raw)} bytes, fewer than {_SHORT} can be guessed"
        elif raw != raw.strip(_BLANK):
            self.remark = "this secret begins or ends with a space or a line end, which counts as part of it"

    def sign(self, message: bytes) -> bytes:
        """The signature of a message as text."""
        mac = self._keyed.copy()
        mac.update(message)
        return self._encode(mac.digest())

    def matches(self, message: bytes, texts: Sequence[bytes]) -> bool:
        """Whether one of the texts is right. All are compared before it decides."""
        expected = self.sign(message)
        return True in [compare_digest(expected, text) for text in texts]

    def well_formed(self, text: bytes) -> bool:
        """Whether a wrong signature could have been one; only names the reason of a rejection."""
        return self._well_formed(text)


class HexEd25519(Guarded):
    """A public key whose signatures are written in hex, in either case."""

    __slots__ = ("_key", "remark")

    def __init__(self, key: Ed25519Key) -> None:
        self._key = key
        self.remark: str | None = key.remark

    def matches(self, message: bytes, texts: Sequence[bytes]) -> bool:
        """Whether one of the texts is right. All are tried before it decides."""
        return True in [raw is not None and self._key.accepts(message, raw) for raw in map(_signature, texts)]

    def well_formed(self, text: bytes) -> bool:
        """Whether a wrong signature could have been one; only names the reason of a rejection."""
        return _signature(text) is not None


SchemeKey = TextMac | HexEd25519
"""What verifies."""


def load_secret(secret: str | bytes | Ed25519Key, form: SecretForm, encoding: Encoding) -> SchemeKey:
    """The key of a text as the sender gives it out, or of raw bytes.

    Raises ConfigurationError, without a trace of the text, for what cannot be one.
    """
    if form == "jwk":
        raw = public_bytes(secret) if isinstance(secret, str) else secret
        return HexEd25519(Ed25519Key(raw) if isinstance(raw, bytes) else raw)
    if isinstance(secret, Ed25519Key):
        raise ConfigurationError("this scheme signs with a shared secret, not with a public key")
    return TextMac(secret if isinstance(secret, bytes) else _shared(secret, form), encoding)


def _shared(text: str, form: SecretForm) -> bytes:
    if not text.strip():
        raise ConfigurationError("a signing secret is empty or blank", hint="is its variable set?")
    try:
        return (text.removeprefix("whsec_") if form == "text after whsec_" else text).encode()
    except UnicodeEncodeError:  # its message would hold the secret
        raise ConfigurationError("a signing secret is no valid Unicode") from None


def public_bytes(key: str) -> bytes:
    """The bytes of the ``x`` of a JSON Web Key. Raises ConfigurationError for what is not 43 digits of base64url."""
    raw = a2b_base64(key.translate(_STANDARD_ALPHABET) + "=") if _X.fullmatch(key) else b""
    if b2a_base64(raw, newline=False).rstrip(b"=").decode().translate(_URL_ALPHABET) != key:
        raise ConfigurationError("not the x of a JSON Web Key: 43 characters of base64url")
    return raw


def _signature(text: bytes) -> bytes | None:
    try:
        raw = a2b_hex(text)
    except BinaryError:
        return None
    return raw if len(raw) == 64 else None


def _in_base64(digest: bytes) -> bytes:
    return b2a_base64(digest, newline=False)


def _is_base64_of_a_digest(text: bytes) -> bool:
    raw = decode_base64(text)
    return raw is not None and len(raw) == _DIGEST


_STANDARD_ALPHABET = str.maketrans("-_", "+/")
_URL_ALPHABET = str.maketrans("+/", "-_")
_TEXTS: Mapping[Encoding, tuple[Callable[[bytes], bytes], Callable[[bytes], bool]]] = {
    "hex": (b2a_hex, bool),
    "base64": (_in_base64, _is_base64_of_a_digest),
}
"""How a digest is written, and whether a text could be one; hex of any length and case is only a wrong one."""
