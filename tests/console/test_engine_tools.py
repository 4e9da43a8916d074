from __future__ import annotations

from collections.abc import Callable

import pytest

from aivideo_async.console.engine_tools import WORDS, Faults
from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox.faults import NAMED
from aivideo_async.sandbox.scenarios import Fail
from tests.console.asking import a_clock
from tests.sandbox.asking import LATER, NOW, accepted, an_engine


def test_what_is_chosen_happens_to_the_next_creates() -> None:
    engine = an_engine()
    faults = Faults(engine, a_clock())
    faults.enqueue(["moderation", "lose-callback"], 2)
    faults.enqueue(["html"], 1)
    faults.enqueue(["delay"], 3)
    assert [(fault.title, fault.whom, fault.share) for fault in faults.active()] == [
        ("Task: is refused by moderation; Callback: is lost", "the next 2 creates", None),
        ("Create: HTML with status 200", "create 3 from now", None),
        ("Task: takes an hour longer", "creates 4 to 6 from now", None),
    ]
    assert accepted(engine).course.failure is not None
    assert faults.active()[0].whom == "the next create"


def test_what_is_chosen_for_several_is_removed_at_once_also_when_one_was_taken_meanwhile() -> None:
    engine = an_engine()
    faults = Faults(engine, a_clock())
    for name, times in (("moderation", 3), ("lose-callback", 2), ("moderation", 1)):
        faults.enqueue([name], times)
    first, second, _ = faults.active()
    accepted(engine)
    faults.remove(first.id)
    assert [fault.whom for fault in faults.active()] == ["the next 2 creates", "create 3 from now"]
    faults.remove(second.id)
    assert [fault.title for fault in faults.active()] == ["Task: is refused by moderation"]


def test_a_share_of_everything_a_model_or_a_key_is_set_and_listed() -> None:
    engine = an_engine()
    faults = Faults(engine, a_clock())
    faults.share(["lose-callback", "html"], 0.1, model=None, key=None)
    faults.share(["html"], 1.0, model="sora-2", key=None)
    faults.share(["html"], 1.0, model=None, key="ci")
    engine.faults.set(Fail(message="mine"), 0.5, model="sora-2", key="ci")
    active = [(fault.whom, fault.share) for fault in faults.active()]
    assert active == [
        ("everything", 0.1), ("everything", 0.1), ("sora-2", 1.0), ("the key ci", 1.0), ("sora-2 by the key ci", 0.5),
    ]  # fmt: skip
    assert "mine" in faults.active()[-1].title


def test_whatever_is_active_can_be_removed_one_by_one() -> None:
    engine = an_engine()
    faults = Faults(engine, a_clock())
    engine.faults.set(Fail(message="mine"), key="ci")
    faults.share(["html"], 0.1, model="sora-2", key=None)
    faults.enqueue(["upstream"], 1)
    faults.enqueue(["delay"], 1)
    left: list[int] = []
    while faults.active():
        faults.remove(faults.active()[-1].id)
        left.append(len(faults.active()))
    assert left == [3, 2, 1, 0]


def test_removing_what_is_over_removes_nothing_else() -> None:
    engine = an_engine()
    faults = Faults(engine, a_clock())
    faults.enqueue(["moderation"], 1)
    faults.enqueue(["lose-callback"], 1)
    over = faults.active()[0].id
    accepted(engine)
    faults.remove(over)
    assert [fault.title for fault in faults.active()] == ["Callback: is lost"]


def test_everything_is_cleared_at_once() -> None:
    faults = Faults(an_engine(), a_clock())
    faults.enqueue(["upstream"], 3)
    faults.share(["html"], 1.0, model=None, key="ci")
    faults.clear()
    assert faults.active() == []


def test_a_task_that_runs_meets_what_it_still_can() -> None:
    engine = an_engine()
    told: list[str] = []
    faults = Faults(engine, a_clock(), lambda: told.append("changed"))
    task = accepted(engine)
    late = {fault.name for fault in faults.faults() if fault.late}
    assert {"upstream", "lose-callback", "expired-url"} <= late
    assert not late & {"delay", "early-callback", "html", "rate-limit"}
    assert faults.afflict(task.id, ["upstream"])
    with pytest.raises(ConfigurationError, match="accepted already"):
        faults.afflict(task.id, ["html"])
    engine.advance(LATER)
    assert (engine.tasks[task.id].status, told) == ("failed", ["changed"])
    assert not faults.afflict(task.id, ["upstream"])
    assert not faults.afflict("nobody", ["upstream"])


def test_every_change_gives_the_state_another_name() -> None:
    engine, clock = an_engine(), a_clock()
    faults = Faults(engine, clock)
    names = [faults.revision()]
    changes: list[Callable[[], object]] = [
        lambda: faults.enqueue(["html"], 1),
        lambda: engine.faults.set("html", 0.1),
        lambda: engine.faults.set("html", 0.2),
        lambda: clock.advance(60),
        clock.pause,
        lambda: clock.advance(60),
    ]
    for change in changes:
        change()
        names.append(faults.revision())
    assert len(set(names)) == len(names)


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
    Faults(engine, a_clock()).enqueue([name], 1)
    assert len(engine.waiting()) == 1


def test_what_is_not_offered_is_refused() -> None:
    engine = an_engine()
    faults = Faults(engine, a_clock())
    acts: list[Callable[[], object]] = [
        lambda: faults.enqueue(["nothing"], 1),
        lambda: faults.enqueue([], 1),
        lambda: faults.share([], 0.1, model=None, key=None),
        lambda: faults.share(["nothing"], 0.1, model=None, key=None),
        lambda: faults.share(["upstream"], 2.0, model=None, key=None),
        lambda: faults.share(["upstream"], 0.1, model="nobody", key=None),
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
