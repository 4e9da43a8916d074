from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime
from typing import Literal

import pytest
import standardwebhooks
from hypothesis import event, example, given
from hypothesis import strategies as st

from aivideo_async.core.errors import (
    ConfigurationError,
    InvalidRequestError,
    VerificationFailure,
    WebhookVerificationError,
)
from aivideo_async.core.signing import (
    Ed25519Signer,
    Family,
    HmacKey,
    Signer,
    StandardWebhooks,
    Verified,
    sign,
)

NOW = 1_772_442_777
RAW = bytes(range(32))
TEXT = "whsec_" + base64.b64encode(RAW).decode()
KEY, OTHER, SIGNER = HmacKey(RAW), HmacKey(RAW[::-1]), Ed25519Signer(RAW)
SIGNERS: tuple[Signer, ...] = (KEY, SIGNER)
BOTH = StandardWebhooks([KEY, SIGNER.public], headers=("webhook", "svix"))
BODY = b'{"id":"s1"}'

Pairs = list[tuple[bytes, bytes]]


def signed(
    *keys: Signer, id: str = "msg_1", timestamp: int = NOW, body: bytes = BODY, family: Family = "webhook"
) -> Pairs:
    headers = sign(keys or (KEY,), delivery_id=id, timestamp=timestamp, body=body, family=family)
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def reason(headers: Pairs, verifier: StandardWebhooks = BOTH, body: bytes = BODY, now: float = NOW) -> str:
    with pytest.raises(WebhookVerificationError) as caught:
        verifier.verify(headers, body, now=now)
    return caught.value.reason.value


def replaced(headers: Pairs, name: bytes, value: bytes) -> Pairs:
    return [(key, value if key == name else old) for key, old in headers]


def test_a_delivery_is_verified_with_its_id_its_time_and_its_key() -> None:
    assert BOTH.verify(signed(SIGNER), BODY, now=NOW + 1.5) == Verified("msg_1", NOW, 1)


@given(
    id=st.text(st.characters(min_codepoint=0x21, exclude_characters=".\x7f", codec="utf-8"), min_size=1, max_size=60),
    timestamp=st.integers(1, 10**12 - 1),
    body=st.binary(max_size=300),
    key=st.sampled_from(SIGNERS),
    family=st.sampled_from(("webhook", "svix")),
)
def test_whatever_is_signed_is_verified(
    id: str, timestamp: int, body: bytes, key: Signer, family: Literal["webhook", "svix"]
) -> None:
    headers = signed(key, id=id, timestamp=timestamp, body=body, family=family)
    assert BOTH.verify(headers, body, now=timestamp)[:2] == (id, timestamp)


@given(st.data())
def test_nothing_that_was_changed_is_believed(data: st.DataObject) -> None:
    headers = signed(data.draw(st.sampled_from(SIGNERS)))
    part = data.draw(st.integers(0, 3))
    old = BODY if part == 3 else headers[part][1]
    at = data.draw(st.integers(0, len(old) - 1))
    new = bytearray(old)
    new[at] ^= data.draw(st.integers(1, 255))
    body = bytes(new) if part == 3 else BODY
    headers = headers if part == 3 else replaced(headers, headers[part][0], bytes(new))
    event(reason(headers, body=body))


STAMP, OLD, NONSENSE = b"%d" % NOW, b"%d" % (NOW - 301), st.binary(max_size=20)
TOKENS = st.lists(
    st.sampled_from([key.sign(b"msg_1.%d." % NOW + body) for key in SIGNERS for body in (BODY, b"")])
    | st.sampled_from([b"v1,", b"v1a,AAAA", b"v2,AAAA", b",", b""])
    | NONSENSE,
    max_size=34,
)
VALUES = {
    b"webhook-id": st.sampled_from([b"msg_1", b"msg.1", b"\xff"]) | NONSENSE,
    b"webhook-timestamp": st.sampled_from([STAMP, STAMP, OLD, b"0"]) | NONSENSE,
    b"webhook-signature": TOKENS.map(b" ".join),
}
EXTRAS = st.sampled_from([b"svix-id", b"Webhook-Id", b"host"]) | st.binary()


