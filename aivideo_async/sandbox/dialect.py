"""The service's JSON as the sandbox reads and writes it: both create bodies, envelopes, errors (api.md §1 and §5).

Written from api.md alone and sharing nothing with ``core.wire``: if both ends had one codec, a mistake in it would be
invisible. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, NoReturn, cast
from urllib.parse import urlsplit

from pydantic import JsonValue

BodyForms = Literal["both", "flat", "nested"]
Twist = Literal["html", "truncated", "cut"]
Headers = tuple[tuple[str, str], ...]

ERRORS: Mapping[str, tuple[int, str]] = {
    "invalid_request": (400, "invalid_request_error"),
    "invalid_api_key": (401, "authentication_error"),
    "insufficient_credits": (402, "billing_error"),
    "ip_not_allowed": (403, "permission_error"),
    "model_not_found": (404, "invalid_request_error"),
    "task_not_found": (404, "invalid_request_error"),
    "rate_limit_exceeded": (429, "rate_limit_error"),
    "spend_limit_exceeded": (429, "billing_error"),
    "internal_error": (500, "api_error"),
    "upstream_error": (503, "upstream_error"),
}
"""Status and type of every documented code (api.md §5)."""

SIZES = {"16:9": "1280x720", "9:16": "720x1280"}
"""``aspect_ratio`` of Sora's nested form and ``size`` of its flat one (api.md §1)."""


ATTEMPTS = (0.0, 180.0, 600.0)
"""Seconds after a task's end at which its callback is tried: at once, +3 min, +10 min (api.md §4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """Where the service may be otherwise than we read api.md; the defaults are our reading.

    - Answers: ``id_name`` of a create, ``wrapped_tasks``, ``words`` for statuses, ``progress`` of what has not ended,
      ``tells_cost``, ``metadata``, ``quota_headers``, ``bare_errors`` (no code), ``further`` paths that exist, and
      whether it ``cancels``.
    - ``burst``: how many times in a row the balance may be asked for; ``retry_after`` (seconds) goes with that 429.
    - Creates: ``strict_fields`` refuses unknown ones, ``refusal_cost`` is charged for a 400, ``keeps_credits`` of tasks
      that failed, ``idempotent`` gives the same task for the same ``Idempotency-Key``, ``hidden_for`` is how many times
      a new task is not found yet.
    - Results: ``fresh_urls`` whenever a task is asked for, ``heads``: HEAD works on them.
    - Callbacks: ``callback_prefix`` of their headers, ``wrapped_callbacks``, ``tells_processing``, and when they are
      tried (``attempts``, seconds after the end).
    """

    id_name: Literal["taskId", "id"] = "taskId"
    wrapped_tasks: bool = False
    words: Mapping[str, str] = field(default_factory=dict[str, str])
    progress: float | None = None
    tells_cost: bool = False
    metadata: bool = True
    quota_headers: bool = False
    bare_errors: bool = False
    further: tuple[str, ...] = ()
    cancels: bool = False
    burst: int | None = None
    retry_after: float | None = None
    strict_fields: bool = False
    refusal_cost: Decimal = Decimal(0)
    keeps_credits: bool = False
    idempotent: bool = False
    hidden_for: int = 0
    fresh_urls: bool = False
    heads: bool = False
    callback_prefix: str = "X-"
    wrapped_callbacks: bool = False
    tells_processing: bool = False
    attempts: tuple[float, ...] = ATTEMPTS


AS_WRITTEN = Dialect()


class RefusedError(Exception):
    """A request that the service refuses; ``code`` is one of ``ERRORS``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code: str = code
        self.message: str = message


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered to a request: status, JSON and further headers.

    ``twist`` is how the answer is spoilt on its way out, ``after`` the seconds that it is held back.
    """

    status: int
    body: Mapping[str, JsonValue]
    headers: Headers = ()
    twist: Twist | None = None
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a create asks for, whichever form it came in; ``fields`` is the model's input, unknown names included."""

    model: str
    callback_url: str | None
    fields: Mapping[str, JsonValue]


def success(data: Mapping[str, JsonValue]) -> Answer:
    """The envelope of create and credits."""
    return Answer(200, {"code": 200, "msg": "success", "data": dict(data)})


def failure(code: str, message: str, *, status: int | None = None, headers: Headers = ()) -> Answer:
    """The shape of every error; ``status`` where it is not the code's own."""
    usual, kind = ERRORS.get(code, (400, "invalid_request_error"))
    body: dict[str, JsonValue] = {"error": {"code": code, "message": message, "type": kind}}
    return Answer(status or usual, body, headers)


def read_create(body: bytes, forms: BodyForms) -> Wanted:
    """Read a create's body in either form; ``forms`` may leave out one. Raises RefusedError."""
    data = _object(body)
    model, callback_url, given = data.get("model"), data.get("callback_url"), data.get("input")
    if not isinstance(model, str) or not model:
        raise RefusedError("invalid_request", "model is required")
    _check_callback_url(callback_url)
    callback_url = cast("str | None", callback_url)
    if "input" in data and forms != "flat":
        if not isinstance(given, dict):
            raise RefusedError("invalid_request", "input must be an object")
        return Wanted(model, callback_url, _nested_names(model, given))
    if forms == "nested":
        raise RefusedError("invalid_request", "input is required")
    return Wanted(model, callback_url, {k: v for k, v in data.items() if k not in {"model", "callback_url", "input"}})


def _object(body: bytes) -> dict[str, JsonValue]:
    try:
        data: object = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise RefusedError("invalid_request", "the request body is not valid JSON") from None
    if not isinstance(data, dict):
        raise RefusedError("invalid_request", "the request body must be a JSON object")
    return cast("dict[str, JsonValue]", data)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _check_callback_url(url: JsonValue) -> None:
    if url is None:
        return
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
        valid = parts is not None and parts.scheme in {"http", "https"} and bool(parts.hostname)
        valid = valid and parts is not None and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise RefusedError("invalid_request", "callback_url must be an http or https URL")


def _nested_names(model: str, given: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The nested form's names as the flat form has them; in it ``size`` is an unknown field and so ignored."""
    fields = dict(given)
    if model != "sora-2":
        return fields
    fields.pop("size", None)
    ratio = fields.pop("aspect_ratio", None)
    if ratio is None:
        return fields
    if not isinstance(ratio, str) or ratio not in SIZES:
        raise RefusedError("invalid_request", f"sora-2: aspect_ratio must be one of {', '.join(SIZES)}")
    return {**fields, "size": SIZES[ratio]}


def number(credits: Decimal) -> JsonValue:  # noqa: A002 - credits is the word of this package
    """Credits as the service writes them: whole where they are whole (api.md §1 has ``9800``)."""
    return int(credits) if credits == credits.to_integral_value() else float(credits)
