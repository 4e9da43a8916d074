from __future__ import annotations

import base64
import hmac
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.core.keys import Ed25519Key, Ed25519Signer
from aivideo_async.core.scheme_keys import Encoding, HexEd25519, SecretForm, TextMac, load_secret

SIGNER = Ed25519Signer(bytes(range(32)))
PUBLIC = bytes.fromhex("03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8")
X = base64.urlsafe_b64encode(PUBLIC).decode().rstrip("=")


@given(st.binary(min_size=1).filter(lambda raw: bool(raw.strip(b" \t\r\n\v\f\0"))), st.binary())
def test_a_signature_is_what_the_standard_library_computes(raw: bytes, message: bytes) -> None:
    digest = hmac.digest(raw, message, "sha256")
    assert TextMac(raw, "hex").sign(message) == digest.hex().encode()
    assert TextMac(raw, "base64").sign(message) == base64.b64encode(digest)
    assert TextMac(raw, "hex").matches(message, [b"", digest.hex().encode()])
    assert not TextMac(raw, "hex").matches(message, [digest.hex().upper().encode() + b" ", digest])


@pytest.mark.parametrize("secret", ["", " ", "\t\n", "\xa0", "\u2003 ", b"", b" \r\n", bytes(64), b"\0 \n"])
@pytest.mark.parametrize("form", ["text", "text after whsec_"])
def test_a_key_that_everybody_knows_is_refused(secret: str | bytes, form: SecretForm) -> None:
    with pytest.raises(ConfigurationError, match="empty or blank"):
        load_secret(secret, form, "hex")


def test_nothing_behind_the_prefix_is_no_key() -> None:
    with pytest.raises(ConfigurationError, match="empty or blank"):
        load_secret("whsec_", "text after whsec_", "hex")


def test_a_prefix_is_part_of_the_key_only_where_the_sender_says_so() -> None:
    plain = TextMac(b"abc", "hex").sign(b"m")
    assert load_secret("whsec_abc", "text after whsec_", "hex").matches(b"m", [plain])
    assert load_secret("abc", "text after whsec_", "hex").matches(b"m", [plain])
    assert not load_secret("whsec_abc", "text", "hex").matches(b"m", [plain])


def test_what_is_odd_about_a_secret_is_said_without_it() -> None:
    assert load_secret("s" * 16, "text", "hex").remark is None
    assert "15 bytes" in str(load_secret("s" * 15, "text", "hex").remark)
    assert "line end" in str(load_secret("s" * 16 + "\n", "text", "hex").remark)


def test_a_public_key_comes_as_x_as_bytes_or_loaded() -> None:
    signature = base64.b64decode(SIGNER.sign(b"m")[4:]).hex().encode()
    for key in (X, PUBLIC, Ed25519Key(PUBLIC)):
        loaded = load_secret(key, "jwk", "hex")
        assert loaded.matches(b"m", [b"", signature.upper()])
        assert not loaded.matches(b"n", [signature])
        assert loaded.remark is None


@pytest.mark.parametrize("x", ["", X + "=", X[:-1], X[:-1] + "9", X.replace("_", "/"), f" {X}", "A" * 43, "é" * 43])
def test_what_is_no_x_of_a_usable_key_is_refused_without_being_repeated(x: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_secret(x, "jwk", "hex")
    assert not x or x not in str(caught.value)


def test_a_public_key_is_never_run_as_a_shared_secret() -> None:
    with pytest.raises(ConfigurationError, match="shared secret"):
        load_secret(Ed25519Key(PUBLIC), "text", "hex")


def test_a_secret_that_cannot_be_encoded_is_refused_without_it() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_secret("hunter2\ud800", "text", "hex")
    assert caught.value.__cause__ is None
    assert "hunter2" not in str(caught.value)


DIGEST = hmac.digest(b"k", b"m", "sha256")


@pytest.mark.parametrize(
    ("encoding", "text", "formed"),
    [
        ("hex", b"anything", True),
        ("hex", b"", False),
        ("base64", base64.b64encode(DIGEST), True),
        ("base64", base64.b64encode(DIGEST).rstrip(b"="), False),
        ("base64", DIGEST.hex().encode(), False),
        ("base64", b"\xff", False),
    ],
)
def test_a_wrong_signature_is_told_from_what_cannot_be_one(encoding: Encoding, text: bytes, formed: bool) -> None:
    assert TextMac(b"k", encoding).well_formed(text) is formed


@pytest.mark.parametrize(
    ("text", "formed"), [(b"aB" * 64, True), (b"a" * 127, False), (b"aa" * 63, False), (b"zz", False)]
)
def test_an_ed25519_signature_has_128_digits_of_hex(text: bytes, formed: bool) -> None:
    assert HexEd25519(SIGNER.public).well_formed(text) is formed


@pytest.mark.parametrize("key", [TextMac(b"hunter2", "hex"), HexEd25519(SIGNER.public)])
def test_a_key_is_neither_shown_nor_pickled(key: TextMac | HexEd25519) -> None:
    assert "hunter2" not in repr(key)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(key)
