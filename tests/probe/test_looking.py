"""Each way of reading an answer: as we assume, otherwise, and not at all."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from aivideo_async.probe import looking
from aivideo_async.probe.findings import Findings
from aivideo_async.probe.looking import Look
from tests.probe.seeing import NOW, URL, accepted, callback, done, error, said, seen, task

OTHER_ID = "1b9f4c52-5d0e-4f0e-9c39-0a3f5b1d7e21"
ONE, TWO, NONE = Decimal(1), Decimal(2), Decimal(0)


def ended(found: Findings, status: str, seconds: float = 30.0, step: str = "image") -> Findings:
    found.ended[step] = status, seconds
    return found


def heard(found: Findings, seconds: float) -> Findings:
    found.listened = seconds
    return found


CASES: list[tuple[Look, Findings, Findings]] = [
    (looking.took("flat"), seen(accepted("flat")), seen(error("flat.create", 400, "invalid_request"))),
    (
        looking.took("flat"),
        ended(seen(accepted("flat")), "completed", step="flat"),
        ended(seen(accepted("flat")), "failed", step="flat"),
    ),
    (
        looking.free_refusal,
        seen(error("impossible.create", 400, "invalid_request"), charges={"impossible": NONE}),
        seen(error("impossible.create", 400, "invalid_request"), charges={"impossible": ONE}),
    ),
    (
        looking.free_refusal,
        seen(error("impossible.create", 400, "invalid_request"), charges={"impossible": NONE}),
        seen(accepted("impossible")),
    ),
    (
        looking.price,
        seen(accepted("image"), charges={"image": TWO}, expected={"image": TWO}),
        seen(accepted("image"), charges={"image": ONE}, expected={"image": TWO}),
    ),
    (
        looking.refund,
        ended(seen(charges={"failing": TWO}, refunds={"failing": TWO}), "failed", step="failing"),
        ended(seen(charges={"failing": TWO}, refunds={"failing": ONE}), "failed", step="failing"),
    ),
    (
        looking.idempotency,
        seen(accepted("again"), accepted("again", OTHER_ID)),
        seen(accepted("again"), accepted("again")),
    ),
    (looking.id_place, seen(accepted("image")), seen(said("image.create", 200, {"code": 200, "id": OTHER_ID}))),
    (
        looking.error_shape,
        seen(error("errors.task", 404, "task_not_found"), error("errors.key", 401, "invalid_api_key")),
        seen(error("errors.task", 404, "task_not_found"), said("errors.key", 401, {"detail": "no"})),
    ),
    (looking.absent("absent.tasks"), seen(said("absent.tasks", 404)), seen(said("absent.tasks", 200))),
    (looking.absent("absent.files"), seen(error("absent.files", 404, "not_found")), seen(said("absent.files", 405))),
    (
        looking.absent("absent.cancel"),
        seen(said("absent.cancel", 404)),
        seen(error("absent.cancel", 404, "task_not_found")),
    ),
    (looking.quota_headers, seen(said("start.credits", 200)), seen(said("start.credits", 200, X_RateLimit_Limit="9"))),
    (looking.retry_after, seen(said("limits.credits", 429)), seen(said("limits.credits", 429, Retry_After="7"))),
    (looking.found_at_once, seen(task("image", "pending")), seen(error("image.task", 404, "task_not_found"))),
    (looking.bare_task, seen(task("image", "pending")), seen(said("image.task", 200, {"data": {"status": "pending"}}))),
    (looking.status_words, seen(task("image", "pending"), done("image")), seen(task("image", "rendering"))),
    (looking.progress, seen(task("image", "pending", progress=None)), seen(task("image", "pending", progress=0.5))),
    (looking.cost_told, seen(accepted("image"), done("image")), seen(done("image", credits_used=2))),
    (looking.how_long("image"), ended(seen(), "completed", 30), ended(seen(), "completed", 300)),
    (looking.how_long("sora"), ended(seen(), "completed", 360, "sora"), ended(seen(), "completed", 30, "sora")),
    (looking.url_lifetime, seen(done("image")), seen(done("image", URL.replace("86400", "3600")))),
    (looking.url_lifetime, seen(done("image")), seen(done("image", "https://cdn.example.com/a.jpg"))),
    (looking.same_urls, seen(done("image"), done("image")), seen(done("image"), done("image", f"{URL}&n=1"))),
    (looking.no_head, seen(said("image.head", 403)), seen(said("image.head", 200))),
    (looking.metadata, seen(done("image")), seen(task("image", "completed", output={"urls": [URL]}))),
    (looking.callback_headers, seen(callback()), seen(callback(names=("Event",)))),
    (looking.unsigned, seen(callback()), seen(callback(names=("X-Event", "webhook-signature")))),
    (looking.bare_callback, seen(callback(), done("image")), seen(replace(callback(), body=b'{"data":{"error":{}}}'))),
    (
        looking.bare_callback,
        seen(callback(), done("image")),
        seen(callback(), said("image.task", 200, {"id": "x", "status": "pending"})),
    ),
    (looking.endings_only, seen(callback()), seen(callback("processing"), callback())),
    (
        looking.tried_again,
        seen(callback(answered=503), callback(at=NOW + 180)),
        seen(callback(answered=503), callback(at=NOW + 20)),
    ),
    (
        looking.tried_again,
        seen(callback(answered=503), callback(at=NOW + 185)),
        heard(seen(callback(answered=503)), 361),
    ),
]


@pytest.mark.parametrize(("look", "as_assumed", "otherwise"), CASES)
def test_an_answer_is_as_we_assume_or_not(look: Look, as_assumed: Findings, otherwise: Findings) -> None:
    answers = look(as_assumed), look(otherwise)
    assert [answer is not None and answer.as_assumed for answer in answers] == [True, False]
    assert all(answer is not None and answer.text for answer in answers)


@pytest.mark.parametrize("look", list(dict.fromkeys(look for look, _, _ in CASES)))
def test_nothing_seen_settles_nothing(look: Look) -> None:
    assert look(seen()) is None


@pytest.mark.parametrize(
    ("look", "found"),
    [
        (looking.took("flat"), seen(error("flat.create", 402, "insufficient_credits"))),
        (looking.took("flat"), seen(said("flat.create", None))),
        (looking.free_refusal, seen(error("impossible.create", 400, "invalid_request"))),
        (looking.free_refusal, seen(error("impossible.create", 500, "internal_error"), charges={"impossible": NONE})),
        (looking.price, seen(error("image.create", 503, "x"), charges={"image": NONE}, expected={"image": TWO})),
        (looking.refund, ended(seen(charges={"failing": TWO}, refunds={"failing": TWO}), "completed", step="failing")),
        (looking.idempotency, seen(accepted("again"))),
        (looking.id_place, seen(error("image.create", 400, "invalid_request"))),
        (looking.absent("absent.tasks"), seen(said("absent.tasks", 403))),
        (looking.found_at_once, seen(said("image.task", 500))),
        (looking.how_long("image"), ended(seen(), "failed")),
        (looking.same_urls, seen(done("image"))),
        (looking.bare_callback, seen(callback("processing"))),
        (looking.tried_again, seen(callback())),
        (looking.tried_again, heard(seen(callback(answered=503)), 20)),
    ],
)
def test_what_could_mean_anything_settles_nothing(look: Look, found: Findings) -> None:
    assert look(found) is None


@pytest.mark.parametrize(("gap", "as_assumed"), [(89, False), (90, True), (360, True), (361, False)])
def test_spans_are_the_services(gap: float, as_assumed: bool) -> None:
    found = seen(callback(answered=503), callback(at=NOW + gap / 10))
    found.time_scale = 10.0
    answer = looking.tried_again(found)
    assert answer is not None
    assert answer.as_assumed is as_assumed
