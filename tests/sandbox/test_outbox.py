from __future__ import annotations

import json
from dataclasses import replace

from aivideo_async.sandbox.delivery import callback_headers
from aivideo_async.sandbox.engine import Engine
from aivideo_async.sandbox.records import Delivery
from aivideo_async.sandbox.scenarios import LateCallback, ReorderCallback, StaleCallback
from tests.sandbox.asking import CALLBACK, CLIP, LATER, NOW, accepted, an_engine, ended, the_task


def one_due(engine: Engine, now: float) -> Delivery:
    (delivery,) = engine.advance(now)
    return delivery


def test_a_late_callback_comes_later() -> None:
    engine = an_engine(speed=60)
    engine.enqueue([LateCallback(600)])
    assert ended(engine) == []
    assert engine.next_due() == LATER + 10


def test_a_stale_one_comes_before_the_true_one_and_is_well_signed() -> None:
    engine = an_engine()
    engine.enqueue([StaleCallback()])
    (stale,) = ended(engine)
    headers = callback_headers(stale, b"k" * 32, int(LATER))
    assert headers["webhook-timestamp"] == headers["X-Timestamp"] == str(int(LATER) - 3600)
    engine.delivered(stale, LATER, status=401)
    true = one_due(engine, LATER)
    assert (true.stale, true.body == stale.body, engine.callbacks[0].stale) == (0, True, True)


def test_a_reordered_one_waits_for_that_of_another_task() -> None:
    engine = an_engine()
    engine.enqueue([ReorderCallback()])
    assert ended(engine) == []
    first, second = next(iter(engine.tasks)), accepted(engine)
    engine.finish(second.id, CLIP, NOW)
    other = one_due(engine, LATER)
    assert other.task_id == second.id
    engine.delivered(other, LATER, status=200)
    held = one_due(engine, LATER)
    assert held.task_id == first
    engine.delivered(held, LATER, status=200)
    assert engine.advance(LATER + 10_000) == []


def test_a_reordered_one_without_another_comes_all_the_same() -> None:
    engine = an_engine()
    engine.enqueue([ReorderCallback()])
    ended(engine)
    assert one_due(engine, LATER + 600).task_id == the_task(engine).id


def test_an_attempt_says_what_was_sent_how_long_it_took_and_when_the_next_is() -> None:
    engine = an_engine()
    (delivery,) = ended(engine)
    engine.delivered(delivery, LATER, status=503, headers={"X-Event": "task.completed"}, seconds=0.25)
    attempt = engine.callbacks[0]
    assert (attempt.headers, attempt.seconds, attempt.next_at) == ({"X-Event": "task.completed"}, 0.25, LATER + 180)
    assert json.loads(attempt.body)["id"] == delivery.task_id
    engine.delivered(one_due(engine, LATER + 180), LATER + 180, status=200)
    assert engine.callbacks[1].next_at is None


def test_it_is_sent_again_by_hand_and_tried_once() -> None:
    engine = an_engine()
    (delivery,) = ended(engine)
    engine.delivered(delivery, LATER, status=200)
    assert engine.outbox.resend(the_task(engine), LATER)
    again = one_due(engine, LATER)
    assert (again.resent, again.url) == (True, CALLBACK)
    engine.delivered(again, LATER, status=500)
    assert (engine.next_due(), engine.callbacks[1].resent) == (None, True)


def test_there_is_nothing_to_send_before_the_end_or_without_a_url() -> None:
    engine = an_engine()
    task = accepted(engine)
    assert not engine.outbox.resend(task, NOW)
    assert not engine.outbox.resend(replace(task, status="completed", callback_url=None), NOW)


def test_what_is_open_is_what_is_still_to_be_sent() -> None:
    engine = an_engine()
    (delivery,) = ended(engine)
    assert engine.outbox.open == {delivery.id: (LATER, delivery)}
    engine.delivered(delivery, LATER, status=200)
    assert engine.outbox.open == {}
