from __future__ import annotations

import json
from random import Random

import pytest

from aivideo_async.sandbox.faults import NAMED, Faults
from aivideo_async.sandbox.scenario_json import (
    course_in,
    courses_read,
    courses_written,
    data_of,
    rules_written,
    set_as_written,
)
from aivideo_async.sandbox.scenarios import Course, Delay, Fail, Scenario


def faults() -> Faults:
    return Faults(Random(1))


@pytest.mark.parametrize("scenario", NAMED.values(), ids=NAMED)
def test_every_scenario_is_read_as_it_was_written(scenario: Scenario) -> None:
    course = Course((scenario, Delay(0.5), scenario))
    assert course_in(json.loads(json.dumps(data_of(course)))) == course


def test_courses_come_in_their_order() -> None:
    courses = [Course((Fail(code="x"),)), Course(), Course((Delay(1), Fail()))]
    assert courses_read(courses_written(courses)) == courses


def test_rules_are_set_as_they_were_by_name_or_as_a_scenario_of_ones_own() -> None:
    one, other = faults(), faults()
    one.set("lose-callback", 0.25, model="sora-2", key="ci")
    one.set(Fail(message="mine"), 0.5)
    set_as_written(other, rules_written(one.rules))
    assert other.rules == one.rules


def test_a_rule_that_says_more_than_is_known_is_set_all_the_same() -> None:
    one, other = faults(), faults()
    one.set("html")
    (data,) = json.loads(rules_written(one.rules))
    set_as_written(other, json.dumps([{**data, "id": "rule-7"}]))
    assert other.rules == one.rules


@pytest.mark.parametrize("text", ["{", "[{}]", '[{"name":"html","is":{"is":"Nonsense"}}]', "[1]"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        set_as_written(faults(), text)
