from __future__ import annotations

import pytest

from aivideo_async.core.errors import (
    AIVideoError,
    APIConnectionError,
    AuthenticationError,
    BudgetExceededError,
    InsufficientCreditsError,
    InternalServerError,
    InvalidRequestError,
    NotFoundError,
    RateLimitError,
    SpendLimitError,
    SubmissionInDoubtError,
    TaskFailedError,
    TaskTimeoutError,
    UpstreamError,
)
from aivideo_async.core.fallback import moves_on, next_model

ERRORS: list[tuple[AIVideoError, bool]] = [
    (UpstreamError("503", code="upstream_error"), True),
    (NotFoundError("404", code="model_not_found"), True),
    (NotFoundError("404", code="task_not_found"), False),
    (TaskFailedError("failed", code="upstream_error"), True),
    (TaskFailedError("failed"), True),
    (TaskFailedError("failed", code="invalid_request"), False),
    (SubmissionInDoubtError("nobody knows"), False),
    (InternalServerError("500"), False),
    (APIConnectionError("refused", sent="no"), False),
    (APIConnectionError("broke", sent="maybe"), False),
    (RateLimitError("429"), False),
    (AuthenticationError("401"), False),
    (InsufficientCreditsError("402"), False),
    (SpendLimitError("429"), False),
    (InvalidRequestError("400", status=400), False),
    (BudgetExceededError("no"), False),
    (TaskTimeoutError("late"), False),
]


@pytest.mark.parametrize(("error", "allowed"), ERRORS, ids=lambda value: repr(value)[:40])
def test_another_model_is_tried_only_where_the_table_says_so(error: AIVideoError, *, allowed: bool) -> None:
    assert moves_on(error) is allowed


def test_models_come_in_their_order_and_once() -> None:
    fallbacks = ["kling-3.0", "sora-2", "kling-3.0", "veo-3"]
    assert next_model(fallbacks, ["sora-2"]) == "kling-3.0"
    assert next_model(fallbacks, ["sora-2", "kling-3.0"]) == "veo-3"
    assert next_model(fallbacks, ["sora-2", "kling-3.0", "veo-3"]) is None
