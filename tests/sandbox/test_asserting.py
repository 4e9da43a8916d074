from __future__ import annotations

import pytest
from pydantic import JsonValue

from aivideo_async.sandbox.asserting import created
from aivideo_async.sandbox.records import SandboxTask
from tests.sandbox.asking import CALLBACK, SORA, accepted, an_engine


def some() -> list[SandboxTask]:
    engine = an_engine(balance=10_000)
    seedance: JsonValue = {
        "model": "doubao-seedance-2.0",
        "input": {"prompt": "x", "image_urls": ["https://h.example/a.png"]},
    }
    return [accepted(engine, {**SORA, "duration": 4}), accepted(engine, {**SORA, "duration": 12}),
            accepted(engine, seedance)]  # fmt: skip


def test_it_gives_what_fits() -> None:
    tasks = some()
    assert created(tasks, {"model": "sora-2", "duration": 12}, None) == [tasks[1]]
    assert created(tasks, {"kind": "video"}, 3) == tasks
    assert created(tasks, {"callback_url": CALLBACK}, None) == tasks[:2]
    assert created(tasks, {"image_urls": ["https://h.example/a.png"]}, None) == tasks[2:]


def test_what_is_missing_is_told_with_the_nearest() -> None:
    tasks = some()
    with pytest.raises(AssertionError) as caught:
        created(tasks, {"model": "sora-2", "duration": 8}, None)
    assert str(caught.value) == (
        f"no task was created with model='sora-2', duration=8; of 3 the nearest is {tasks[1].id}: "
        "duration is 12 and not 8"
    )


def test_without_any_task_that_is_said() -> None:
    with pytest.raises(AssertionError, match="no task was created at all, so none with model='sora-2'"):
        created([], {"model": "sora-2"}, None)


def test_not_as_many_is_said_too() -> None:
    with pytest.raises(AssertionError, match="model='sora-2' was not created 1 times but 2"):
        created(some(), {"model": "sora-2"}, 1)
    assert created([], {"model": "sora-2"}, 0) == []


def test_a_field_that_a_model_does_not_have_is_absent() -> None:
    with pytest.raises(AssertionError, match="lenght is '<absent>' and not 8"):
        created(some(), {"lenght": 8}, None)
