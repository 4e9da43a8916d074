"""The timeline of the issue: submitted, accepted, attempt 1 (503), attempt 2 (200)."""

from __future__ import annotations

from dataclasses import replace

from aivideo_async.console.engine_tasks import detail_of, line_of, request_of
from aivideo_async.sandbox.dialect import ATTEMPTS
from aivideo_async.sandbox.records import CallbackAttempt, SandboxTask
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
    detail = detail_of(task, attempts, LATER, ATTEMPTS)
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
    assert "secret-token" not in repr(detail_of(the_task(engine), [], LATER, ATTEMPTS))


def test_a_running_task_says_when_it_is_due_and_a_failed_one_why() -> None:
    engine = an_engine()
    task = accepted(engine)
    assert detail_of(task, [], NOW, ATTEMPTS).steps[-1].title == "In work"
    failed = replace(task, status="failed", error=("upstream_error", "no"))
    assert "no The credits were given back" in detail_of(failed, [], LATER, ATTEMPTS).steps[2].detail
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
    steps = detail_of(task, attempts, LATER, ATTEMPTS).steps[3:]
    assert [step.title for step in steps] == [
        "Forged callback, attempt 1 (401)", "Callback, attempt 3 (no answer)", "Doubled callback, attempt 1 (200)",
    ]  # fmt: skip
    assert not any("tried again" in step.detail for step in steps)


def test_a_task_without_a_callback_says_so_and_one_whose_callback_is_to_come_too() -> None:
    engine = an_engine()
    ended(engine, {**SORA, "callback_url": None})
    assert detail_of(the_task(engine), [], LATER, ATTEMPTS).steps[-1].title == "No callback"
    engine = an_engine()
    ended(engine)
    assert detail_of(the_task(engine), [], LATER, ATTEMPTS).steps[-1].detail == "Not sent yet."


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
