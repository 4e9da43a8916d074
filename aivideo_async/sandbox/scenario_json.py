"""Scenarios as JSON: what a task has before it, what the next creates have, and the rules of what goes wrong. Pure.

A scenario is written by its name, since most of them have no field that would tell them apart.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import cast, get_args

from aivideo_async.sandbox.faults import NAMED, Faults, Rule
from aivideo_async.sandbox.scenarios import Course, Scenario

SCENARIOS: Mapping[str, type[Scenario]] = {kind.__name__: kind for kind in get_args(Scenario)}


def data_of(course: Course) -> list[dict[str, object]]:
    """A course as JSON has it."""
    return [_data(item) for item in course.scenarios]


def course_in(data: object) -> Course:
    """The course of ``data_of``. Raises KeyError, TypeError."""
    return Course(tuple(_made(item) for item in cast("list[dict[str, object]]", data)))


def courses_written(courses: Sequence[Course]) -> str:
    """Several courses, in their order."""
    return json.dumps([data_of(course) for course in courses], separators=(",", ":"))


def courses_read(text: str) -> list[Course]:
    """The courses of ``courses_written``. Raises ValueError, KeyError, TypeError."""
    return [course_in(data) for data in cast("list[object]", json.loads(text))]


def rules_written(rules: Sequence[Rule]) -> str:
    """Rules, in the order in which they were set."""
    data = [
        {"name": rule.name, "share": rule.share, "model": rule.model, "key": rule.key, "is": _data(rule.scenario)}
        for rule in rules
    ]
    return json.dumps(data, separators=(",", ":"))


def set_as_written(faults: Faults, text: str) -> None:
    """Set the rules of ``rules_written``. Raises ValueError, KeyError, TypeError, ConfigurationError."""
    for data in cast("list[dict[str, object]]", json.loads(text)):
        name, scenario = str(data["name"]), _made(cast("dict[str, object]", data["is"]))
        fault = name if NAMED.get(name) == scenario else scenario
        model, key = (cast("str | None", data[field]) for field in ("model", "key"))
        faults.set(fault, float(cast("float", data["share"])), model=model, key=key)


def _data(scenario: Scenario) -> dict[str, object]:
    return {"is": type(scenario).__name__, **{name: getattr(scenario, name) for name in scenario.__slots__}}


def _made(data: Mapping[str, object]) -> Scenario:
    fields = dict(data)
    make = cast("Callable[..., Scenario]", SCENARIOS[str(fields.pop("is"))])
    return make(**fields)
