"""What an answer that says no means: one table from status and code to an error, and to what a create has become.

Others import these names from ``core.wire``. Facts are from api.md §5, the kinds from flow.md §3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal

from pydantic import JsonValue
from pydantic_core import from_json

from aivideo_async.core.errors import (
    AIVideoError,
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    Charged,
    InsufficientCreditsError,
    InternalServerError,
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    SpendLimitError,
    TaskFailedError,
    UpstreamError,
)
from aivideo_async.core.models import Failure, JsonObject

OutcomeKind = Literal["accepted", "not_accepted", "refused", "in_doubt"]

_CONNECTION = "connection_error"
_QUOTE_LIMIT = 200
_MESSAGE_LIMIT = 500


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One whole answer. ``headers`` are looked up by lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Verdict:
    kind: OutcomeKind
    error: type[APIStatusError | InvalidRequestError]
    charged: Charged
    retryable: bool
    hint: str


_VERDICTS: Mapping[tuple[int, str | None], _Verdict] = {
    (400, None): _Verdict("refused", InvalidRequestError, "no", False, "correct the request and send it again"),
    (401, None): _Verdict("refused", AuthenticationError, "no", False, "check the API key in AIVIDEO_API_KEY"),
    (402, None): _Verdict(
        "refused", InsufficientCreditsError, "no", False, "buy credits, or ask for a shorter or smaller result"
    ),
    (403, None): _Verdict(
        "refused", PermissionDeniedError, "no", False, "add this machine's address to the key's list of allowed IPs"
    ),
    (404, None): _Verdict("refused", NotFoundError, "no", False, "check the name or the id"),
    (404, "model_not_found"): _Verdict("refused", NotFoundError, "no", False, "`aivideo models` lists known models"),
    (404, "task_not_found"): _Verdict(
        "refused", NotFoundError, "no", False, "the id is mistyped, another account's, or already forgotten"
    ),
    (429, "rate_limit_exceeded"): _Verdict("not_accepted", RateLimitError, "no", True, "send less at once, or wait"),
    (429, "spend_limit_exceeded"): _Verdict(
        "refused", SpendLimitError, "no", False, "raise the key's hourly, daily or total cap of credits"
    ),
    (429, None): _Verdict("in_doubt", RateLimitError, "unknown", True, "send less at once, or wait"),
    (503, "upstream_error"): _Verdict(
        "refused",
        UpstreamError,
        "unknown",
        False,
        "content refused, provider down or bad parameters: read the message, change the prompt or the model",
    ),
}
_SERVER_FAILED = _Verdict("in_doubt", InternalServerError, "unknown", True, "the service failed; ask again later")
_OTHER = _Verdict("in_doubt", APIStatusError, "unknown", False, "the service documents no such answer")
_NEED_A_CODE = frozenset({400, 404})
_NOT_THE_SERVICE = "not in the service's error shape: a proxy on the way, or AIVIDEO_BASE_URL names another server"


def refusal_of(response: HttpResponse, *, now: float) -> tuple[OutcomeKind, AIVideoError]:
    """What an answer that says no makes of a create, and the error that it is. ``now`` is unix seconds.

    Without the service's error shape nobody knows who answered: a create is then in doubt, and a 400 or 404 keeps its
    status but not its class, since a proxy's 404 must not count as the service's word on a task that was paid for.
    """
    status = response.status
    if status < 400:
        return "in_doubt", unpromised(response, "not what was asked for")
    code, text = _shaped(response.body)
    verdict = _verdict(status, code)
    if code is None:
        hint = verdict.hint if status >= 500 else _NOT_THE_SERVICE
        verdict = replace(verdict, kind="in_doubt", charged="unknown", hint=hint)
        text = quoted(response.body)
    return verdict.kind, _built(verdict, f"{status} {code or '(no code)'}: {text}", response, code=code, now=now)


def error_of(response: HttpResponse, *, now: float) -> AIVideoError:
    """The error that an answer is, with ``charged``, ``retryable``, ``retry_after`` and a hint. Never raises."""
    return refusal_of(response, now=now)[1]


def unpromised(response: HttpResponse, why: str) -> InvalidResponseError:
    """The error for an answer that is not what the service promises."""
    message = f"{response.status}: {why}: {quoted(response.body)}"
    return InvalidResponseError(message, status=response.status, request_id=_request_id(response, message))


def failure_of(error: AIVideoError) -> Failure:
    """The plain values of an error that ended a task before the service took it; ``error_from`` reverses it."""
    code = _CONNECTION if isinstance(error, APIConnectionError) else error.code
    return Failure(message=error.message, code=code, status=error.status, charged=error.charged)


def error_from(failure: Failure) -> AIVideoError:
    """The error that a record's failure stands for: of the same class as the one it was made from."""
    status, code, message, charged = failure.status, failure.code, failure.message, failure.charged
    if status is None and code == _CONNECTION:
        return APIConnectionError(message, sent="no" if charged == "no" else "maybe")
    if status is None:
        return TaskFailedError(message, code=code, charged=charged)
    if status < 400:
        return InvalidResponseError(message, status=status, code=code, charged=charged)
    verdict = _verdict(status, code)
    if issubclass(verdict.error, InvalidRequestError):
        return verdict.error(message, status=status, code=code, hint=verdict.hint)
    return verdict.error(
        message, status=status, code=code, retryable=verdict.retryable, charged=charged, hint=verdict.hint
    )


