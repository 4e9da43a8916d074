from __future__ import annotations

import json

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from aivideo_async.core.errors import ConfigurationError, VerificationFailure, WebhookVerificationError
from aivideo_async.core.keys import Ed25519Key
from aivideo_async.core.scheme_verifier import NAMES, SchemeVerifier, verifier_for
from aivideo_async.core.schemes import SCHEMES, Scheme
from aivideo_async.core.signing import StandardWebhooks
from tests.core.senders import (
    BODY,
    NOW,
    PRIVATE,
    SECRET,
    SENDERS,
    STANDARD_SECRET,
    VERIFIERS,
    WHPK,
    Pairs,
    in_base64,
    in_hex,
    secret_of,
    verifier_of,
)

EVERY = pytest.mark.parametrize("scheme", SENDERS)
TIMED = pytest.mark.parametrize("scheme", sorted(set(SENDERS) - {"github", "shopify"}))
COVERING = sorted(set(SENDERS) - {"kie"})


def reason(scheme: str, headers: Pairs, body: bytes = BODY, now: float = NOW) -> str:
    with pytest.raises(WebhookVerificationError) as caught:
        VERIFIERS[scheme].verify(headers, body, now=now)
    return caught.value.reason.value


def replaced(headers: Pairs, old: bytes, new: bytes) -> Pairs:
    changed = [(name, value.replace(old, new)) for name, value in headers]
    assert changed != headers
    return changed


@EVERY
def test_what_a_sender_signs_is_verified_under_its_name(scheme: str) -> None:
    verified = VERIFIERS[scheme].verify(SENDERS[scheme](BODY, NOW), BODY, now=NOW)
    assert verified.key_index == 0
    assert verified.scheme in scheme.replace("svix", "standard-webhooks")
    assert verified.timestamp == (None if scheme in ("github", "shopify") else NOW)


def test_only_an_id_that_is_signed_and_new_for_every_delivery_names_it() -> None:
    ids = {name: VERIFIERS[name].verify(SENDERS[name](BODY, NOW), BODY, now=NOW).delivery_id for name in SCHEMES}
    assert {name: id for name, id in ids.items() if id} == {"wavespeed": "msg_1", "fal": "req-1"}


@given(scheme=st.sampled_from(COVERING), body=st.binary(), at=st.integers(1, 10**12 - 1))
def test_any_body_at_any_time_is_verified(scheme: str, body: bytes, at: int) -> None:
    assert VERIFIERS[scheme].verify(SENDERS[scheme](body, at), body, now=at).key_index == 0


@given(st.data(), st.sampled_from(sorted(SENDERS)))
def test_nothing_that_was_changed_is_believed(data: st.DataObject, scheme: str) -> None:
    headers = SENDERS[scheme](BODY, NOW)
    part = data.draw(st.integers(0, len(headers) - (scheme == "kie")))
    old = headers[part][1] if part < len(headers) else BODY
    at = data.draw(st.integers(0, len(old) - 1))
    new = old[:at] + bytes((old[at] ^ data.draw(st.sampled_from([1, 2, 4, 8, 16, 64, 128])),)) + old[at + 1 :]
    if scheme == "fal" and part == 3 and new.lower() == old.lower():
        return
    body = BODY if part < len(headers) else new
    headers = [(name, new if number == part else value) for number, (name, value) in enumerate(headers)]
    event(f"{scheme} {reason(scheme, headers, body)}")


VALUES = (
    st.binary(max_size=40)
    | st.sampled_from([b"t=1", b"v1=", b"sha256=", b"v0=\xff", b"=,=", b", ," * 20, b"9" * 5000, b"\xd9\xa1"])
    | st.integers().map(lambda number: b"%d" % number)
)


@st.composite
def hostile(draw: st.DrawFn) -> tuple[str, Pairs, bytes]:
    scheme = draw(st.sampled_from(sorted(SENDERS)))
    headers = [(name, draw(st.just(value) | VALUES)) for name, value in SENDERS[scheme](BODY, NOW)]
    extras = draw(st.lists(st.tuples(st.sampled_from([name for name, _ in headers]) | st.binary(), VALUES), max_size=2))
    cut = draw(st.sampled_from([0, 0, 0, 1]))
    return scheme, headers[cut:] + extras, draw(st.just(BODY) | st.binary())


@given(hostile(), st.just(float(NOW)) | st.floats())
def test_whatever_comes_in_only_one_error_comes_out(delivery: tuple[str, Pairs, bytes], now: float) -> None:
    scheme, headers, body = delivery
    try:
        VERIFIERS[scheme].verify(headers, body, now=now)
    except WebhookVerificationError as error:
        event(error.reason.value)
    else:
        event("verified")
        assert body == BODY or scheme == "kie"


@EVERY
def test_each_header_is_needed_once(scheme: str) -> None:
    headers = SENDERS[scheme](BODY, NOW)
    for number, (name, value) in enumerate(headers):
        others = headers[:number] + headers[number + 1 :]
        assert reason(scheme, others) == "missing_header"
        assert reason(scheme, [*others, (name, b" \t")]) == "missing_header"
        assert reason(scheme, [*headers, (name.upper(), value)]) == "duplicate_header"


