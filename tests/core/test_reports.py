from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from aivideo_async.core.errors import InvalidResponseError
from aivideo_async.core.models import Failure, TaskReport, TaskStatus
from aivideo_async.core.reports import RESULT_LIFETIME, expires_at, first_id, is_web_url, read_task
from tests.samples import sample

ID = "0b9f4c52-5d0e-4f0e-9c39-0a3f5b1d7e21"
DONE = datetime(2025, 10, 9, 8, 59, 20, tzinfo=UTC)
URL = "https://media.example.com/results/clip.mp4"


def read_sample(name: str) -> TaskReport:
    return read_task(json.loads(sample(f"wire/{name}")))


def read_with(**changes: JsonValue) -> TaskReport:
    """A completed task with some fields changed."""
    task: dict[str, JsonValue] = {"id": ID, "status": "completed", "model": "sora-2", "output": {"urls": [URL]}}
    return read_task(task | changes)


# As documented


def test_a_task_on_its_way_is_read() -> None:
    report = read_sample("task_processing.json")

    assert report == TaskReport(
        service_id=ID,
        status=TaskStatus.PROCESSING,
        model="sora-2",
        created_at=datetime(2025, 10, 9, 8, 53, 20, tzinfo=UTC),
    )
    assert read_sample("task_pending.json").status is TaskStatus.PENDING


def test_a_completed_task_is_read() -> None:
    report = read_sample("task_completed.json")

    assert report.status is TaskStatus.COMPLETED
    assert report.urls == (URL,)
    assert report.last_frame_url == "https://media.example.com/results/last.png"
    assert report.metadata["framespersecond"] == 24
    assert (report.completed_at, report.expires_at) == (DONE, DONE + timedelta(hours=24))
    assert report.remark is None


def test_several_results_stay_in_order() -> None:
    report = read_sample("task_completed_music.json")

    assert [url[-5:] for url in report.urls] == ["a.mp3", "b.mp3"]
    assert isinstance(report.metadata["tracks"], list)


def test_a_presigned_result_dies_when_it_says() -> None:
    assert read_sample("task_completed_presigned.json").expires_at == DONE + timedelta(days=1)


def test_a_failed_task_is_read() -> None:
    report = read_sample("task_failed.json")

    assert (report.status, report.completed_at) == (TaskStatus.FAILED, None)
    assert report.failure == Failure(
        message="The prompt was refused. Request id: 0217600000001", code="upstream_error", charged="no"
    )


# Tolerated


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("pending", TaskStatus.PENDING),
        ("queued", TaskStatus.PENDING),
        ("processing", TaskStatus.PROCESSING),
        ("in_progress", TaskStatus.PROCESSING),
        ("completed", TaskStatus.COMPLETED),
        ("success", TaskStatus.COMPLETED),
        ("succeeded", TaskStatus.COMPLETED),
        (" Completed ", TaskStatus.COMPLETED),
        ("failed", TaskStatus.FAILED),
        ("error", TaskStatus.FAILED),
        ("cancelled", TaskStatus.FAILED),
    ],
)
def test_the_words_of_published_clients_are_known(word: str, status: TaskStatus) -> None:
    report = read_with(status=word)

    assert (report.status, report.remark) == (status, None)
    assert (report.failure is not None) == (status is TaskStatus.FAILED)


def test_a_word_that_nobody_knows_is_no_ending() -> None:
    report = read_with(status="paused\n")

    assert (report.status, report.remark) == (TaskStatus.PROCESSING, "unknown status 'paused\\n'")


NO_RESULTS: tuple[JsonValue, ...] = (
    None,
    {},
    {"urls": None},
    {"urls": []},
    {"urls": ["ftp://media.example.com/x", "data:video/mp4;base64,AA", "/x.mp4", "https://", None, 7, "https://[::1"]},
)


@pytest.mark.parametrize("output", NO_RESULTS)
def test_completed_without_a_result_goes_on(output: JsonValue) -> None:
    report = read_with(output=output)

    assert (report.status, report.urls) == (TaskStatus.PROCESSING, ())
    assert report.remark == "completed without a result URL"


def test_the_sample_with_a_null_output_goes_on() -> None:
    assert read_sample("task_output_null.json").status is TaskStatus.PROCESSING


def test_only_web_urls_are_results() -> None:
    assert read_with(output={"urls": ["file:///etc/passwd", URL]}).urls == (URL,)


