from __future__ import annotations

from typing import cast

import pytest

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox.scenarios import (
    Course,
    Delay,
    Fail,
    LoseCallback,
    RateLimit,
    Scenario,
    ServerError,
    course_of,
)


def test_one_scenario_is_a_course_of_its_own() -> None:
    assert course_of(Fail()) == Course((Fail(),))


def test_a_tuple_combines_scenarios_for_one_create() -> None:
    course = course_of((Delay(1), Fail(), Delay(2)))
    assert (course.delay, course.failure) == (3, Fail())


def test_an_empty_tuple_is_nothing_special() -> None:
    course = course_of(())
    assert (course.failure, course.refusal, course.broken, course.delay) == (None, None, None, 0)
    assert not course.has(LoseCallback)


def test_a_server_error_refuses_unless_the_create_was_accepted() -> None:
    assert course_of(ServerError()).refusal == ServerError()
    accepted = course_of((ServerError(accepted=True), LoseCallback()))
    assert (accepted.refusal, accepted.broken) == (None, ServerError(accepted=True))


def test_a_rate_limit_refuses() -> None:
    assert course_of((LoseCallback(), RateLimit(2))).refusal == RateLimit(2)


def test_a_class_in_place_of_an_instance_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="instance"):
        course_of(cast("Scenario", Fail))
