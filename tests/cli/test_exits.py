"""Exit codes mean something, and every error has one."""

from __future__ import annotations

import pytest

from aivideo_async.cli.exits import HELP, MEANINGS, Exit, code_of, first_bad
from aivideo_async.core.errors import (
    AIVideoError,
    APIConnectionError,
    AuthenticationError,
    BudgetExceededError,
    ConfigurationError,
    DownloadError,
    InsufficientCreditsError,
    InvalidRequestError,
    RateLimitError,
    SpendLimitError,
    SubmissionInDoubtError,
    TaskFailedError,
    TaskTimeoutError,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("x"), 78),
        (InvalidRequestError("x"), 2),
        (TaskFailedError("x"), 3),
        (InsufficientCreditsError("x"), 4),
        (SpendLimitError("x"), 4),
        (BudgetExceededError("x"), 4),
        (SubmissionInDoubtError("x"), 5),
        (TaskTimeoutError("x"), 5),
        (AuthenticationError("x"), 1),
        (RateLimitError("x"), 1),
        (APIConnectionError("x", sent="maybe"), 1),
        (DownloadError("x"), 1),
        (AIVideoError("x"), 1),
        (OSError("x"), 1),
        (RuntimeError("x"), 1),
    ],
)
def test_each_error_has_its_exit_code(error: Exception, code: int) -> None:
    assert code_of(error) == code


def test_every_code_is_explained_in_the_help() -> None:
    assert set(MEANINGS) == set(Exit)
    assert all(f"{code.value} {meaning}" in HELP for code, meaning in MEANINGS.items())


def test_of_several_the_first_that_is_not_done_decides() -> None:
    assert first_bad([Exit.OK, Exit.OPEN, Exit.FAILED]) is Exit.OPEN
    assert first_bad([Exit.OK]) is Exit.OK
    assert first_bad([]) is Exit.OK
