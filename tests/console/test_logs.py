from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from aivideo_async.console.logs import callbacks, requests
from aivideo_async.console.source import CallbackLine, Page, RequestLine
from tests.console.asking import AT, HOSTILE, a_visit, at

T = TypeVar("T")


class Lines(Generic[T]):
    """A log that holds these."""

    def __init__(self, *lines: T) -> None:
        self.lines: Sequence[T] = lines

    def attempts(self, first: int, most: int) -> Page[T]:
        return Page(self.lines[first : first + most], len(self.lines))

    requests = attempts

    async def resend(self, task_id: str) -> bool:
        return bool(task_id)


def test_empty_logs_say_how_something_comes_into_them() -> None:
    first = callbacks(a_visit(), Lines[CallbackLine]()).main
    for text in ("callback_url", "aivideo listen", "http://127.0.0.1:8\n", 'href="/console/try"'):
        assert text in first
    assert "curl" in requests(a_visit(), Lines[RequestLine]()).main


def test_an_attempt_says_what_was_answered_and_when_the_next_comes() -> None:
    line = CallbackLine(
        at=AT, task_id="task-1", event="task.completed", attempt=1, status=503, error=HOSTILE, note="forged",
        seconds=0.04, next_at=at(180),
    )  # fmt: skip
    main = callbacks(a_visit(), Lines(line)).main
    for text in ("503", "40 ms", "again in 3 min", "forged", 'action="/console/tasks/task-1/resend"'):
        assert text in main
    assert "<script>" not in main


def test_columns_that_nothing_stands_in_are_left_out() -> None:
    line = RequestLine(at=AT, method="GET", path=HOSTILE, status=None)
    main = requests(a_visit(), Lines(line)).main
    assert "cut off" in main
    assert ">Took<" not in main
    assert "<script>" not in main
    whole = RequestLine(
        at=AT,
        method="POST",
        path="/",
        status=400,
        task_id="t",
        key="default",
        seconds=1,
        code="invalid_request",
        body="{}",
    )
    main = requests(a_visit(), Lines(whole, line)).main
    for text in (">Took<", "invalid_request", "default", "Body"):
        assert text in main


def test_a_log_has_pages() -> None:
    lines = [RequestLine(at=AT, method="GET", path=f"/{number}", status=200) for number in range(120)]
    main = requests(a_visit(None, page="3"), Lines(*lines)).main
    assert "101\N{EN DASH}120 of 120" in main
    assert "/119" in main
