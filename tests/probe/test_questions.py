from __future__ import annotations

import pytest

from aivideo_async.catalog import PRICES
from aivideo_async.probe.orders import orders
from aivideo_async.probe.questions import CALLBACKS, NOT_TRIED, QUESTIONS, Answer, answers
from tests.probe.seeing import accepted, callback, error, seen


def verdict(known: tuple[Answer, ...], name: str) -> Answer:
    return next(answer for answer in known if answer.question.name == name)


def test_every_question_has_a_name_of_its_own_a_source_and_a_step_that_is_taken() -> None:
    steps = {"errors", "absent", "limits", CALLBACKS, NOT_TRIED, *(order.step for order in orders(PRICES))}
    assert len({question.name for question in QUESTIONS}) == len(QUESTIONS)
    assert {question.step for question in QUESTIONS} == steps
    assert all(question.source.startswith("api.md §") for question in QUESTIONS)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_what_differs_has_a_consequence(question: object) -> None:
    found = next(one for one in QUESTIONS if one is question)
    assert found.differs or found.step == NOT_TRIED
    assert found.stays


def test_at_first_everything_is_open() -> None:
    assert {answer.verdict for answer in answers(seen())} == {"open"}


def test_an_open_question_says_why() -> None:
    found = seen(error("flat.create", 402, "insufficient_credits"))
    found.left_out["sora"] = "it may cost 200 credits"
    known = answers(found)
    assert verdict(known, "flat_body").seen == "the create was answered 402 insufficient_credits"
    assert verdict(known, "flat_sora").seen == "it may cost 200 credits"
    assert verdict(known, "unsigned").seen == "no callback came"
    assert verdict(known, "dollars").seen == "no probe may try it"
    assert verdict(known, "price").seen == "nothing was seen that settles it"
    assert verdict(answers(seen(callback("processing"))), "tried_again").seen == "nothing was seen that settles it"


def test_a_verdict_brings_its_consequence() -> None:
    known = answers(seen(accepted("flat"), error("sora.create", 400, "invalid_request")))
    assert verdict(known, "flat_body").verdict == "as assumed"
    assert verdict(known, "flat_body").consequence == "nothing to change"
    assert verdict(known, "flat_sora").verdict == "differs"
    assert "nested" in verdict(known, "flat_sora").consequence
