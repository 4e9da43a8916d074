from __future__ import annotations

import pytest

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.core.models import TaskEvent, TaskStatus
from aivideo_async.handlers import Handlers
from tests.doubles import a_record

DONE = TaskEvent(a_record(status=TaskStatus.COMPLETED))


async def test_handlers_run_in_order_for_their_event_only() -> None:
    handlers, seen = Handlers(), list[str]()

    async def first(event: TaskEvent) -> None:
        seen.append(f"first {event.record.id}")

    async def second(_event: TaskEvent) -> None:
        seen.append("second")

    handlers.add("task.completed", first)
    handlers.add("task.completed", second)
    await handlers.run(DONE)
    await handlers.run(TaskEvent(a_record(status=TaskStatus.FAILED)))
    assert seen == ["first av_1", "second"]
    assert (handlers.wanted(DONE), handlers.wanted(TaskEvent(a_record(status=TaskStatus.FAILED)))) == (True, False)


async def test_an_error_in_one_handler_touches_no_other(caplog: pytest.LogCaptureFixture) -> None:
    handlers, seen = Handlers(), list[str]()

    async def fails(_event: TaskEvent) -> None:
        raise ZeroDivisionError

    async def works(_event: TaskEvent) -> None:
        seen.append("works")

    handlers.add("task.completed", fails)
    handlers.add("task.completed", works)
    await handlers.run(DONE)
    assert seen == ["works"]
    assert "a handler of task.completed failed for av_1" in caplog.text


def test_a_name_that_is_no_event_is_refused() -> None:
    async def handler(_event: TaskEvent) -> None:
        raise AssertionError

    with pytest.raises(ConfigurationError, match="no event is called"):
        Handlers().add("task.done", handler)
