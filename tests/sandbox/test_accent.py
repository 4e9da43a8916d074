"""The ways in which our reading of api.md may be wrong, each on the engine or on an answer."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from pydantic import JsonValue

from aivideo_async.probe.findings import urls_in
from aivideo_async.sandbox import accent
from aivideo_async.sandbox.dialect import AS_WRITTEN, Answer, Dialect, failure, success
from aivideo_async.sandbox.engine import Engine
from aivideo_async.sandbox.scenarios import Fail
from tests.sandbox.asking import BEARER, CLIP, KEY, LATER, NOW, SORA, accepted, an_engine, ask, content, ended, the_task

DONE: dict[str, JsonValue] = {"id": "t", "status": "completed", "output": {"urls": ["u"], "metadata": {"ratio": "1:1"}}}
UNDERWAY: dict[str, JsonValue] = {"id": "t", "status": "processing", "progress": None}


def engine_with(dialect: Dialect) -> Engine:
    return an_engine(dialect=dialect)


def balance(engine: Engine) -> Decimal:
    return engine.account(KEY).balance


def test_by_default_everything_is_as_written() -> None:
    assert accent.task_body(AS_WRITTEN, DONE, str.upper) == DONE
    assert accent.task_body(AS_WRITTEN, UNDERWAY) == UNDERWAY
    assert accent.spoken(AS_WRITTEN, failure("task_not_found", "x")) == failure("task_not_found", "x")
    assert accent.created(AS_WRITTEN, success({"taskId": "t"})) == success({"taskId": "t"})


@pytest.mark.parametrize(
    ("dialect", "body", "name", "value"),
    [
        (Dialect(words={"processing": "rendering"}), UNDERWAY, "status", "rendering"),
        (Dialect(progress=0.5), UNDERWAY, "progress", 0.5),
        (Dialect(tells_cost=True), UNDERWAY, "credits_used", 1),
        (Dialect(metadata=False), DONE, "output", {"urls": ["u"], "metadata": {}}),
        (Dialect(fresh_urls=True), DONE, "output", {"urls": ["U"], "metadata": {"ratio": "1:1"}}),
    ],
)
def test_a_task_in_another_dialect(dialect: Dialect, body: dict[str, JsonValue], name: str, value: JsonValue) -> None:
    assert accent.task_body(dialect, body, str.upper)[name] == value


def test_answers_in_another_dialect() -> None:
    assert accent.created(Dialect(id_name="id"), success({"taskId": "t"})).body["data"] == {"id": "t"}
    assert accent.spoken(Dialect(bare_errors=True), failure("task_not_found", "gone")).body == {"detail": "gone"}
    assert accent.spoken(Dialect(quota_headers=True), Answer(200, {})).headers == accent.QUOTA


def test_a_refusal_may_cost_and_a_failure_may_keep_what_it_took() -> None:
    engine = engine_with(Dialect(refusal_cost=Decimal(3), keeps_credits=True))
    ask(engine, {**SORA, "duration": 5})
    assert balance(engine) == 997
    engine.enqueue([Fail()])
    ended(engine)
    assert balance(engine) == 797


def test_the_same_idempotency_key_may_give_the_same_task() -> None:
    engine = engine_with(Dialect(idempotent=True))
    body = json.dumps(SORA).encode()
    first, second = (engine.create("video", BEARER, body, NOW, once="k").answer for _ in range(2))
    assert first == second
    assert engine.create("video", BEARER, body, NOW, once="other").answer != first
    assert len(engine.tasks) == 2


def test_a_new_task_may_be_hidden_and_stand_in_an_envelope() -> None:
    engine = engine_with(Dialect(hidden_for=1, wrapped_tasks=True))
    task = accepted(engine)
    first, second = (engine.get_task(task.id, BEARER, LATER) for _ in range(2))
    assert (first.status, second.status) == (404, 200)
    assert second.body["data"] == task.body()


def test_callbacks_may_come_early_and_in_an_envelope() -> None:
    engine = engine_with(Dialect(tells_processing=True, wrapped_callbacks=True))
    task = accepted(engine)
    engine.finish(task.id, CLIP, NOW)
    told = [json.loads(delivery.body)["data"]["status"] for delivery in engine.advance(LATER)]
    assert sorted(told) == ["completed", "processing"]
    assert the_task(engine).ended


def test_every_question_may_give_a_url_of_its_own_that_works() -> None:
    engine = engine_with(Dialect(fresh_urls=True))
    task_id = ended(engine)[0].task_id
    seen: set[str] = set()
    for _ in range(2):
        (url,) = urls_in(engine.get_task(task_id, BEARER, LATER).body)
        assert engine.shelf.behind(url, LATER) == content(b"clip")
        seen.add(url)
    assert len(seen) == 2