@st.composite
def deliveries(draw: st.DrawFn) -> Pairs:
    headers = [(name, draw(st.just(value) | VALUES[name])) for name, value in signed()]
    return headers[draw(st.sampled_from([0, 0, 0, 1])) :] + draw(st.lists(st.tuples(EXTRAS, st.binary()), max_size=2))


@given(deliveries(), st.just(BODY) | st.binary(), st.just(float(NOW)) | st.floats())
@example(signed(), BODY, NOW)
def test_whatever_comes_in_only_one_error_comes_out(headers: Pairs, body: bytes, now: float) -> None:
    try:
        verified = BOTH.verify(headers, body, now=now)
    except WebhookVerificationError as error:
        event(error.reason.value)
    else:
        event("verified")
        assert verified.delivery_id == "msg_1"
        assert body in {BODY, b""}


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"m" * 256, None),
        (b"m" * 257, "malformed_id"),
        (b"a.b", "malformed_id"),
        (b"a b", "malformed_id"),
        (b"a\tb", "malformed_id"),
        (b"a\x7f", "malformed_id"),
        (b"a\xff", "malformed_id"),
        (b"\xed\xa0\x80", "malformed_id"),
        (b" \t ", "missing_header"),
    ],
)
def test_the_id_keeps_to_its_syntax_even_when_it_is_signed(raw: bytes, why: str | None) -> None:
    token = KEY.sign(b".".join((raw, b"%d" % NOW, BODY)))
    headers = [(b"webhook-id", raw), (b"webhook-timestamp", b"%d" % NOW), (b"webhook-signature", token)]
    if why is None:
        assert BOTH.verify(headers, BODY, now=NOW).delivery_id == raw.decode()
    else:
        assert reason(headers) == why


@pytest.mark.parametrize("stamp", ["+1", "1_0", "01", "1e9", "1.0", "\u0661", "1\n2", "0x1", "1" * 13, "-0", "00"])
def test_a_timestamp_is_plain_digits(stamp: str) -> None:
    assert reason(replaced(signed(), b"webhook-timestamp", stamp.encode())) == "bad_timestamp"


def test_a_zero_timestamp_is_stale_even_at_the_dawn_of_time() -> None:
    assert reason(replaced(signed(), b"webhook-timestamp", b"0"), now=0) == "stale"


@pytest.mark.parametrize(
    ("age", "why"), [(300.5, "stale"), (-300.5, "future"), (float("nan"), "future"), (float("inf"), "stale")]
)
def test_the_window_is_inclusive_and_nothing_else_passes(age: float, why: str) -> None:
    assert BOTH.verify(signed(), BODY, now=NOW + 300) == BOTH.verify(signed(), BODY, now=NOW - 300)
    assert reason(signed(), now=NOW + age) == why


def test_spaces_and_tabs_around_a_value_do_not_count() -> None:
    headers = [(name, b" \t" + value + b"\t ") for name, value in signed()]
    assert BOTH.verify(headers, BODY, now=NOW).key_index == 0


def test_32_tokens_are_read_and_33_are_not() -> None:
    right = KEY.sign(b"msg_1.%d." % NOW + BODY)
    assert BOTH.verify(replaced(signed(), b"webhook-signature", b"x  " * 31 + right), BODY, now=NOW).key_index == 0
    assert reason(replaced(signed(), b"webhook-signature", b"x " * 32 + right)) == "malformed_signature"


def test_the_token_that_comes_nearest_names_the_reason() -> None:
    wrong = OTHER.sign(b"")
    assert reason(replaced(signed(), b"webhook-signature", b"v9,AAAA v1,! " + wrong)) == "bad_signature"
    assert reason(replaced(signed(), b"webhook-signature", b"v9,AAAA v1,!")) == "malformed_signature"
    assert reason(replaced(signed(), b"webhook-signature", b"v9,AAAA v8,AAAA")) == "unsupported_version"


def test_the_first_of_several_matching_keys_is_named() -> None:
    verifier = StandardWebhooks([OTHER, SIGNER.public, TEXT, KEY])
    assert verifier.verify(signed(KEY), BODY, now=NOW).key_index == 2
    assert verifier.verify(signed(KEY, SIGNER), BODY, now=NOW).key_index == 1


