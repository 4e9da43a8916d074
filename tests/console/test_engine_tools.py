from __future__ import annotations

import pytest

from aivideo_async.console.engine_tools import OFFERS, Faults, Keys
from aivideo_async.core.errors import ConfigurationError
from tests.sandbox.asking import KEY, NOW, accepted, an_engine


def test_a_key_is_never_shown() -> None:
    engine = an_engine()
    engine.open_account("sk-another-key-of-24-letters", engine.accounts[KEY].purchased)
    lines = Keys(engine, KEY).keys()
    assert [line.name for line in lines] == ["default", "key 2"]
    assert not any("another" in repr(line) or KEY in repr(line) for line in lines)
    assert lines[1].hint.endswith("ters")


def test_a_short_key_has_no_hint() -> None:
    engine = an_engine()
    engine.open_account("short", engine.accounts[KEY].purchased)
    assert "ort" not in Keys(engine, KEY).keys()[1].hint


def test_what_is_chosen_happens_to_the_next_create() -> None:
    engine = an_engine()
    faults = Faults(engine, 60, lambda: NOW)
    faults.enqueue(["moderation", "lose-callback"])
    assert faults.waiting() == ["How the task ends: is refused by moderation; Its callback: is lost"]
    task = accepted(engine)
    assert task.course.failure is not None
    assert faults.waiting() == []
    assert faults.count == 1


@pytest.mark.parametrize("name", OFFERS)
def test_everything_that_is_offered_can_be_chosen(name: str) -> None:
    engine = an_engine()
    Faults(engine, 60, lambda: NOW).enqueue([name])
    assert len(engine.waiting()) == 1


def test_what_is_not_offered_is_refused() -> None:
    engine = an_engine()
    faults, keys = Faults(engine, 60, lambda: NOW), Keys(engine, KEY)
    assert (keys.can_change, faults.can_share, faults.clock().can_stop) == (False, False, False)
    for act in (
        lambda: faults.enqueue(["nothing"]),
        lambda: faults.share("fail", 0.1),
        lambda: faults.pause(on=True),
        lambda: faults.advance(60),
        lambda: keys.issue("x"),
        lambda: keys.switch("x", on=True),
        lambda: keys.delete("x"),
    ):
        with pytest.raises(ConfigurationError):
            act()
    assert engine.waiting() == ()
