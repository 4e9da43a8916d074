from __future__ import annotations

from aivideo_async.sandbox.dialect import Dialect
from aivideo_async.sandbox.roll import Roll
from aivideo_async.sandbox.scenarios import Changed, Fail
from tests.sandbox.asking import BEARER, CLIP, LATER, NOW, accepted, an_engine, ended


def test_the_oldest_that_ended_is_forgotten_with_its_files() -> None:
    engine = an_engine()
    engine.tasks.most = 2
    running = accepted(engine)
    engine.enqueue([Changed()])
    old = accepted(engine)
    engine.finish(old.id, CLIP, NOW)
    engine.advance(LATER)
    new = accepted(engine)
    assert list(engine.tasks) == [running.id, new.id]
    assert (list(engine.shelf.contents()), len(engine.shelf.dropped)) == ([], 1)
    assert old.id in engine.tasks.changed
    assert engine.get_task(old.id, BEARER, LATER).status == 404


def test_none_is_forgotten_that_has_not_ended() -> None:
    engine = an_engine()
    engine.tasks.most = 1
    assert [accepted(engine).id for _ in range(3)] == list(engine.tasks)


def test_nothing_follows_from_a_callback_of_a_forgotten_task() -> None:
    engine = an_engine()
    engine.tasks.most = 1
    engine.enqueue([Fail()])
    (delivery,) = ended(engine)
    accepted(engine)
    engine.delivered(delivery, LATER, status=500)
    assert (engine.outbox.open, delivery.id in engine.outbox.changed) == ({}, True)


def test_questions_for_what_is_not_there_leave_nothing() -> None:
    for hidden_for in 0, 1:
        engine = an_engine(dialect=Dialect(hidden_for=hidden_for))
        for number in range(3):
            engine.get_task(f"of nobody {number}", BEARER, NOW)
        assert len(list(filter(None, engine._asked.values()))) == 0


def test_what_changed_is_known_by_id() -> None:
    roll, task = Roll(), accepted(an_engine())
    assert roll.put(task) is task
    assert (roll.changed, list(roll)) == ({task.id}, [task.id])
