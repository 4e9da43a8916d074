"""Requests as the service reads them, answers as it writes them: the only place that knows its JSON.

Nothing here does I/O. A request becomes an ``HttpRequest``; an ``HttpResponse`` becomes a value or one of our errors,
whatever bytes came. Facts are from api.md; the table of what an answer that says no means is ``core.refusals``,
tasks are read in ``core.reports``; everybody imports their names from here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, cast

from pydantic import JsonValue

from aivideo_async.core.errors import AIVideoError, APIConnectionError, InvalidRequestError
from aivideo_async.core.models import BodyForm, Credits, GenerationRequest, JsonObject, Kind, TaskReport
from aivideo_async.core.refusals import (
    HttpResponse,
    OutcomeKind,
    error_from,
    error_of,
    failure_of,
    json_object,
    quoted,
    refusal_of,
    unpromised,
)
from aivideo_async.core.reports import RESULT_LIFETIME, TASK_ID, expires_at, first_id, is_web_url, read_task

__all__ = [
    "RESULT_LIFETIME",
    "TASK_ID",
    "CreateOutcome",
    "HttpRequest",
    "HttpResponse",
    "OutcomeKind",
    "create_outcome",
    "create_request",
    "credits_request",
    "error_from",
    "error_of",
    "expires_at",
    "failure_of",
    "is_web_url",
    "read_create",
    "read_credits",
    "read_task",
    "read_task_response",
    "task_request",
]

_PATHS: Mapping[Kind, str] = {
    "video": "/v1/videos/generations",
    "image": "/v1/images/generations",
    "music": "/v1/music/generations",
}
_RATIO_OF_SIZE: Mapping[str, str] = {"1280x720": "16:9", "720x1280": "9:16"}


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request, relative to the base URL. ``body`` is JSON, or ``None`` for a GET; ``headers`` are further ones."""

    method: Literal["GET", "POST"]
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class CreateOutcome:
    """What became of a create (flow.md §3).

    ``accepted`` has a ``service_id``. ``not_accepted`` provably was not taken and may be sent again; ``refused`` ended
    it with its own ``error``; ``in_doubt`` is everything else, ``error`` is its cause, and it is never sent again.
    """

    kind: OutcomeKind
    service_id: str | None = None
    error: AIVideoError | None = None


def create_request(request: GenerationRequest, *, form: BodyForm, callback_url: str | None) -> HttpRequest:
    """The POST that creates a task, in one of the two body forms (api.md §1). Raises InvalidRequestError."""
    fields = request.fields()
    outer: dict[str, JsonValue] = {"model": request.model}
    if callback_url is not None:
        outer["callback_url"] = callback_url
    if form == "flat":
        body = {"model": outer["model"], **fields, **outer}
    else:
        body = {**outer, "input": _with_ratio(fields) if "flat" in request.body_forms() else fields}
    try:
        data = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError as error:
        message = f"the request to {quoted(request.model)} cannot be written as JSON: NaN, infinity or a lone surrogate"
        raise InvalidRequestError(message) from error
    return HttpRequest("POST", _PATHS[request.kind], data)


def _with_ratio(fields: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The nested form says ``aspect_ratio`` where the flat one says ``size`` (api.md §1)."""
    size = fields.get("size")
    ratio = _RATIO_OF_SIZE.get(size) if isinstance(size, str) else None
    if ratio is None:
        return fields
    rest: dict[str, JsonValue] = {name: value for name, value in fields.items() if name != "size"}
    return {**rest, "aspect_ratio": ratio}


def task_request(service_id: str) -> HttpRequest:
    """The GET that asks for a task by the service's id. Raises InvalidRequestError for what is no id."""
    if not TASK_ID.fullmatch(service_id):
        message = f"not a task id: {quoted(service_id)}"
        raise InvalidRequestError(message, hint="an id is 1 to 128 of A-Z a-z 0-9 _ -")
    return HttpRequest("GET", f"/v1/tasks/{service_id}")


def credits_request() -> HttpRequest:
    """The GET that asks for the balance."""
    return HttpRequest("GET", "/v1/credits")


def read_create(response: HttpResponse, *, now: float) -> CreateOutcome:
    """What a create's answer means. Never raises; ``now`` (unix seconds) turns a dated ``Retry-After`` into seconds."""
    if not _says_yes(response):
        kind, error = refusal_of(response, now=now)
        return CreateOutcome(kind, error=error)
    answer = json_object(response.body) or {}
    data = answer.get("data")
    inner: JsonObject = data if isinstance(data, dict) else {}
    service_id = first_id(inner.get("taskId"), inner.get("id"), answer.get("taskId"), answer.get("id"))
    if service_id is None or answer.get("code", 200) != 200:
        return CreateOutcome("in_doubt", error=unpromised(response, "no task id with code 200"))
    return CreateOutcome("accepted", service_id)


def create_outcome(error: APIConnectionError) -> CreateOutcome:
    """What a create without an answer means: not accepted only where nothing can have arrived."""
    return CreateOutcome("not_accepted" if error.sent == "no" else "in_doubt", error=error)


def read_task_response(response: HttpResponse, *, now: float) -> TaskReport:
    """The answer to ``task_request``. Raises the error that the answer is, or InvalidResponseError."""
    answer = _answer(response, now=now)
    inner = answer.get("data")
    if "status" in answer or not isinstance(inner, dict):
        return read_task(answer)
    if answer.get("code", 200) != 200:
        raise unpromised(response, "not a task")
    return read_task(inner)


def read_credits(response: HttpResponse, *, now: float) -> Credits:
    """The answer to ``credits_request``, numbers exactly as written. Raises as ``read_task_response``."""
    answer = _answer(response, now=now)
    if answer.get("code", 200) != 200:
        raise unpromised(response, "not a balance")
    exact = cast("dict[str, object]", json.loads(response.body, parse_float=Decimal))
    inner = exact.get("data")
    values = cast("dict[str, object]", inner) if isinstance(inner, dict) else exact
    amounts = [values.get(name) for name in ("balance", "total_purchased", "total_consumed")]
    known = [Decimal(value) for value in amounts if isinstance(value, (int, Decimal)) and not isinstance(value, bool)]
    if len(known) != len(amounts):
        raise unpromised(response, "not a balance")
    return Credits(balance=known[0], total_purchased=known[1], total_consumed=known[2])


def _says_yes(response: HttpResponse) -> bool:
    return 200 <= response.status <= 299


def _answer(response: HttpResponse, *, now: float) -> JsonObject:
    if not _says_yes(response):
        raise error_of(response, now=now)
    answer = json_object(response.body)
    if answer is None:
        raise unpromised(response, "not a JSON object")
    return answer
