from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox.dialect import RefusedError
from aivideo_async.sandbox.keys import DEFAULT_KEY, KeyRing
from tests.sandbox.asking import NOW


def a_ring() -> KeyRing:
    return KeyRing(Random(1))


def issued(ring: KeyRing, name: str = "ci", *addresses: str) -> str:
    return ring.issue(name, account="a", now=NOW, addresses=addresses)


def refusal(ring: KeyRing, secret: str, address: str | None = None) -> str | None:
    try:
        ring.admitted(f"Bearer {secret}", address)
    except RefusedError as error:
        return error.code
    return None


def test_a_key_is_given_once_and_only_its_end_is_kept() -> None:
    ring = a_ring()
    secret = issued(ring)
    (key,) = ring
    assert secret.startswith("sk-")
    assert key.hint == secret[-4:]
    assert secret not in f"{key!r}{key.digest}"
    assert ring.of(secret) == ring.named("ci") == ring.get(key.id) == key


def test_keys_come_in_the_order_in_which_they_were_made_in_whichever_they_are_put() -> None:
    ring, again = a_ring(), a_ring()
    for moment, name in enumerate(("b", "c", "a")):
        ring.issue(name, account="a", now=NOW + moment)
    for key in sorted(ring, key=lambda key: key.name):
        again.put(key)
    assert [key.name for key in again] == ["b", "c", "a"]


def test_a_disabled_key_is_refused_until_it_is_let_in_again() -> None:
    ring = a_ring()
    secret = issued(ring)
    ring.switch("ci", on=False)
    assert refusal(ring, secret) == "invalid_api_key"
    ring.switch("ci", on=True)
    assert refusal(ring, secret) is None


def test_a_deleted_key_is_unknown_and_its_name_is_free() -> None:
    ring = a_ring()
    secret = issued(ring)
    ring.delete("ci")
    assert (refusal(ring, secret), len(ring)) == ("invalid_api_key", 0)
    issued(ring)
    assert refusal(ring, secret) == "invalid_api_key"


def test_the_sandbox_s_own_key_is_disabled_and_never_deleted() -> None:
    ring = a_ring()
    secret = issued(ring, DEFAULT_KEY)
    with pytest.raises(ConfigurationError, match="the sandbox's own"):
        ring.delete(DEFAULT_KEY)
    assert refusal(ring, secret) is None
    ring.switch(DEFAULT_KEY, on=False)
    assert refusal(ring, secret) == "invalid_api_key"


@pytest.mark.parametrize(
    ("address", "code"),
    [("10.1.2.3", None), ("::ffff:10.1.2.3", None), ("192.0.2.7", None), ("2001:db8::1", None),
     ("11.0.0.1", "ip_not_allowed"), (None, "ip_not_allowed"), ("no address", "ip_not_allowed")],
)  # fmt: skip
def test_a_key_with_addresses_is_for_these_only(address: str | None, code: str | None) -> None:
    ring = a_ring()
    assert refusal(ring, issued(ring, "ci", "10.0.0.0/8", "192.0.2.7", "2001:db8::/32"), address) == code


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "a\nb", "taken"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    ring = a_ring()
    issued(ring, "taken")
    with pytest.raises(ConfigurationError):
        issued(ring, name)


def test_the_same_key_is_not_made_twice() -> None:
    ring = a_ring()
    ring.issue("one", account="a", now=NOW, secret="sk-same")
    with pytest.raises(ConfigurationError):
        ring.issue("two", account="a", now=NOW, secret="sk-same")


@pytest.mark.parametrize("addresses", [("10.0.0.0/33",), ("localhost",), ("10.0.0.1",) * 11])
def test_addresses_that_are_none_or_too_many_are_refused(addresses: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError):
        issued(a_ring(), "ci", *addresses)


def test_an_address_that_is_none_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"'10\.0\.0\.0/33' is no IP and no CIDR"):
        issued(a_ring(), "ci", "10.0.0.1", "10.0.0.0/33")


@pytest.mark.parametrize("cap", ["-1", "NaN", "Infinity", "1e13"])
def test_a_cap_that_is_none_is_refused(cap: str) -> None:
    ring = a_ring()
    issued(ring)
    with pytest.raises(ConfigurationError):
        ring.limit("ci", daily=Decimal(cap))


def test_limits_are_given_anew() -> None:
    ring = a_ring()
    issued(ring, "ci", "10.0.0.1")
    ring.limit("ci", hourly=Decimal(5))
    assert ring.named("ci").addresses == ()
    assert ring.named("ci").caps == {"hourly": 5}


def test_a_name_that_nobody_has_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="no key named 'x'"):
        a_ring().delete("x")


def test_a_key_of_odd_bytes_is_only_unknown() -> None:
    assert refusal(a_ring(), "\udcff\ud800") == "invalid_api_key"
