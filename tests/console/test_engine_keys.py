from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from aivideo_async.console.controls import FormError, KeyForm
from aivideo_async.console.engine_keys import Keys
from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox.engine import Engine
from tests.sandbox.asking import KEY, NOW, SORA, accepted, an_engine, refused

STAGING = KeyForm(name="staging")


def a_ring(engine: Engine, told: list[str] | None = None) -> Keys:
    def changed() -> None:
        if told is not None:
            told.append("changed")

    return Keys(engine, next(iter(engine.keys)).account, lambda: NOW, changed)


def test_a_key_is_shown_once_and_never_again() -> None:
    engine = an_engine()
    ring = a_ring(engine)
    made = ring.issue(STAGING)
    lines = ring.keys()
    assert lines[1].name == "staging"
    assert not any(made in repr(line) or KEY in repr(line) for line in lines)
    assert lines[1].hint.endswith(made[-4:])
    assert (lines[0].balance, lines[0].shared_by) == (lines[1].balance, 2)


def test_a_key_is_made_with_caps_addresses_and_credits_of_its_own() -> None:
    engine = an_engine()
    ring = a_ring(engine)
    addresses = "10.0.0.0/8\r\n2001:db8::1"
    secret = ring.issue(KeyForm(name="poor", addresses=addresses, hourly="150", total="1000.5", credits="400"))
    line = ring.keys()[1]
    assert (line.balance, line.shared_by) == (Decimal(400), 1)
    assert [(cap.span, cap.credits) for cap in line.caps] == [("hourly", Decimal(150)), ("total", Decimal("1000.5"))]
    assert line.addresses == ("10.0.0.0/8", "2001:db8::1/128")
    ring.limit("poor", KeyForm(hourly="150"))
    assert refused(engine, SORA, key=f"Bearer {secret}") == (429, "spend_limit_exceeded")


def test_all_that_is_wrong_with_a_form_is_said_at_once() -> None:
    engine = an_engine()
    form = KeyForm(name="", hourly="many", daily="-1", total="9" * 13, addresses="10.0.0.1 nowhere", credits="1e5")
    with pytest.raises(FormError) as raised:
        a_ring(engine).issue(form)
    assert set(raised.value.problems) == {"hourly", "daily", "total", "addresses", "credits"}
    assert "'nowhere'" in raised.value.problems["addresses"]
    assert len(engine.keys) == 1


@pytest.mark.parametrize("name", ["", "key-1", "a\nb"])
def test_a_name_that_is_none_or_taken_is_said_beside_it(name: str) -> None:
    with pytest.raises(FormError) as raised:
        a_ring(an_engine()).issue(KeyForm(name=name))
    assert set(raised.value.problems) == {"name"}


def test_limits_are_given_anew_or_not_at_all() -> None:
    ring = a_ring(an_engine())
    ring.issue(KeyForm(name="staging", daily="5", addresses="10.0.0.1"))
    with pytest.raises(FormError):
        ring.limit("staging", KeyForm(daily="x"))
    assert ring.keys()[1].addresses
    ring.limit("staging", KeyForm(daily="7"))
    assert (ring.keys()[1].caps[0].credits, ring.keys()[1].addresses) == (Decimal(7), ())


@pytest.mark.parametrize("credits", ["", "0", "x", "-1"])
def test_a_top_up_is_more_than_nothing(credits: str) -> None:  # noqa: A002 - the field is called so
    engine = an_engine()
    with pytest.raises(FormError) as raised:
        a_ring(engine).top_up("key-1", KeyForm(credits=credits))
    assert set(raised.value.problems) == {"credits"}
    assert len(engine.ledger) == 1


def test_a_top_up_is_of_the_key_s_account() -> None:
    engine = an_engine()
    ring = a_ring(engine)
    ring.issue(KeyForm(name="poor", credits="5"))
    ring.top_up("poor", KeyForm(credits="2.5"))
    first, second = ring.keys()
    assert [first.balance, second.balance] == [Decimal(1000), Decimal("7.5")]


def test_a_key_is_switched_off_on_and_forgotten_and_each_change_is_told() -> None:
    told: list[str] = []
    ring = a_ring(an_engine(), told)
    ring.issue(STAGING)
    ring.switch("staging", on=False)
    first, second = ring.keys()
    assert (first.disabled, second.disabled) == (False, True)
    ring.switch("staging", on=True)
    assert not ring.keys()[1].disabled
    ring.delete("staging")
    assert (len(ring.keys()), len(told)) == (1, 4)


def test_what_a_key_spent_is_its_own() -> None:
    engine = an_engine()
    ring = a_ring(engine)
    ring.issue(KeyForm(name="staging", daily="300"))
    ring.limit("key-1", KeyForm(total="500"))
    task = accepted(engine)
    first, second = ring.keys()
    assert (first.consumed, second.consumed) == (task.price, Decimal(0))
    assert (first.caps[0].spent, second.caps[0].spent) == (task.price, Decimal(0))


def test_a_key_that_is_not_there_is_an_error() -> None:
    ring = a_ring(an_engine())
    acts: list[Callable[[], object]] = [
        lambda: ring.switch("x", on=True),
        lambda: ring.delete("x"),
        lambda: ring.limit("x", STAGING),
        lambda: ring.top_up("x", KeyForm(credits="1")),
    ]
    for act in acts:
        with pytest.raises(ConfigurationError):
            act()
