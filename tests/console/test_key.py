from __future__ import annotations

from decimal import Decimal

from aivideo_async.console.controls import Cap, KeyLine
from aivideo_async.console.key import key
from tests.console.asking import AT, HOSTILE, FixedKeys, OwnKeys, a_visit

CAPS = [Cap(span="hourly", credits=Decimal(300), spent=Decimal("20.5"))]


def a_ring() -> OwnKeys:
    ring = OwnKeys()
    line = KeyLine(name="ci", hint="", caps=CAPS, addresses=["10.0.0.0/8"], created_at=AT, balance=Decimal(7))
    ring.lines["ci"] = line
    ring.lines[HOSTILE] = KeyLine(name=HOSTILE, hint="", disabled=True, shared_by=2)
    return ring


def test_its_limits_are_told_and_stand_in_the_form() -> None:
    main = key(a_visit(), a_ring(), "ci").main
    for text in ("20.5 of 300 an hour", 'value="300"', ">10.0.0.0/8</textarea>", "its own account"):
        assert text in main


def test_deleting_asks_first_and_says_what_it_means() -> None:
    main = key(a_visit(), a_ring(), "ci").main
    folded = main.partition("<details")[2]
    assert "cannot be brought back" in folded
    assert 'value="delete"' in folded
    assert 'value="delete"' not in main.partition("<details")[0]


def test_the_sandbox_s_own_key_has_no_way_to_be_deleted() -> None:
    main = key(a_visit(), a_ring(), "default").main
    assert 'value="delete"' not in main
    assert "exports and Try it use it" in main


def test_what_a_stranger_called_it_is_text() -> None:
    main = key(a_visit(), a_ring(), HOSTILE).main
    assert "<script>" not in main
    assert "All keys of its account" in main
    assert 'value="enable"' in main


def test_a_ring_that_cannot_be_changed_has_no_forms() -> None:
    assert "<form" not in key(a_visit(), FixedKeys(), "default").main


def test_one_that_is_not_there_is_a_page_that_says_so() -> None:
    view = key(a_visit(), a_ring(), "<nobody>")
    assert (view.status, "&lt;nobody&gt;" in view.main) == (404, True)
