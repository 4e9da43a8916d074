from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from pydantic import JsonValue

from aivideo_async.sandbox.records import Account, CallbackAttempt, led
from tests.sandbox.asking import CALLBACK, KEY, NOW, accepted, an_engine


def test_what_is_not_consumed_is_left() -> None:
    assert Account(purchased=Decimal(10), consumed=Decimal("2.4")).balance == Decimal("7.6")


def test_a_task_at_work_has_no_progress() -> None:
    task = accepted(an_engine())
    known = {"id": task.id, "model": "sora-2", "created_at": int(NOW), "progress": None}
    assert task.body() == {**known, "status": "pending"}
    assert replace(task, status="processing").body() == {**known, "status": "processing"}


def test_a_completed_task_has_an_output() -> None:
    task = replace(accepted(an_engine()), status="completed", completed_at=NOW + 9.7, output={"urls": ["u"]})
    assert task.ended
    assert task.body() == {
        "id": task.id, "status": "completed", "model": "sora-2", "created_at": int(NOW), "completed_at": int(NOW) + 9,
        "output": {"urls": ["u"]},
    }  # fmt: skip


def test_an_output_leads_where_it_was_asked_for_and_foreign_urls_stay() -> None:
    ours, foreign = "http://127.0.0.1:8/files/a.mp4?X-Amz-Date=1&b=%2F", "https://cdn.example.com/a.mp4"
    output: JsonValue = {"urls": [ours, foreign], "metadata": {"tracks": [{"image_url": ours, "duration": 2.0}]}}
    elsewhere = "https://sandbox:9/files/a.mp4?X-Amz-Date=1&b=%2F"
    assert led(output, "https://sandbox:9") == {
        "urls": [elsewhere, foreign], "metadata": {"tracks": [{"image_url": elsewhere, "duration": 2.0}]},
    }  # fmt: skip


def test_a_failed_task_has_an_error_and_no_moment_of_completion() -> None:
    task = replace(accepted(an_engine()), status="failed", error=("upstream_error", "no. Request id: 7"))
    assert task.body()["error"] == {"code": "upstream_error", "message": "no. Request id: 7"}
    assert task.body().keys() == {"id", "status", "model", "created_at", "error"}


def test_secrets_do_not_show() -> None:
    text = repr(accepted(an_engine()))
    assert KEY not in text
    assert CALLBACK not in text


@pytest.mark.parametrize(("status", "accepted"), [(200, True), (204, True), (301, False), (500, False), (None, False)])
def test_a_callback_is_accepted_by_any_2xx(status: int | None, accepted: bool) -> None:
    attempt = CallbackAttempt(at=NOW, task_id="t", event="task.completed", delivery_id="d", attempt=1, status=status)
    assert attempt.accepted is accepted
