from __future__ import annotations

from collections.abc import Callable

import pytest

from aivideo_async.console.engine_tools import WORDS, Faults
from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox.faults import NAMED
from tests.console.asking import a_clock
from tests.sandbox.asking import NOW, accepted, an_engine


def test_what_is_chosen_happens_to_the_next_create() -> None:
    engine = an_engine()
    faults = Faults(engine, a_clock())
    faults.enqueue(["moderation", "lose-callback"])
    assert faults.waiting() == ["How the task ends: is refused by moderation; Its callback: is lost"]
    task = accepted(engine)
    assert task.course.failure is not None
    assert faults.waiting() == []
    assert faults.count == 1


def test_a_share_is_set_shown_and_taken_away() -> None:
    engine = an_engine()
    faults = Faults(engine, a_clock())
    faults.share("lose-callback", 1.0)
    assert {fault.name: fault.share for fault in faults.faults()}["lose-callback"] == pytest.approx(1.0)
    assert accepted(engine).course.scenarios == (NAMED["lose-callback"],)
    faults.share("lose-callback", 0.0)
    assert engine.faults.rules == ()
    engine.faults.set("lose-callback", 0.5)
    faults.share("lose-callback", 0.0)
    assert engine.faults.rules == ()


def test_the_clock_stands_and_is_moved_on() -> None:
    clock = a_clock()
    faults = Faults(an_engine(), clock)
    faults.pause(on=True)
    faults.advance(60)
    face = faults.clock()
    assert (face.paused, face.can_stop, clock.now()) == (True, True, NOW + 1)
    faults.pause(on=False)
    assert not faults.clock().paused


@pytest.mark.parametrize("name", WORDS)
def test_everything_that_is_offered_can_be_chosen(name: str) -> None:
    engine = an_engine()
    Faults(engine, a_clock()).enqueue([name])
    assert len(engine.waiting()) == 1


def test_what_is_not_offered_is_refused() -> None:
    engine = an_engine()
    faults = Faults(engine, a_clock())
    acts: list[Callable[[], object]] = [
        lambda: faults.enqueue(["nothing"]),
        lambda: faults.share("nothing", 0.1),
        lambda: faults.share("upstream", 2.0),
        lambda: faults.advance(-1),
    ]
    for act in acts:
        with pytest.raises(ConfigurationError):
            act()
    assert engine.waiting() == ()


def test_the_page_has_words_for_every_fault_of_the_sandbox() -> None:
    assert set(WORDS) == set(NAMED)


def test_what_belongs_together_stands_together() -> None:
    groups = [words.group for words in WORDS.values()]
    assert groups == sorted(groups, key=groups.index)


def test_a_reset_forgets_all_but_keys_and_is_told() -> None:
    engine, told = an_engine(), list[str]()
    faults = Faults(engine, a_clock(), lambda: told.append("changed"))
    accepted(engine)
    faults.reset()
    assert (engine.tasks, len(engine.ledger), len(engine.keys), told) == ({}, 1, 1, ["changed"])
