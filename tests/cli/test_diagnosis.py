"""What facts mean. Every fault that a server can have is met with a real one in test_examining.py."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import get_args

import pytest

from aivideo_async import receiver
from aivideo_async.cli.diagnosis import (
    Account,
    Address,
    Certificate,
    Facts,
    Probe,
    Seen,
    Signing,
    Tls,
    diagnose,
    diagnose_key,
)
from aivideo_async.core.errors import APIConnectionError, AuthenticationError, PermissionDeniedError
from aivideo_async.core.models import Reply

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HEALTHY: dict[Probe, Seen] = {
    "look": Seen(status=405, ours=True, seconds=0.01, skew=0.2),
    "post": Seen(status=400, ours=True),
    "large": Seen(status=400, ours=True),
    "forged": Seen(status=401, ours=True),
}
REPLIES = {value.status for value in vars(receiver).values() if isinstance(value, Reply)}


def facts(**more: object) -> Facts:
    made = {"host": "example.com", "https": True, "now": NOW, "signing": "signed", "probes": HEALTHY, **more}
    return Facts(**made)  # type: ignore[arg-type]  # fields by name


def bad(given: Facts) -> list[tuple[str, str]]:
    return [(finding.about, finding.level) for finding in diagnose(given) if finding.level != "ok"]


def test_a_healthy_receiver_has_no_fault() -> None:
    assert bad(facts()) == []


def test_whatever_the_receiver_can_answer_is_understood() -> None:
    for status, ours, signing, name in itertools.product(
        (*REPLIES, 200, 302, 418, 429, 599), (True, False), get_args(Signing), HEALTHY
    ):
        if not ours or status in REPLIES:
            probes = {**HEALTHY, name: Seen(status=status, ours=ours)}
            assert all(finding.message for finding in diagnose(facts(probes=probes, signing=signing)))


@pytest.mark.parametrize("name", ["look", "post", "large"])
def test_no_answer_to_a_probe_is_told(name: Probe) -> None:
    probes = {**HEALTHY, name: Seen(error="no whole answer in time")}
    (finding,) = (finding for finding in diagnose(facts(probes=probes)) if finding.level != "ok")
    assert "no whole answer in time" in finding.message


@pytest.mark.parametrize(("seconds", "expected"), [(3.0, []), (3.1, [("latency", "warning")])])
def test_a_slow_answer_is_a_warning(seconds: float, expected: list[tuple[str, str]]) -> None:
    probes = {**HEALTHY, "look": Seen(status=405, ours=True, seconds=seconds)}
    assert bad(facts(probes=probes)) == expected


@pytest.mark.parametrize(
    ("days", "of", "level"),
    [(15, 90, "ok"), (13, 90, "warning"), (3, 6, "ok"), (1, 6, "warning"), (400, 800, "ok")],
)
def test_soon_depends_on_how_long_a_certificate_lives(days: int, of: int, level: str) -> None:
    ends = NOW + timedelta(days=days, hours=1)
    shown = Certificate(names=("example.com",), issuer="CN=x", begins=ends - timedelta(days=of), ends=ends)
    (finding,) = diagnose(facts(probes={}, tls=Tls(certificate=shown)))
    assert finding.level == level
    assert f"({days} days)" in finding.message


def test_a_reason_of_openssl_that_nobody_knows_is_named_by_its_number() -> None:
    (finding,) = diagnose(facts(probes={}, tls=Tls(code=23)))
    assert "OpenSSL's reason 23" in finding.message
    assert diagnose(facts(probes={}, tls=Tls())) == []


def test_what_our_settings_refuse_and_a_private_address_are_faults() -> None:
    addresses = [Address(text="10.0.0.1", public=False)]
    assert bad(facts(refusal="it must be https", addresses=addresses)) == [("setting", "fault"), ("dns", "fault")]
    assert bad(facts(must_be_public=False, addresses=addresses)) == []


@pytest.mark.parametrize(
    ("account", "level", "words"),
    [
        (Account(balance=Decimal(9_800)), "ok", "takes the key; 9,800 credits are left"),
        (Account(balance=Decimal(0)), "warning", "0 credits are left"),
        (Account(error=AuthenticationError("no", status=401)), "fault", "does not know this API key"),
        (Account(error=PermissionDeniedError("no", status=403)), "fault", "may not be used from this address"),
        (Account(error=APIConnectionError("no connection", sent="no")), "fault", "could not be checked: no connection"),
    ],
)
def test_what_the_service_says_to_the_key(account: Account, level: str, words: str) -> None:
    finding = diagnose_key(account)
    assert finding.level == level
    assert words in finding.message
