from __future__ import annotations

from dataclasses import replace

import pytest

from aivideo_async import orders
from aivideo_async.catalog import PRICES, Sora2, estimate
from aivideo_async.core import wire
from aivideo_async.core.errors import APIConnectionError, InsufficientCreditsError, InvalidRequestError
from aivideo_async.core.lifecycle import NOBODY, merge
from aivideo_async.core.models import Failure, TaskRecord, TaskStatus, moment
from aivideo_async.orders import Job, Order

NOW = 1_790_000_000.0
ORIGIN = "https://api.example.com"
CLIP = Sora2(prompt="a kite", duration=4)


def a_job(key: str | None = "order-1") -> Job:
    return Job(Order(request=CLIP, estimate=estimate(CLIP, PRICES), key=key), "me", id="av_1")


def a_record(job: Job | None = None) -> TaskRecord:
    return orders.new_record(job or a_job(), origin=ORIGIN, now=NOW, deadline=3_600)


def meaning(holder: TaskRecord, job: Job | None = None, *, now: float = NOW) -> orders.Submission | None:
    return orders.known_already(holder, job or a_job(), origin=ORIGIN, now=now, create_deadline=120)


def test_a_new_record_says_what_is_wanted_and_when_to_look() -> None:
    record = a_record()
    assert (record.id, record.key, record.model, record.request) == ("av_1", "order-1", "sora-2", CLIP)
    assert (record.status, record.created_at, record.next_check) == (
        TaskStatus.SUBMITTING,
        moment(NOW),
        moment(NOW + 3_600),
    )


def test_the_way_of_a_create_is_told_step_by_step() -> None:
    job, record = a_job(), a_record()
    job.record = record = merge(record, orders.about_to_send(record, job, now=NOW + 1))
    assert (record.sender, record.sent_at) == ("me", moment(NOW + 1))
    record = merge(record, orders.accepted(record, job, "svc-1", now=NOW + 2, first_ask=60))
    assert (record.status, record.service_id, record.next_check) == (TaskStatus.PENDING, "svc-1", moment(NOW + 62))
    assert [entry.kind for entry in record.history] == ["submitted", "accepted"]


def test_an_ending_without_an_id_repeats_who_sent_it() -> None:
    job = a_job()
    job.record = merge(a_record(), orders.about_to_send(a_record(), job, now=NOW))
    doubt = orders.without_id(
        orders.sending(job.record, job), TaskStatus.IN_DOUBT, APIConnectionError("x", sent="maybe"), now=NOW
    )
    assert (doubt.sender, doubt.sent_at, doubt.ended_at) == ("me", moment(NOW), None)
    refused = orders.without_id(doubt, TaskStatus.REFUSED, None, now=NOW)
    assert (refused.ended_at, refused.failure) == (moment(NOW), Failure(message="cancelled before it was sent"))


def test_a_job_says_what_it_came_to() -> None:
    job = a_job()
    assert job.outcome() is None
    job.record, job.sent = a_record(), True
    assert job.outcome() == orders.Submission(job.record, in_doubt=True)


@pytest.mark.parametrize(
    ("change", "job", "words"),
    [
        ({"request": Sora2(prompt="another", duration=4)}, a_job(), "another request"),
        ({"key": "order-2"}, a_job(), "another request"),
        ({}, a_job(key=None), "another request"),
        ({"origin": "https://elsewhere.example.com"}, a_job(), "a task of https://elsewhere"),
    ],
)
def test_a_key_belongs_to_one_request_of_one_service(change: dict[str, object], job: Job, words: str) -> None:
    submission = meaning(replace(a_record(), **change), job)  # type: ignore[arg-type]  # fields by name
    assert submission is not None
    assert isinstance(submission.error, InvalidRequestError)
    assert words in str(submission.error)


@pytest.mark.parametrize(
    ("sender", "sent", "may"), [(None, False, True), (None, True, False), ("me", True, True), ("other", True, False)]
)
def test_who_may_send_what_holds_a_key(sender: str | None, sent: bool, may: bool) -> None:
    held = replace(a_record(), sender=sender, sent_at=moment(NOW) if sent else None)
    assert (meaning(held) is None) is may
    assert meaning(replace(held, sender=NOBODY)) is None


def test_what_was_refused_is_refused_again_and_what_was_sent_long_ago_is_in_doubt() -> None:
    failure = Failure(message="no credits", code="insufficient_credits", status=402)
    refused = meaning(replace(a_record(), status=TaskStatus.REFUSED, failure=failure))
    assert refused is not None
    assert isinstance(refused.error, InsufficientCreditsError)
    silent = replace(a_record(), sender="other", sent_at=moment(NOW))
    early, late = meaning(silent), meaning(silent, now=NOW + 151)
    assert early is not None
    assert late is not None
    assert (early.in_doubt, late.in_doubt) == (False, True)


def test_only_an_invalid_request_may_be_about_the_form() -> None:
    about = InvalidRequestError("x", code="invalid_request")
    assert orders.wrong_form(wire.CreateOutcome("refused", error=about))
    assert not orders.wrong_form(wire.CreateOutcome("refused", error=InsufficientCreditsError("x")))
