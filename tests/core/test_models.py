from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aivideo_async.core.models import (
    GenerationRequest,
    Output,
    Reply,
    TaskRecord,
    TaskReport,
    TaskStatus,
    WebhookEvent,
    from_micros,
    moment,
    to_micros,
    without_query,
)

URL = "https://cdn.example.com/v/1.mp4?X-Amz-Signature=c0ffee"


class Clip(GenerationRequest, frozen=True):
    """A request with fields of its own."""

    prompt: str
    seed: int | None = None


def test_an_output_names_its_first_url() -> None:
    assert Output(task_id="av_1", urls=(URL, "https://cdn.example.com/2")).url == URL


def test_an_output_shows_where_it_is_but_not_the_secret_query() -> None:
    shown = repr(Output(task_id="av_1", urls=(URL,), last_frame_url=URL))
    assert "https://cdn.example.com/v/1.mp4" in shown
    assert "c0ffee" not in shown


def test_a_report_and_what_carries_it_do_not_show_urls() -> None:
    report = TaskReport(
        service_id="s1", status=TaskStatus.COMPLETED, urls=(URL,), last_frame_url=URL, metadata={"image_url": URL}
    )
    assert "c0ffee" not in repr(WebhookEvent(task_id="av_1", report=report, signed=True))


def test_a_record_does_not_show_the_queries_of_its_output() -> None:
    record = TaskRecord(id="av_1", origin="https://x", output=Output(task_id="av_1", urls=(URL,)))
    assert "c0ffee" not in repr(record)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (URL, "https://cdn.example.com/v/1.mp4"),
        ("http://user:password@host:81/a#part", "http://host:81/a"),
    ],
)
def test_a_url_is_shown_without_query_fragment_and_password(url: str, shown: str) -> None:
    assert without_query(url) == shown


@given(st.datetimes(timezones=st.just(UTC)))
def test_moments_keep_their_microseconds(at: datetime) -> None:
    assert from_micros(to_micros(at)) == at


def test_a_moment_is_aware_and_in_utc() -> None:
    assert moment(1772442777.5) == datetime(2026, 3, 2, 9, 12, 57, 500_000, tzinfo=UTC)
    assert moment(0).tzinfo is UTC


def test_the_fields_of_a_request_are_its_own_and_those_that_are_set() -> None:
    assert Clip(kind="video", model="m", prompt="p").fields() == {"prompt": "p"}
    assert Clip(kind="video", model="m", prompt="p", seed=0).fields() == {"prompt": "p", "seed": 0}


def test_a_request_is_sent_nested_unless_its_class_says_otherwise() -> None:
    assert Clip(kind="video", model="m", prompt="p").body_forms() == ("nested",)


def test_a_request_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValidationError, match="promt"):
        Clip.model_validate({"kind": "video", "model": "m", "prompt": "p", "promt": "p"})


def test_a_request_does_not_change() -> None:
    clip = Clip(kind="video", model="m", prompt="p")
    with pytest.raises(ValidationError, match="frozen"):
        setattr(clip, "prompt", "other")  # noqa: B010 - a type checker forbids the plain assignment


@pytest.mark.parametrize("value", [Output(task_id="a", urls=(URL,)), TaskRecord(id="a", origin="o"), Reply(200)])
def test_values_are_frozen(value: Output | TaskRecord | Reply) -> None:
    first = dataclasses.fields(value)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, first, "other")


def test_two_records_do_not_share_what_they_hold_by_default() -> None:
    metadata = Output(task_id="a", urls=(URL,)).metadata
    with pytest.raises(TypeError):
        metadata["seed"] = 1  # type: ignore[index]  # pyright: ignore[reportIndexIssue] - that it fails is the claim