@EVERY
def test_spaces_and_tabs_around_a_value_do_not_count_and_others_do(scheme: str) -> None:
    headers = SENDERS[scheme](BODY, NOW)
    padded = [(name.swapcase(), b"\t " + value + b" \t") for name, value in headers]
    assert VERIFIERS[scheme].verify(padded, BODY, now=NOW).key_index == 0
    for odd in (b"\n", b"\x0b", b"\xc2\xa0", b"\0"):
        reason(scheme, [*headers[:-1], (headers[-1][0], headers[-1][1] + odd)])


@TIMED
def test_the_window_is_inclusive_on_both_sides(scheme: str) -> None:
    headers, verifier = SENDERS[scheme](BODY, NOW), verifier_of(scheme, tolerance=60)
    assert verifier.verify(headers, BODY, now=NOW + 60) == verifier.verify(headers, BODY, now=NOW - 60)
    assert (reason(scheme, headers, now=NOW + 301), reason(scheme, headers, now=NOW - 301)) == ("stale", "future")
    assert verifier.tolerance == 60


@TIMED
@pytest.mark.parametrize("stamp", ["+1772442777", "1_772_442_777", "01772442777", "1772442777.0", "1e9", "1" * 5000])
def test_a_timestamp_is_plain_digits(scheme: str, stamp: str) -> None:
    headers = SENDERS[scheme](BODY, NOW)
    assert reason(scheme, replaced(headers, b"%d" % NOW, stamp.encode())) == "bad_timestamp"
    assert reason(scheme, replaced(headers, b"%d" % NOW, "١٧٧٢٤٤٢٧٧٧".encode())) == "bad_timestamp"
    assert reason(scheme, replaced(headers, b"%d" % NOW, b"0")) == "stale"


def stripe(value: bytes) -> Pairs:
    return [(b"Stripe-Signature", value)]


RIGHT = b"v1=" + in_hex(b"%d." % NOW + BODY)
STAMP = b"t=%d" % NOW


@pytest.mark.parametrize(
    "value",
    [
        RIGHT + b"," + STAMP,
        STAMP + b",v0=aa,junk,,v1=,v1=" + b"0" * 64 + b"," + RIGHT + b",",
        b",".join([STAMP, *[b"v1=00"] * 30, RIGHT]),
    ],
)
def test_one_right_signature_among_others_is_enough(value: bytes) -> None:
    assert VERIFIERS["stripe"].verify(stripe(value), BODY, now=NOW).timestamp == NOW


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (RIGHT, "bad_timestamp"),
        (STAMP + b"," + STAMP + b"," + RIGHT, "bad_timestamp"),
        (b"t=1," + STAMP + b"," + RIGHT, "bad_timestamp"),
        (b"T" + STAMP[1:] + b"," + RIGHT, "bad_timestamp"),
        (b"t," + RIGHT, "bad_timestamp"),
        (STAMP, "malformed_signature"),
        (STAMP + b",v1=", "malformed_signature"),
        (STAMP + b",v1", "malformed_signature"),
        (STAMP + b", " + RIGHT, "unsupported_version"),
        (STAMP + b",v0" + RIGHT[2:], "unsupported_version"),
        (STAMP + b",V1" + RIGHT[2:], "unsupported_version"),
        (STAMP + b",v1=" + RIGHT[3:].upper(), "bad_signature"),
        (STAMP + b",v1=" + RIGHT[3:-1], "bad_signature"),
        (STAMP + b"," + RIGHT + b"0", "bad_signature"),
        (STAMP + b",v1==" + RIGHT[3:], "bad_signature"),
        (b",".join([STAMP, *[b"v1=00"] * 31, RIGHT]), "malformed_signature"),
        (STAMP + b";" + RIGHT, "bad_timestamp"),
    ],
)
def test_what_a_list_of_signatures_may_not_be(value: bytes, why: str) -> None:
    assert reason("stripe", stripe(value)) == why


@pytest.mark.parametrize(
    ("scheme", "value", "why"),
    [
        ("github", b"sha256=", "malformed_signature"),
        ("github", in_hex(BODY), "malformed_signature"),
        ("github", b"sha1=" + in_hex(BODY), "unsupported_version"),
        ("github", b"SHA256=" + in_hex(BODY), "unsupported_version"),
        ("github", b"sha256=" + in_hex(BODY).upper(), "bad_signature"),
        ("github", b"sha256=" + in_hex(BODY) + b",sha256=" + in_hex(BODY), "bad_signature"),
        ("shopify", in_base64(BODY).rstrip(b"="), "malformed_signature"),
        ("shopify", in_base64(BODY) + b"=", "malformed_signature"),
        ("shopify", in_base64(BODY).replace(b"+", b"-").replace(b"/", b"_") + b"!", "malformed_signature"),
        ("shopify", in_hex(BODY), "malformed_signature"),
        ("shopify", in_base64(b""), "bad_signature"),
    ],
)
def test_what_a_single_signature_may_not_be(scheme: str, value: bytes, why: str) -> None:
    name = SENDERS[scheme](BODY, NOW)[0][0]
    assert reason(scheme, [(name, value)]) == why