def json_object(body: bytes) -> JsonObject | None:
    """The JSON object in ``body``; ``None`` for everything else that bytes can be."""
    try:
        value: JsonValue = from_json(body, allow_inf_nan=False)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def quoted(body: bytes | str) -> str:
    """A stranger's words as a short, printable, quoted piece of a message, without secrets."""
    text = body[: 4 * _QUOTE_LIMIT].decode(errors="replace") if isinstance(body, bytes) else body
    return f"'{said(text, limit=_QUOTE_LIMIT)}'"


_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i)(https?:\\?/\\?/)[^\s/?#\"'<>@]*@"), r"\1"),
    (re.compile(r"(?i)(https?:\\?/\\?/[^\s?#\"'<>]*)[?#][^\s\"'<>]*"), r"\1"),
    (re.compile(r"(?i)\b(sk-|whsec_|whsk_|bearer\s+)[^\s\"'<>,;)}\]]+"), r"\1…"),
)


def said(text: str, *, limit: int = _MESSAGE_LIMIT) -> str:
    """A stranger's words, printable, at most ``limit`` characters, without keys, URL queries and passwords."""
    text = text[: 8 * limit]
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    shown = "".join(ch if ch.isprintable() else ch.encode("unicode_escape").decode() for ch in text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _shaped(body: bytes) -> tuple[str | None, str]:
    """Code and message of ``{"error":{"code","message","type"}}``; ``None`` and nothing when it is not that shape."""
    inner = (json_object(body) or {}).get("error")
    code, message = (inner.get("code"), inner.get("message")) if isinstance(inner, dict) else (None, None)
    if isinstance(code, str) and code and isinstance(message, str):
        return said(code, limit=80), said(message)
    return None, ""


def _verdict(status: int, code: str | None) -> _Verdict:
    if status >= 500:
        return _VERDICTS.get((status, code), _SERVER_FAILED)
    if code is None and status in _NEED_A_CODE:
        return _OTHER
    return _VERDICTS.get((status, code)) or _VERDICTS.get((status, None), _OTHER)


def _built(verdict: _Verdict, message: str, response: HttpResponse, *, code: str | None, now: float) -> AIVideoError:
    request_id = _request_id(response, message)
    if issubclass(verdict.error, InvalidRequestError):
        return verdict.error(message, status=response.status, code=code, request_id=request_id, hint=verdict.hint)
    return verdict.error(
        message,
        status=response.status,
        code=code,
        request_id=request_id,
        retry_after=_retry_after(response.headers.get("retry-after", ""), now),
        retryable=verdict.retryable,
        charged=verdict.charged,
        hint=verdict.hint,
    )


def _request_id(response: HttpResponse, message: str) -> str | None:
    header = f"request id: {response.headers.get('x-request-id', '')}"
    for text in (header, message):
        if named := re.search(r"(?i)request id: ?([A-Za-z0-9_-]{1,128})", text):
            return named[1]
    return None


def _retry_after(value: str, now: float) -> float | None:
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value.strip()):
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return max(0.0, (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp() - now)
