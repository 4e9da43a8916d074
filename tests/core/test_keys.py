from __future__ import annotations

import base64
import copy
import hmac
import pickle

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.core.keys import Ed25519Key, Ed25519Signer, Guarded, HmacKey, load_key
from aivideo_async.core.signing import StandardWebhooks
from aivideo_async.core.tokens import CallbackKeys

RAW = bytes(range(32))
TEXT = "whsec_" + base64.b64encode(RAW).decode()
SIGNER = Ed25519Signer(RAW)
PUBLIC = ed25519.Ed25519PrivateKey.from_private_bytes(RAW).public_key().public_bytes_raw()
MARK = "U2VjcmV0U2VjcmV0"
P = 2**255 - 19

WEAK = (
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
)


@given(st.binary(min_size=16, max_size=80), st.binary(max_size=200))
def test_an_hmac_token_is_what_the_standard_library_computes(raw: bytes, message: bytes) -> None:
    expected = b"v1," + base64.b64encode(hmac.digest(raw, message, "sha256"))
    assert HmacKey(raw).sign(message) == expected
    assert HmacKey(raw).matches(message, [b"v1,", expected])


@pytest.mark.parametrize("size", [24, 25, 26])
def test_the_padding_of_a_secret_may_be_missing(size: int) -> None:
    raw = bytes(range(size))
    text = "whsec_" + base64.b64encode(raw).decode()
    token = HmacKey(raw).sign(b"m")
    assert load_key(text).matches(b"m", [token])
    assert load_key(text.rstrip("=")).matches(b"m", [token])


def test_a_public_key_verifies_what_its_private_half_signs() -> None:
    key = load_key("whpk_" + base64.b64encode(PUBLIC).decode())
    token = SIGNER.sign(b"message")
    assert key.matches(b"message", [token])
    assert SIGNER.public.matches(b"message", [b"v1a,!", token])
    assert not key.matches(b"massage", [token, token.replace(b"v1a,", b"v1,")])


@pytest.mark.parametrize(
    "text",
    [
        "",
        MARK,
        f"whsk_{MARK}",
        f"WHSEC_{MARK}{MARK}",
        f"whsec_{MARK}{MARK}\n",
        f" whsec_{MARK}{MARK}",
        f"whsec_{MARK}-_{MARK}",
        f"whsec_{MARK}A",
        f"whsec_{MARK}{MARK}=",
        f"whsec_{MARK}{MARK}A==={MARK}",
        f"whsec_{MARK}é{MARK}\ud800",
        "whsec_",
        f"whsec_{MARK}"[:24],
        f"whpk_{MARK}",
    ],
)
def test_a_wrong_secret_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_key(text)
    error = caught.value
    assert MARK[:8] not in f"{error} {error!r} {vars(error)} {error.__cause__!r} {error.__context__!r}"


def test_who_pastes_the_private_half_is_told_so() -> None:
    with pytest.raises(ConfigurationError, match="private half"):
        load_key("whsk_AAAA")


@pytest.mark.parametrize(("size", "remarkable"), [(16, True), (23, True), (24, False), (64, False), (65, True)])
def test_a_secret_outside_the_specified_sizes_is_remarked_on(size: int, remarkable: bool) -> None:
    assert (HmacKey(bytes(size)).remark is not None) is remarkable


def test_a_secret_of_15_bytes_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least 16 bytes, this one has 15"):
        HmacKey(bytes(15))


@pytest.mark.parametrize("top_bit", [0, 0x80])
@pytest.mark.parametrize("point", WEAK)
def test_a_weak_point_is_refused(point: str, top_bit: int) -> None:
    raw = bytearray.fromhex(point)
    raw[31] |= top_bit
    with pytest.raises(ConfigurationError, match="forged by anybody"):
        Ed25519Key(bytes(raw))


@pytest.mark.parametrize("y", [P + 2, P + 18])
def test_a_coordinate_that_is_not_reduced_is_refused(y: int) -> None:
    with pytest.raises(ConfigurationError, match="not reduced"):
        Ed25519Key(y.to_bytes(32, "little"))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_public_and_a_private_key_have_32_bytes(size: int) -> None:
    with pytest.raises(ConfigurationError, match=f"this one {size}"):
        Ed25519Key(bytes(size))
    with pytest.raises(ConfigurationError, match=f"this one has {size}"):
        Ed25519Signer(bytes(size))


@given(st.integers(2, P - 2))
def test_only_points_on_the_curve_are_keys(y: int) -> None:
    # Decompression as RFC 8032 §5.1.3 does it, which is another way than the one under test.
    u, v = (y * y - 1) % P, (-121665 * pow(121666, P - 2, P) * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    on_curve = v * x * x % P in (u, P - u)
    if on_curve:
        Ed25519Key(y.to_bytes(32, "little"))
    else:
        with pytest.raises(ConfigurationError, match="not on the curve"):
            Ed25519Key(y.to_bytes(32, "little"))


@given(st.binary(min_size=32, max_size=32))
def test_every_honest_public_key_is_accepted(seed: bytes) -> None:
    signer = Ed25519Signer(seed)
    assert signer.public.matches(b"", [signer.sign(b"")])


@given(st.lists(st.binary(max_size=100) | st.binary(max_size=70).map(lambda raw: b"v1a," + base64.b64encode(raw))))
def test_no_token_of_a_stranger_matches_or_raises(tokens: list[bytes]) -> None:
    assert not SIGNER.public.matches(b"message", tokens)
    assert not HmacKey(RAW).matches(b"message", tokens)


@pytest.mark.parametrize(
    ("signature", "hmac_like", "ed25519_like"),
    [
        (base64.b64encode(bytes(32)), True, False),
        (base64.b64encode(bytes(64)), True, True),
        (base64.b64encode(bytes(64)).rstrip(b"="), False, False),
        (base64.b64encode(bytes(64))[:-3] + b"B==", False, False),
        (b"AAAA\n", False, False),
        (b"-_-_", False, False),
    ],
)
def test_a_signature_is_well_formed_in_one_spelling_only(signature: bytes, hmac_like: bool, ed25519_like: bool) -> None:
    assert (HmacKey.well_formed(signature), Ed25519Key.well_formed(signature)) == (hmac_like, ed25519_like)


GUARDED = [HmacKey(RAW), SIGNER, SIGNER.public, StandardWebhooks(TEXT), CallbackKeys(RAW)]


@pytest.mark.parametrize("holder", GUARDED, ids=lambda holder: type(holder).__name__)
def test_what_holds_a_key_neither_shows_nor_pickles_it(holder: Guarded) -> None:
    shown = f"{holder!r} {holder}"
    assert TEXT[6:] not in shown
    assert repr(RAW)[2:20] not in shown
    assert not hasattr(holder, "__dict__")
    for duplicate in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            duplicate(holder)
