"""Every exception that leaves this package.

::

    AIVideoError
    ├── APIError                      the service or the way to it
    │   ├── APIConnectionError        no complete answer; ``sent`` says whether the request may have arrived
    │   └── APIStatusError            an answer that says no
    │       ├── AuthenticationError        401
    │       ├── InsufficientCreditsError   402
    │       ├── PermissionDeniedError      403
    │       ├── NotFoundError              404
    │       ├── RateLimitError             429 rate_limit_exceeded
    │       ├── SpendLimitError            429 spend_limit_exceeded
    │       ├── InternalServerError        5xx
    │       └── UpstreamError              503 upstream_error
    ├── InvalidResponseError          an answer that is not what was promised
    ├── InvalidRequestError           refused before sending, or the service's 400 (also ValueError)
    ├── SubmissionInDoubtError        nobody can know whether the create was accepted and charged
    ├── TaskError
    │   ├── TaskFailedError           the task ended, and not with a result
    │   └── TaskTimeoutError          a wait, or the task's deadline, ran out (also TimeoutError)
    ├── BudgetExceededError
    ├── WebhookVerificationError      ``reason`` is one of VerificationFailure
    ├── DownloadError
    ├── StoreError                    a store's engine cannot be reached or refuses
    │   └── EventsLostError                endings were forgotten before a group of consumers had dealt with them
    ├── ClientClosedError
    └── ConfigurationError            a setting is missing, wrong or contradicts another

Errors carry plain values, pickle, and never hold a secret. Two of them offer the task's handle as ``task``; pickling
drops the handle and keeps ``task_id``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

Charged = Literal["yes", "no", "unknown"]


class TaskHandle(Protocol):
    """What an error knows of the handle that it offers; ``aivideo_async.GenerationTask`` is one."""

    @property
    def id(self) -> str:
        """Our id of the task."""
        ...


class VerificationFailure(StrEnum):
    """Why a callback was not believed; the set is closed."""

    MISSING_HEADER = "missing_header"
    DUPLICATE_HEADER = "duplicate_header"
    MALFORMED_ID = "malformed_id"
    BAD_TIMESTAMP = "bad_timestamp"
    STALE = "stale"
    FUTURE = "future"
    MALFORMED_SIGNATURE = "malformed_signature"
    UNSUPPORTED_VERSION = "unsupported_version"
    BAD_SIGNATURE = "bad_signature"
    BAD_TOKEN = "bad_token"  # noqa: S105 - the name of a reason
    BAD_BODY = "bad_body"
    ID_MISMATCH = "id_mismatch"


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing that is wrong with a request.

    ``field`` is the path of the field (``"multi_prompt.0.duration"``; empty for the request as a whole), ``value`` the
    offending value shortened to at most 80 characters, ``allowed`` says what would do, ``meant`` names the field or
    value that was probably meant.
    """

    field: str
    message: str
    value: str | None = None
    allowed: str | None = None
    meant: str | None = None


class AIVideoError(Exception):
    """The base of every exception of this package.

    Fields: ``status`` is the HTTP status or ``None`` when no answer was involved; ``code`` the service's code;
    ``request_id`` the service's id of the request where it named one; ``retry_after`` seconds; ``retryable`` whether
    the same call may succeed later without changing it; ``charged`` whether credits were taken; ``hint`` what to do.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        retryable: bool = False,
        charged: Charged = "unknown",
        hint: str | None = None,
        task: TaskHandle | None = None,
        task_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message: str = message
        self.status: int | None = status
        self.code: str | None = code
        self.request_id: str | None = request_id
        self.retry_after: float | None = retry_after
        self.retryable: bool = retryable
        self.charged: Charged = charged
        self.hint: str | None = hint
        self.task: TaskHandle | None = task
        self.task_id: str | None = task_id if task is None else task.id

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message} ({self.hint})"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.args, {**self.__dict__, "task": None})


def _rebuild(cls: type[AIVideoError], args: tuple[object, ...], state: dict[str, object]) -> AIVideoError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class APIError(AIVideoError):
    """The service, or the way to it, did not do what was asked."""


class APIConnectionError(APIError):
    """No complete answer. ``sent`` is ``"no"`` only when the request provably did not arrive."""

    def __init__(self, message: str, *, sent: Literal["no", "maybe"], hint: str | None = None) -> None:
        super().__init__(message, retryable=True, charged="no" if sent == "no" else "unknown", hint=hint)
        self.sent: Literal["no", "maybe"] = sent


class APIStatusError(APIError):
    """The service answered with an error status."""


class AuthenticationError(APIStatusError):
    """401: the key is not accepted."""


class InsufficientCreditsError(APIStatusError):
    """402: the balance does not cover the task."""


class PermissionDeniedError(APIStatusError):
    """403: the key may not be used from here."""


class NotFoundError(APIStatusError):
    """404: no such model or task."""


class RateLimitError(APIStatusError):
    """429 ``rate_limit_exceeded``: too many requests; waiting helps."""


class SpendLimitError(APIStatusError):
    """429 ``spend_limit_exceeded``: the key's own cap of credits is reached; waiting a moment does not help."""


class InternalServerError(APIStatusError):
    """5xx: the service failed."""


class UpstreamError(APIStatusError):
    """503 ``upstream_error``: content refused, provider down or bad parameters; only the message tells which."""


class InvalidResponseError(AIVideoError):
    """An answer that is not what the service promises: HTML with status 200, truncated JSON, a missing id."""


class InvalidRequestError(AIVideoError, ValueError):
    """A request that cannot be right. ``status`` is ``None`` when it was refused here and never left the machine.

    ``errors`` lists each problem with the field, its value, what is allowed and what was probably meant.
    """

    def __init__(
        self,
        message: str,
        *,
        errors: Sequence[FieldProblem] = (),
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id, charged="no", hint=hint)
        self.errors: tuple[FieldProblem, ...] = tuple(errors)


class SubmissionInDoubtError(AIVideoError):
    """Nobody can know whether the create was accepted. It is never repeated automatically.

    ``task`` is a handle that still resolves when the callback comes.
    """


class TaskError(AIVideoError):
    """A task that was accepted did not give a result to this wait."""


class TaskFailedError(TaskError):
    """The service reports that the task failed; it gives the credits back."""


class TaskTimeoutError(TaskError, TimeoutError):
    """A wait ran out, or the task's own deadline. The task lives on at the service; ``task`` can be awaited again."""


class BudgetExceededError(AIVideoError):
    """The estimate does not fit into what is left of the budget; nothing was sent."""


class WebhookVerificationError(AIVideoError):
    """A callback that is not believed. ``reason`` is the closed set VerificationFailure."""

    def __init__(self, reason: VerificationFailure, message: str | None = None) -> None:
        super().__init__(message or f"callback rejected: {reason.value}", charged="no")
        self.reason: VerificationFailure = reason


class DownloadError(AIVideoError):
    """A result could not be fetched into a file; no file stands under the final name."""


class StoreError(AIVideoError):
    """A store's engine cannot be reached, or refuses. What was stored before is unharmed."""


class EventsLostError(StoreError):
    """Endings were forgotten before a group of consumers had dealt with them: it was away for too long.

    It is raised once; iterating anew goes on with what is left.
    """


class ClientClosedError(AIVideoError):
    """The client, or what this handle came from, is not open."""


class ConfigurationError(AIVideoError):
    """A setting is missing, wrong, or contradicts another one."""