@pytest.mark.parametrize(
    ("scheme", "old", "new"),
    [
        ("wavespeed", b"msg_1", b"msg.1"),
        ("wavespeed", b"msg_1", b"m" * 257),
        ("fal", b"req-1", b"req\n1"),
        ("fal", b"req-1", b"req 1"),
        ("fal", b"user_1", b"user\xff"),
    ],
)
def test_an_id_leaves_the_message_readable_in_one_way_only(scheme: str, old: bytes, new: bytes) -> None:
    assert reason(scheme, replaced(SENDERS[scheme](BODY, NOW), old, new)) == "malformed_id"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "bad_body"),
        (b"not json", "bad_body"),
        (b"[]", "bad_body"),
        (b"{}", "bad_body"),
        (b'{"data":[]}', "bad_body"),
        (b'{"data":{"task_id":7}}', "bad_body"),
        (b'{"data":{"taskId":"task_7"}}', "bad_body"),
        (b'{"data":{"task_id":"task_7"},"data":{"task_id":"task_8"}}', "bad_body"),
        (b'{"data":{"task_id":"task_7","task_id":"task_8"}}', "bad_body"),
        (b'{"data":{"task_id":""}}', "malformed_id"),
        (b'{"data":{"task_id":"a\\n"}}', "malformed_id"),
        (b'{"data":{"task_id":"a.1"}}', "malformed_id"),
        (b'{"data":{"task_id":"task_8"}}', "bad_signature"),
    ],
)
def test_kie_signs_an_id_that_stands_in_the_body_once(body: bytes, why: str) -> None:
    assert reason("kie", SENDERS["kie"](BODY, NOW), body) == why


def test_kie_does_not_cover_the_body_and_says_so() -> None:
    forged = json.dumps({"data": {"task_id": "task_7", "url": "https://evil.example"}}).encode()
    assert VERIFIERS["kie"].verify(SENDERS["kie"](BODY, NOW), forged, now=NOW).delivery_id is None
    assert [name for name, verifier in VERIFIERS.items() if not verifier.authenticates_body] == ["kie"]


def test_several_secrets_are_tried_and_the_one_that_matched_is_named() -> None:
    verifier = verifier_for("github", ["another-secret-of-32-characters!", SECRET])
    assert verifier.verify(SENDERS["github"](BODY, NOW), BODY, now=NOW).key_index == 1
    assert verifier.key_count == 2


def test_a_row_of_ones_own_is_verified_like_the_others() -> None:
    row = Scheme(name="acme", signature=b"x-acme", headers={"key": b"x-key"}, template=b"{body}", encoding="hex")
    headers = [(b"X-Acme", in_hex(BODY)), (b"X-Key", b"a.b")]
    assert verifier_for(row, SECRET).verify(headers, BODY, now=0) == (None, None, 0, "acme")


@pytest.mark.parametrize("scheme", NAMES)
def test_raw_bytes_are_a_secret_in_every_scheme(scheme: str) -> None:
    raw = PRIVATE.public_key().public_bytes_raw() if scheme == "fal" else SECRET.encode()
    assert verifier_for(scheme, raw).verify(SENDERS[scheme](BODY, NOW), BODY, now=NOW).key_index == 0


def test_a_public_key_of_standard_webhooks_is_given_as_text_or_loaded() -> None:
    headers = SENDERS["standard-webhooks v1a"](BODY, NOW)
    for key in (WHPK, Ed25519Key(PRIVATE.public_key().public_bytes_raw()), [STANDARD_SECRET, WHPK]):
        assert isinstance(verifier_for("standard-webhooks", key), StandardWebhooks)
        assert verifier_for("standard-webhooks", key).verify(headers, BODY, now=NOW).delivery_id == "msg_1"


def test_a_scheme_is_named_and_never_guessed() -> None:
    with pytest.raises(ConfigurationError, match="standard-webhooks, svix, stripe"):
        verifier_for("Stripe", SECRET)
    with pytest.raises(ConfigurationError, match="at least one secret"):
        verifier_for("stripe", [])
    with pytest.raises(ConfigurationError, match="tolerance"):
        verifier_for("stripe", SECRET, tolerance=-1)


@EVERY
def test_a_verifier_shows_no_secret(scheme: str) -> None:
    assert secret_of(scheme) not in repr(VERIFIERS[scheme])
    assert "keys=1" in repr(VERIFIERS[scheme])


def test_what_is_odd_about_a_secret_is_passed_on() -> None:
    assert [remark[:15] for remark in SchemeVerifier("github", ["short", SECRET]).remarks] == ["this secret has"]


def test_every_reason_is_in_the_closed_set() -> None:
    assert {reason(scheme, []) for scheme in SENDERS} <= set(VerificationFailure)


def test_other_secrets_keep_the_scheme_and_its_window() -> None:
    other = verifier_for("github", "a first secret of theirs", tolerance=5).with_secrets(["a second", "a third one"])
    assert repr(other) == "<SchemeVerifier github keys=2 tolerance=5>"
