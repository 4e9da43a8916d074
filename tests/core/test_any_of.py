from __future__ import annotations

from dataclasses import dataclass

import pytest

from aivideo_async.core.any_of import AnyOf, key_count_of, tolerance_of
from aivideo_async.core.errors import ConfigurationError, VerificationFailure, WebhookVerificationError
from aivideo_async.core.scheme_verifier import verifier_for
from aivideo_async.core.signing import HmacKey, RawHeaders, StandardWebhooks, Verified, sign

NOW = 1_772_442_777
OLD, NEW, NEWEST = HmacKey(b"o" * 32), HmacKey(b"n" * 32), HmacKey(b"N" * 32)
BODY = b'{"id":"s1"}'
KIE = verifier_for("kie", "k" * 32)
MOVING = AnyOf(verifier_for("github", "g" * 32), StandardWebhooks([OLD, NEW]), StandardWebhooks(NEWEST, tolerance=600))


@dataclass
class Own:
    """A verifier of somebody else, that says no more than it must."""

    authenticates_body: bool = True

    def verify(self, headers: RawHeaders, body: bytes, *, now: float) -> Verified:
        raise WebhookVerificationError(VerificationFailure.BAD_TOKEN)


def signed(key: HmacKey, timestamp: int = NOW) -> list[tuple[bytes, bytes]]:
    made = sign([key], delivery_id="msg_1", timestamp=timestamp, body=BODY)
    return [(name.encode(), value.encode()) for name, value in made.items()]


@pytest.mark.parametrize(("key", "index"), [(OLD, 1), (NEW, 2), (NEWEST, 3)])
def test_any_of_them_is_enough_and_the_key_is_counted_through_all(key: HmacKey, index: int) -> None:
    assert MOVING.verify(signed(key), BODY, now=NOW) == Verified("msg_1", NOW, index)


def test_it_names_the_scheme_that_matched() -> None:
    github = verifier_for("github", "g" * 32)
    mac = HmacKey(b"g" * 32)._keyed.copy()
    mac.update(BODY)
    headers = [(b"X-Hub-Signature-256", b"sha256=" + mac.hexdigest().encode())]
    assert AnyOf(StandardWebhooks(OLD), github).verify(headers, BODY, now=NOW) == Verified(None, None, 1, "github")


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ([], "missing_header"),
        (signed(HmacKey(b"x" * 32)), "bad_signature"),
        (signed(OLD, NOW - 601), "stale"),
        ([*signed(OLD), (b"x-hub-signature-256", b"sha1=aa")], None),
        ([(b"x-hub-signature-256", b"sha1=aa")], "unsupported_version"),
    ],
)
def test_the_reason_is_of_the_one_it_came_furthest_with(headers: RawHeaders, reason: str | None) -> None:
    if reason is None:
        assert MOVING.verify(headers, BODY, now=NOW).key_index == 1
        return
    with pytest.raises(WebhookVerificationError) as caught:
        MOVING.verify(headers, BODY, now=NOW)
    assert caught.value.reason.value == reason


def test_a_reason_that_no_scheme_of_ours_gives_is_a_bad_signature() -> None:
    with pytest.raises(WebhookVerificationError, match="bad_signature"):
        AnyOf(Own()).verify([], BODY, now=NOW)


def test_those_that_cover_the_body_and_those_that_do_not_are_not_mixed_unless_it_is_said() -> None:
    with pytest.raises(ConfigurationError, match="some of these verifiers"):
        AnyOf(StandardWebhooks(OLD), KIE)
    assert not AnyOf(StandardWebhooks(OLD), KIE, as_hints=True).authenticates_body
    assert not AnyOf(StandardWebhooks(OLD), as_hints=True).authenticates_body
    assert not AnyOf(KIE).authenticates_body
    assert MOVING.authenticates_body


def test_a_mixture_inside_of_another_is_no_way_around() -> None:
    with pytest.raises(ConfigurationError, match="some of these verifiers"):
        AnyOf(StandardWebhooks(OLD), AnyOf(StandardWebhooks(OLD), KIE, as_hints=True))


def test_at_least_one_is_needed() -> None:
    with pytest.raises(ConfigurationError, match="at least one"):
        AnyOf()


def test_it_holds_what_they_hold() -> None:
    assert (MOVING.tolerance, MOVING.key_count, len(MOVING.members)) == (600, 4, 3)
    assert (tolerance_of(None), tolerance_of(Own()), key_count_of(Own())) == (300, 300, 1)
    assert repr(AnyOf(KIE)) == "<AnyOf <SchemeVerifier kie keys=1 tolerance=300.0>>"
