"""What the service says of a task, and how long its results live.

Others import these names from ``core.wire``. Facts are from api.md §3.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import MappingProxyType, NoneType
from typing import TypeGuard
from urllib.parse import urlsplit

from pydantic import JsonValue

from aivideo_async.core.errors import InvalidResponseError
from aivideo_async.core.models import Failure, JsonObject, TaskReport, TaskStatus, moment
from aivideo_async.core.refusals import quoted, said

TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""What an id must match, in full, before it enters a path (flow.md §1)."""

RESULT_LIFETIME = timedelta(hours=24)
"""How long a result URL lives that does not say so itself (api.md §3)."""

_STATUS_WORDS: Mapping[str, TaskStatus] = {
    "pending": TaskStatus.PENDING,
    "queued": TaskStatus.PENDING,
    "processing": TaskStatus.PROCESSING,
    "in_progress": TaskStatus.PROCESSING,
    "completed": TaskStatus.COMPLETED,
    "success": TaskStatus.COMPLETED,
    "succeeded": TaskStatus.COMPLETED,
    "failed": TaskStatus.FAILED,
    "error": TaskStatus.FAILED,
    "cancelled": TaskStatus.FAILED,
}
_LAST_MOMENT = 2**33  # the year 2242: milliseconds and nonsense lie beyond it
_LONGEST_PRESIGNED = 7 * 24 * 3600
_ENCODER = json.JSONEncoder(allow_nan=False)
# Of a query in lower case behind an ampersand: a literal start is what a search finds quickly.
_SIGNED_AT = re.compile(r"&x-amz-date=([0-9]{4})([0-9]{2})([0-9]{2})t([0-9]{2})([0-9]{2})([0-9]{2})z(?:&|$)")
_EXPIRES = re.compile(r"&x-amz-expires=([0-9]{1,6})(?:&|$)")
_NOTHING: JsonObject = MappingProxyType({})


def read_task(obj: Mapping[str, JsonValue]) -> TaskReport:
    """A task object as answers and callbacks carry it (api.md §3). Raises InvalidResponseError.

    What is only decoration (model, times, progress, metadata) is left out where it makes no sense: it must not cost a
    result that was paid for.
    """
    service_id, word = first_id(obj.get("id"), obj.get("taskId")), obj.get("status")
    if service_id is None or not isinstance(word, str):
        message = f"a task without an id or a status: {quoted(repr(dict(obj)))}"
        raise InvalidResponseError(message)
    status, remark = _status(word)
    output = _output(obj) if status is TaskStatus.COMPLETED else _NOTHING
    urls = _web_urls(output.get("urls"))
    if status is TaskStatus.COMPLETED and not urls:
        status, remark = TaskStatus.PROCESSING, "completed without a result URL"
    model, last_frame = obj.get("model"), output.get("last_frame_url")
    completed_at = _moment(obj.get("completed_at"))
    ends = [end for url in urls if (end := expires_at(url, completed_at=completed_at)) is not None]
    return TaskReport(
        service_id=service_id,
        status=status,
        model=model if isinstance(model, str) else None,
        created_at=_moment(obj.get("created_at")),
        completed_at=completed_at,
        progress=_number(obj.get("progress")),
        urls=urls,
        last_frame_url=last_frame if is_web_url(last_frame) else None,
        metadata=_metadata(output.get("metadata")),
        expires_at=min(ends, default=None),
        failure=_failure(obj) if status is TaskStatus.FAILED else None,
        remark=remark,
    )


def _status(word: str) -> tuple[TaskStatus, str | None]:
    status = _STATUS_WORDS.get(word.strip().lower())
    return (TaskStatus.PROCESSING, f"unknown status {quoted(word)}") if status is None else (status, None)


def expires_at(url: str, *, completed_at: datetime | None) -> datetime | None:
    """When a result URL dies: as it says itself (``X-Amz-Date``, ``X-Amz-Expires``), else 24 hours after completion.

    ``None`` when neither is known.
    """
    query = f"&{url.partition('?')[2].partition('#')[0].lower()}"
    signed, lifetime = _SIGNED_AT.search(query), _EXPIRES.search(query)
    if signed is not None and lifetime is not None and int(lifetime[1]) <= _LONGEST_PRESIGNED:
        year, month, day, hour, minute, second = map(int, signed.groups())
        with suppress(ValueError, OverflowError):  # there is no such day
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC) + timedelta(seconds=int(lifetime[1]))
    return None if completed_at is None else completed_at + RESULT_LIFETIME


def first_id(*candidates: JsonValue) -> str | None:
    """The first candidate that can be the service's id of a task; never a number, a path or nothing."""
    return next((value for value in candidates if isinstance(value, str) and TASK_ID.fullmatch(value)), None)


def _output(obj: JsonObject) -> JsonObject:
    """The ``output`` of a completed task; ``null`` was seen (api.md §3) and is no result."""
    output = obj.get("output")
    if output is None:
        return _NOTHING
    if not isinstance(output, dict) or not isinstance(output.get("urls"), (list, NoneType)):
        message = f"a task with an output that cannot be read: {quoted(repr(output))}"
        raise InvalidResponseError(message)
    return output


def _web_urls(values: JsonValue) -> tuple[str, ...]:
    return tuple(value for value in values if is_web_url(value)) if isinstance(values, list) else ()


def is_web_url(value: JsonValue) -> TypeGuard[str]:
    """Whether it is a whole http(s) URL in which nothing has to be guessed; where it leads is not looked at."""
    if not isinstance(value, str) or not value.isprintable() or " " in value:
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _metadata(value: JsonValue) -> JsonObject:
    """``metadata`` where it is an object; one with a number too large to be written down again is left out."""
    if not isinstance(value, dict):
        return _NOTHING
    if not all(_is_plain(item) for item in value.values()):
        try:
            _ENCODER.encode(value)
        except ValueError:
            return _NOTHING
    return MappingProxyType(value)


def _is_plain(value: JsonValue) -> bool:
    return isinstance(value, str | bool) or (isinstance(value, int | float) and abs(value) < _LAST_MOMENT)


def _failure(obj: JsonObject) -> Failure:
    error = obj.get("error")
    code, text = (error.get("code"), error.get("message")) if isinstance(error, dict) else (None, error)
    return Failure(
        message=said(text) if isinstance(text, str) else "the service reports that the task failed",
        code=said(code, limit=80) if isinstance(code, str) else None,
        charged="no",
    )


def _moment(value: JsonValue) -> datetime | None:
    number = _number(value)
    return moment(number) if number is not None and 0 < number < _LAST_MOMENT else None


def _number(value: JsonValue) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) < _LAST_MOMENT else None