def test_an_id_may_be_called_as_on_create() -> None:
    assert read_task({"taskId": ID, "status": "pending"}).service_id == ID


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (None, Failure(message="the service reports that the task failed")),
        ({}, Failure(message="the service reports that the task failed")),
        ({"code": 7, "message": None}, Failure(message="the service reports that the task failed")),
        ("out of luck", Failure(message="out of luck")),
        ({"code": "x", "message": "at http://a/b?sig=c now"}, Failure(message="at http://a/b now", code="x")),
    ],
)
def test_a_failure_without_its_shape_is_still_one(error: JsonValue, failure: Failure) -> None:
    assert read_with(status="failed", error=error).failure == failure


@pytest.mark.parametrize("value", ["soon", True, -5, 0, 1.7e12, 10**400, float("inf"), float("nan"), [], {}])
def test_a_number_that_is_no_moment_is_left_out(value: JsonValue) -> None:
    report = read_with(created_at=value, completed_at=value)

    assert (report.status, report.created_at, report.completed_at) == (TaskStatus.COMPLETED, None, None)


def test_progress_is_a_number_or_nothing() -> None:
    assert read_with(progress=40).progress == 40.0
    assert [read_with(progress=odd).progress for odd in ("40%", True, None, float("inf"))] == [None] * 4


@pytest.mark.parametrize("value", [None, [], "x", 7, {"seed": float("inf")}])
def test_decoration_that_makes_no_sense_costs_no_result(value: JsonValue) -> None:
    report = read_with(model=7, output={"urls": [URL], "metadata": value, "last_frame_url": value})

    assert (report.urls, report.metadata, report.last_frame_url, report.model) == ((URL,), {}, None, None)


# Refused


@pytest.mark.parametrize(
    "task",
    [
        {},
        {"id": ID},
        {"id": ID, "status": None},
        {"id": ID, "status": 3},
        {"status": "completed"},
        {"id": None, "status": "completed"},
        {"id": 7, "status": "completed"},
        {"id": "../x", "status": "completed"},
        {"id": ID, "status": "completed", "output": "https://media.example.com/x"},
        {"id": ID, "status": "completed", "output": [URL]},
        {"id": ID, "status": "completed", "output": {"urls": URL}},
        {"id": ID, "status": "completed", "output": {"urls": {"0": URL}}},
    ],
)
def test_a_wrong_type_is_an_invalid_response(task: Mapping[str, JsonValue]) -> None:
    with pytest.raises(InvalidResponseError):
        read_task(task)


def test_an_unreadable_task_shows_no_secret() -> None:
    with pytest.raises(InvalidResponseError) as caught:
        read_task({"id": ID, "output": {"urls": [f"{URL}?X-Amz-Signature=made-up"]}})

    assert "made-up" not in str(caught.value)


# Pieces


def test_the_first_of_several_results_to_die_counts() -> None:
    early = f"{URL}?X-Amz-Date=20251009T085920Z&X-Amz-Expires=60"

    report = read_with(completed_at=DONE.timestamp(), output={"urls": [URL, early]})

    assert report.expires_at == DONE + timedelta(seconds=60)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "X-Amz-Date=20251009T085920Z",
        "X-Amz-Expires=60",
        "X-Amz-Date=yesterday&X-Amz-Expires=60",
        "X-Amz-Date=20251009T085920Z&X-Amz-Expires=-60",
        "X-Amz-Date=20251009T085920Z&X-Amz-Expires=604801",
        "X-Amz-Date=99991231T235959Z&X-Amz-Expires=60",
    ],
)
def test_a_result_that_does_not_say_dies_a_day_after_completion(query: str) -> None:
    assert expires_at(f"{URL}?{query}", completed_at=DONE) == DONE + RESULT_LIFETIME
    assert expires_at(f"{URL}?{query}", completed_at=None) is None


def test_the_names_in_a_presigned_url_may_be_written_small() -> None:
    url = f"{URL}?x-amz-expires=10&x-amz-date=20251009T085920Z"

    assert expires_at(url, completed_at=None) == DONE + timedelta(seconds=10)


def test_the_first_candidate_that_can_be_an_id_is_taken() -> None:
    assert first_id(None, 7, "", "a b", ID, "other") == ID
    assert first_id() is None


@given(st.text() | st.from_regex(r"https?://[^/]{0,8}(/.{0,8})?", fullmatch=True))
def test_a_web_url_is_printable_and_has_a_host(url: str) -> None:
    if is_web_url(url):
        assert url.isprintable()
        assert url.lower().startswith(("http://", "https://"))
        assert " " not in url
