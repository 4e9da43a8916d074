from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivideo_async.core.errors import (
    AIVideoError,
    APIConnectionError,
    ConfigurationError,
    InternalServerError,
    InvalidRequestError,
    RateLimitError,
)
from aivideo_async.core.retry import DEADLINE, RetryPolicy, ask_delay, hint_delay

FAILED = InternalServerError("500", status=500, retryable=True)
MIDDLE = 0.5  # of the jitter: the schedule exactly


def limited(retry_after: float | None) -> RateLimitError:
    return RateLimitError("429", status=429, retryable=True, retry_after=retry_after)


def test_the_wait_doubles_up_to_the_cap() -> None:
    policy = RetryPolicy(attempts=10, base=1, cap=8)

    assert [policy.delay(FAILED, attempt=n, draw=0.5) for n in (1, 2, 3, 4, 5)] == [0.5, 1, 2, 4, 4]


def test_the_jitter_is_full() -> None:
    assert RetryPolicy().delay(FAILED, attempt=1, draw=0.0) == 0.0


def test_nothing_follows_the_last_attempt() -> None:
    policy = RetryPolicy(attempts=3)

    assert policy.delay(FAILED, attempt=2, draw=0.5) is not None
    assert policy.delay(FAILED, attempt=3, draw=0.5) is None


@pytest.mark.parametrize("error", [InvalidRequestError("bad"), AIVideoError("no"), RateLimitError("429", status=429)])
def test_what_is_not_retryable_is_not_repeated(error: AIVideoError) -> None:
    assert RetryPolicy().delay(error, attempt=1, draw=0.5) is None


def test_a_broken_connection_is_repeated() -> None:
    assert RetryPolicy().delay(APIConnectionError("refused", sent="no"), attempt=1, draw=0.5) == 0.5


def test_retry_after_is_waited_for_at_least() -> None:
    policy = RetryPolicy(base=8, cap=8)

    assert policy.delay(limited(3.0), attempt=1, draw=0.0) == 3.0
    assert policy.delay(limited(3.0), attempt=1, draw=0.75) == 6.0


def test_a_retry_after_beyond_patience_is_not_waited_for() -> None:
    assert RetryPolicy(patience=60).delay(limited(60.0), attempt=1, draw=0.0) == 60.0
    assert RetryPolicy(patience=60).delay(limited(60.1), attempt=1, draw=0.0) is None


@given(
    attempt=st.integers(1, 10**6),
    draw=st.floats(0, 1, exclude_max=True),
    retry_after=st.none() | st.floats(0, 1e9),
    base=st.floats(0, 30),
)
def test_a_wait_never_exceeds_its_maximum(attempt: int, draw: float, retry_after: float | None, base: float) -> None:
    policy = RetryPolicy(attempts=10**6 + 1, base=base, cap=30, patience=90)

    delay = policy.delay(limited(retry_after), attempt=attempt, draw=draw)

    if retry_after is not None and retry_after > 90:
        assert delay is None
    else:
        assert delay is not None
        assert (retry_after or 0) <= delay <= max(30, retry_after or 0)


@pytest.mark.parametrize(
    "wrong", [{"attempts": 0}, {"base": -1.0}, {"base": 9.0}, {"cap": 61.0}, {"patience": float("inf")}]
)
def test_a_policy_that_cannot_be_meant_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="retry policy"):
        RetryPolicy(**wrong)  # type: ignore[arg-type]  # attempts is given as an int


def test_with_a_callback_asking_starts_late_and_slows_down() -> None:
    delays = [ask_delay(checks=n, usual=360, callback=True, draw=MIDDLE) for n in range(7)]

    assert delays == [540, 120, 240, 480, 600, 600, 600]


def test_without_a_callback_asking_is_adaptive_polling() -> None:
    delays = [ask_delay(checks=n, usual=30, callback=False, draw=MIDDLE) for n in range(5)]

    assert [round(delay, 3) for delay in delays] == [7.5, 9.75, 12.675, 15, 15]


def test_a_long_task_is_first_asked_for_after_a_quarter_of_its_usual_time() -> None:
    assert [ask_delay(checks=n, usual=360, callback=False, draw=MIDDLE) for n in range(3)] == [90, 15, 15]


def test_nothing_is_polled_before_two_seconds() -> None:
    assert ask_delay(checks=0, usual=1, callback=False, draw=MIDDLE) == 2


@given(
    checks=st.integers(0, 10**9),
    usual=st.floats(0, 3600),
    callback=st.booleans(),
    draw=st.floats(0, 1, exclude_max=True),
)
def test_the_jitter_of_asking_is_a_fifth_either_way(checks: int, usual: float, callback: bool, draw: float) -> None:
    exact = ask_delay(checks=checks, usual=usual, callback=callback, draw=MIDDLE)

    jittered = ask_delay(checks=checks, usual=usual, callback=callback, draw=draw)

    assert exact * 0.79 <= jittered <= exact * 1.21
    assert exact <= max(900.0, 1.5 * usual)


def test_a_hinted_task_is_asked_for_at_0_1_3_7_and_15_seconds() -> None:
    asked, elapsed = [0.0], 0.0
    while (delay := hint_delay(elapsed)) is not None:
        elapsed += delay
        asked.append(elapsed)

    assert asked == [0, 1, 3, 7, 15]


def test_the_deadline_is_a_day() -> None:
    assert DEADLINE == 86_400


def test_a_429_pauses_the_others_as_long_as_it_says_up_to_the_patience() -> None:
    policy = RetryPolicy(base=1.0, patience=60.0)
    said = [None, 7.0, 900.0]
    pauses = [policy.pause_after(RateLimitError("slow down", retry_after=seconds)) for seconds in said]
    assert pauses == [1.0, 7.0, 60.0]