def test_one_complete_family_is_needed_and_the_first_named_is_used() -> None:
    mixed = [signed()[0], *signed(family="svix")[1:]]
    foreign = signed(OTHER, family="svix")
    assert reason(mixed) == "missing_header"
    assert BOTH.verify([*foreign, *signed()], BODY, now=NOW).key_index == 0
    assert reason([*foreign, *signed()], StandardWebhooks(KEY, headers=("svix", "webhook"))) == "bad_signature"
    assert reason(signed(family="svix"), StandardWebhooks(KEY)) == "missing_header"


def test_a_repeated_header_is_refused_in_a_family_that_is_not_used_too() -> None:
    assert reason([*signed(), (b"Svix-Id", b"a"), (b"svix-id", b"a")]) == "duplicate_header"


@pytest.mark.parametrize("tolerance", [-1.0, float("nan"), float("inf")])
def test_a_tolerance_is_a_number_of_seconds(tolerance: float) -> None:
    with pytest.raises(ConfigurationError, match="tolerance"):
        StandardWebhooks(TEXT, tolerance=tolerance)


@pytest.mark.parametrize("families", [(), "svix", ("stripe",)])
def test_only_known_families_of_headers_are_read(families: tuple[Family, ...]) -> None:
    with pytest.raises(ConfigurationError, match="families"):
        StandardWebhooks(TEXT, headers=families)


def test_a_verifier_without_secrets_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least one"):
        StandardWebhooks([])
    with pytest.raises(ConfigurationError, match="not a webhook secret"):
        StandardWebhooks("")


def test_a_verifier_covers_the_body_and_passes_on_remarks() -> None:
    assert StandardWebhooks(TEXT).authenticates_body
    assert repr(StandardWebhooks(TEXT, tolerance=60)) == "<StandardWebhooks keys=1 tolerance=60>"
    assert StandardWebhooks([TEXT, SIGNER.public]).remarks == ()
    assert [text[-8:] for text in StandardWebhooks([TEXT, HmacKey(bytes(16))]).remarks] == ["t has 16"]


@pytest.mark.parametrize("id", ["", "a.b", "a b", "m" * 257, "\ud800"])
def test_nothing_is_signed_that_would_not_be_verified(id: str) -> None:
    with pytest.raises(InvalidRequestError, match="a delivery has"):
        sign([KEY], delivery_id=id, timestamp=NOW, body=BODY)


@pytest.mark.parametrize("timestamp", [0, -1, 10**12])
def test_no_time_is_signed_that_would_not_be_verified(timestamp: int) -> None:
    with pytest.raises(InvalidRequestError, match="a unix time"):
        sign([KEY], delivery_id="msg_1", timestamp=timestamp, body=BODY)


@pytest.mark.parametrize("count", [0, 33])
def test_a_delivery_is_signed_with_1_to_32_keys(count: int) -> None:
    with pytest.raises(InvalidRequestError, match=f"not {count}"):
        sign([KEY] * count, delivery_id="msg_1", timestamp=NOW, body=BODY)


def test_a_third_party_accepts_what_we_sign() -> None:
    headers = sign([OTHER, KEY], delivery_id="msg_1", timestamp=int(time.time()), body=BODY)
    assert standardwebhooks.Webhook(TEXT).verify(BODY, headers) == json.loads(BODY)


def test_we_accept_what_a_third_party_signs() -> None:
    token = standardwebhooks.Webhook(TEXT).sign("msg_2", datetime.fromtimestamp(NOW, UTC), BODY.decode())
    headers = [(b"Webhook-Id", b"msg_2"), (b"Webhook-Timestamp", b"%d" % NOW), (b"Webhook-Signature", token.encode())]
    assert StandardWebhooks(TEXT).verify(headers, BODY, now=NOW) == Verified("msg_2", NOW, 0)


def test_every_reason_a_verifier_gives_is_in_the_closed_set() -> None:
    assert reason([]) in set(VerificationFailure)


def test_other_secrets_keep_the_window_and_the_families_of_headers() -> None:
    other = StandardWebhooks(TEXT, tolerance=5, headers=("svix",)).with_secrets([OTHER, KEY])
    assert other.verify(signed(family="svix"), BODY, now=NOW).key_index == 1
    assert (other.tolerance, other.key_count) == (5, 2)
    assert reason(signed(), other) == "missing_header"
