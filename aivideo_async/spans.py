"""Where tracing hooks in. While ``current`` is ``None``, which it is until somebody asks for spans, nothing is made.

What makes spans is another module (``aivideo_async.otel``), so that this one imports nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from aivideo_async.core.models import TaskRecord


class SubmitSpan(Protocol):
    """A create that is on its way."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels to record, with what names the trace: so it is found again at any replica, after any restart."""
        ...

    def told(self, record: TaskRecord) -> None:
        """Note what became of it."""
        ...


class Spans(Protocol):
    """What makes spans of the three moments of a task."""

    def submitting(self, model: str, labels: Mapping[str, str]) -> AbstractContextManager[SubmitSpan]:
        """A span around one ``submit``; the errors that leave it are noted."""
        ...

    def received(self, record: TaskRecord, *, believed: bool, seconds: float) -> None:
        """A callback was stored just now, so many seconds after its last byte came."""
        ...

    def woken(self, record: TaskRecord, began: int) -> None:
        """A wait that began then (nanoseconds of unix time) is over since the task has ended."""
        ...


current: Spans | None = None
