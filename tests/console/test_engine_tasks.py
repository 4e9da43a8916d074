"""The timeline of the issue: submitted, accepted, attempt 1 (503), attempt 2 (200)."""

from __future__ import annotations

import json
from dataclasses import replace

from aivideo_async.console.engine_tasks import detail_of, line_of, request_of
from aivideo_async.sandbox.records import CallbackAttempt, SandboxTask
from aivideo_async.sandbox.scenarios import HtmlAnswer, LoseCallback
from tests.sandbox.asking import LATER, NOW, SORA, accepted, an_engine, ended, the_task


def an_attempt(task: SandboxTask, number: int, status: int | None, **changes: object) -> CallbackAttempt:
    attempt = CallbackAttempt(
        at=LATER, task_id=task.id, event="task.completed", delivery_id="msg", attempt=number, status=status
    )
    return replace(attempt, **changes)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - any field


def test_every_step_is_there_in_order_with_what_was_said() -> None:
    engine = an_engine()
    ended(engine)
    task = the_task(engine)
    attempts = [an_attempt(task, 1, 503), an_attempt(task, 2, 200)]
    detail = detail_of(task, attempts, LATER)
    assert [step.title for step in detail.steps] == [
        "Submitted", "Accepted", "Completed", "Callback, attempt 1 (503)", "Callback, attempt 2 (200)",
    ]  # fmt: skip
    assert [step.mood for step in detail.steps] == ["good", "good", "good", "bad", "good"]
    assert all(step.raw for step in detail.steps)
    assert detail.can_resend


def test_a_callback_urls_token_is_nowhere() -> None:
    engine = an_engine()
    ended(engine)
    assert "secret-token" in str(the_task(engine).callback_url)
    assert "secret-token" not in repr(detail_of(the_task(engine), [], LATER))


def test_a_running_task_says_when_it_is_due_and_a_failed_one_why() -> None:
    engine = an_engine()
    task = accepted(engine)
    assert detail_of(task, [], NOW).steps[-1].title == "In work"
    failed = replace(task, status="failed", error=("upstream_error", "no"))
    assert "no The credits were given back" in detail_of(failed, [], LATER).steps[2].detail
    assert line_of(failed, LATER).paid is False


def test_attempts_of_every_sort_are_told_apart() -> None:
    engine = an_engine()
    ended(engine)
    task = the_task(engine)
    attempts = [
        an_attempt(task, 1, 401, forged=True),
        an_attempt(task, 3, None),
        an_attempt(task, 1, 200, duplicate=True),
    ]
    steps = detail_of(task, attempts, LATER).steps[3:]
    assert [step.title for step in steps] == [
        "Forged callback, attempt 1 (401)", "Callback, attempt 3 (no answer)", "Doubled callback, attempt 1 (200)",
    ]  # fmt: skip
    assert not any("next attempt" in step.detail for step in steps)


def test_an_attempt_shows_what_was_sent_how_long_it_took_and_when_the_next_is() -> None:
    engine = an_engine()
    ended(engine)
    attempt = an_attempt(
        the_task(engine), 1, 503, headers={"X-Event": "task.completed"}, body=b'{"a": 1}', seconds=0.0126,
        next_at=LATER + 60, stale=True, resent=True,
    )  # fmt: skip
    step = detail_of(the_task(engine), [attempt], LATER).steps[-1]
    assert step.title == "Stale resent callback, attempt 1 (503)"
    assert step.detail.startswith("13 ms; the next attempt: ")
    assert json.loads(step.raw) == {
        "headers": {"X-Event": "task.completed"}, "body": {"a": 1}, "status": 503, "error": None,
    }  # fmt: skip
    odd = detail_of(the_task(engine), [replace(attempt, body=b"<html>", next_at=None)], LATER).steps[-1]
    assert (json.loads(odd.raw)["body"], odd.detail) == ("<html>", "13 ms")


def test_a_next_attempt_is_told_only_where_there_is_one() -> None:
    engine = an_engine()
    ended(engine)
    task = the_task(engine)
    attempts = [
        an_attempt(task, 1, 503, next_at=LATER + 60), an_attempt(task, 3, 503), an_attempt(task, 1, 503, resent=True),
        an_attempt(task, 1, 200, resent=True), an_attempt(task, 1, 401, forged=True),
    ]  # fmt: skip
    told = [step.detail.partition("; ")[2] for step in detail_of(task, attempts, LATER).steps[3:]]
    assert told[0].startswith("the next attempt: ")
    assert told[1:] == ["it is not tried again", "it is not tried again", "", ""]


def test_music_has_no_shape() -> None:
    engine = an_engine()
    facts = detail_of(accepted(engine, {"model": "suno-v5", "prompt": "rain"}, kind="music"), [], NOW).facts
    assert not {"Ratio", "Resolution", "Duration"} & set(facts)


def test_an_answer_that_its_sender_has_not_got_and_a_callback_that_is_lost_are_told() -> None:
    engine = an_engine()
    engine.enqueue([(HtmlAnswer(), LoseCallback())])
    ended(engine)
    steps = detail_of(the_task(engine), [], LATER).steps
    assert (steps[1].mood, steps[1].raw_title) == ("bad", "Answer before the fault")
    assert "has not got this answer: HtmlAnswer" in steps[1].detail
    assert steps[-1].detail == "Not sent: LoseCallback."


def test_a_task_without_a_callback_says_so_and_one_whose_callback_is_to_come_too() -> None:
    engine = an_engine()
    ended(engine, {**SORA, "callback_url": None})
    assert detail_of(the_task(engine), [], LATER).steps[-1].title == "No callback"
    engine = an_engine()
    ended(engine)
    assert detail_of(the_task(engine), [], LATER).steps[-1].detail == "Not sent yet."


def test_the_request_is_what_it_was_made_of() -> None:
    task = accepted(an_engine(), {**SORA, "duration": 12})
    request = request_of(task)
    assert request is not None
    assert request.fields()["duration"] == 12
    assert request_of(replace(task, fields={"duration": 9})) is None


def test_a_shape_is_tall_by_its_ratio() -> None:
    engine = an_engine()
    assert line_of(accepted(engine, {"model": "kling-3.0", "prompt": "x", "aspect_ratio": "9:16"}), NOW).tall
    assert not line_of(accepted(engine), NOW).tall
