from __future__ import annotations

from aivideo_async.console.controls import KeyForm, KeyLine
from aivideo_async.console.keys import keys
from tests.console.asking import HOSTILE, FixedKeys, OwnKeys, a_visit


def test_a_ring_that_cannot_be_changed_has_no_forms() -> None:
    main = keys(a_visit(), FixedKeys()).main
    assert "default" in main
    assert "<form" not in main


def test_a_new_key_is_shown_once_and_the_page_stands_still() -> None:
    ring = OwnKeys()
    view = keys(a_visit(), ring, issued=("staging", "sk-whole"))
    assert "sk-whole" in view.main
    assert view.still
    again = keys(a_visit(), ring)
    assert "sk-whole" not in again.main
    assert not again.still


def test_limits_and_states_are_told_and_names_are_text() -> None:
    ring = OwnKeys()
    ring.issue(KeyForm(name="staging"))
    ring.lines[HOSTILE] = KeyLine(name=HOSTILE, hint="sk-", disabled=True)
    main = keys(a_visit(), ring).main
    for text in ("7 of 100 a day", "from 10.0.0.1", "disabled", 'value="enable"', 'value="disable"'):
        assert text in main
    assert "<script>" not in main


def test_without_a_key_it_says_what_is_missing() -> None:
    ring = OwnKeys()
    del ring.lines["default"]
    assert "No key" in keys(a_visit(), ring).main
