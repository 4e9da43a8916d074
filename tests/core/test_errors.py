from __future__ import annotations

import pickle
import re
from dataclasses import dataclass

import pytest

from aivideo_async.core import errors
from aivideo_async.core.errors import (
    AIVideoError,
    APIConnectionError,
    APIStatusError,
    FieldProblem,
    InvalidRequestError,
    SubmissionInDoubtError,
    TaskTimeoutError,
    VerificationFailure,
    WebhookVerificationError,
)


@dataclass
class Handle:
    """A task's handle as an error knows it."""

    id: str


def every_class() -> list[type[AIVideoError]]:
    found: list[type[AIVideoError]] = [AIVideoError]
    for cls in found:
        found += cls.__subclasses__()
    return [cls for cls in found if cls.__module__ == errors.__name__]


def made(cls: type[AIVideoError]) -> AIVideoError:
    if issubclass(cls, APIConnectionError):
        return cls("no answer", sent="maybe", hint="look")
    if issubclass(cls, InvalidRequestError):
        return cls("no", errors=[FieldProblem("duration", "6 is not possible", "6", "4, 8, 12")], status=400)
    if issubclass(cls, WebhookVerificationError):
        return cls(VerificationFailure.STALE)
    return cls("no", status=429, code="slow", request_id="r1", retry_after=2.5, retryable=True, charged="no")


@pytest.mark.parametrize("cls", every_class())
def test_an_error_pickles_with_all_its_fields(cls: type[AIVideoError]) -> None:
    error = made(cls)
    copy: object = pickle.loads(pickle.dumps(error))
    assert type(copy) is cls
    assert (str(copy), vars(copy)) == (str(error), vars(error))
    assert copy.args == error.args


@pytest.mark.parametrize("cls", [SubmissionInDoubtError, TaskTimeoutError])
def test_pickling_drops_the_handle_and_keeps_its_id(cls: type[AIVideoError]) -> None:
    error = cls("waiting ended", task=Handle("av_1"))
    copy = pickle.loads(pickle.dumps(error))
    assert error.task == Handle("av_1")
    assert (copy.task, copy.task_id) == (None, "av_1")


def test_an_error_without_a_handle_may_name_the_task() -> None:
    assert AIVideoError("gone", task_id="av_2").task_id == "av_2"


def test_the_hierarchy_is_the_one_that_is_drawn() -> None:
    drawn: dict[str, str] = {}
    above = ["AIVideoError"]
    for prefix, name in re.findall(r"^    ([│ ]*[├└]── )([A-Za-z]+)", errors.__doc__ or "", re.MULTILINE):
        depth = len(prefix) // 4
        drawn[name] = above[depth - 1]
        above[depth:] = [name]
    built = {cls.__name__: cls.__bases__[0].__name__ for cls in every_class() if cls is not AIVideoError}
    assert drawn == built


def test_two_errors_are_also_what_python_calls_them() -> None:
    assert issubclass(InvalidRequestError, ValueError)
    assert issubclass(TaskTimeoutError, TimeoutError)


def test_the_text_shows_the_hint() -> None:
    assert str(APIStatusError("no credits left", hint="buy some")) == "no credits left (buy some)"
    assert str(APIStatusError("no credits left")) == "no credits left"


@pytest.mark.parametrize(("sent", "charged"), [("no", "no"), ("maybe", "unknown")])
def test_a_connection_error_was_charged_only_if_it_may_have_arrived(sent: str, charged: str) -> None:
    error = APIConnectionError("refused", sent="no" if sent == "no" else "maybe")
    assert (error.sent, error.charged, error.retryable) == (sent, charged, True)


def test_a_rejected_callback_names_its_reason() -> None:
    assert str(WebhookVerificationError(VerificationFailure.FUTURE)) == "callback rejected: future"
    assert str(WebhookVerificationError(VerificationFailure.FUTURE, "clock")) == "clock"


def test_an_invalid_request_keeps_its_problems_and_costs_nothing() -> None:
    error = InvalidRequestError("no", errors=[FieldProblem("image_url", "unknown", meant="image_urls")])
    assert [problem.meant for problem in error.errors] == ["image_urls"]
    assert (error.charged, error.status) == ("no", None)
