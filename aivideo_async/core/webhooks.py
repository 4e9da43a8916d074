"""Path, headers and bytes of a callback -> WebhookEvent. Usable alone: Django, Flask, Lambda.

::

    keys = CallbackKeys(os.environ["AIVIDEO_CALLBACK_KEY"])
    verifier = StandardWebhooks(os.environ["AIVIDEO_WEBHOOK_SECRET"])      # None where the sender signs nothing
    event = unwrap(path, headers, body, keys=keys, verifier=verifier, now=time.time())

The order of the checks is that of webhooks.md §3; what fails first names the reason. ``event.signed`` says whether the
body may be believed: where it may not, ask the service for the task and take its answer.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from aivideo_async.core.errors import InvalidResponseError, VerificationFailure, WebhookVerificationError
from aivideo_async.core.models import TaskReport, WebhookEvent
from aivideo_async.core.signing import RawHeaders, Verified
from aivideo_async.core.strict_json import parse_body
from aivideo_async.core.tokens import ID_PATTERN, TOKEN_PATTERN, CallbackKeys
from aivideo_async.core.wire import read_task

BODY_LIMIT = 256 * 1024
"""The largest body in bytes that is looked at (webhooks.md §3)."""


DEFAULT_TOLERANCE = 300.0
"""Seconds that a delivery may be old, or dated ahead, where a verifier does not say."""


class Verifier(Protocol):
    """A scheme of signatures with its keys; ``verifier_for`` and ``StandardWebhooks`` give some."""

    @property
    def authenticates_body(self) -> bool:
        """Whether the signature covers the body."""
        ...

    def verify(self, headers: RawHeaders, body: bytes, *, now: float) -> Verified:
        """Check one delivery at the unix time ``now``. Raises WebhookVerificationError, nothing else."""
        ...


@runtime_checkable
class Windowed(Protocol):
    """What verifiers of ours say besides: the window of their timestamps, and how many keys they hold."""

    @property
    def tolerance(self) -> float:
        """Seconds that a delivery may be old, or dated ahead."""
        ...

    @property
    def key_count(self) -> int:
        """How many keys it holds; ``Verified.key_index`` is below it."""
        ...


def unwrap(
    raw_path: str | bytes,
    headers: RawHeaders,
    body: bytes,
    *,
    keys: CallbackKeys,
    verifier: Verifier | None,
    now: float,
) -> WebhookEvent:
    """Check a callback in every way that needs no store, at the unix time ``now`` (seconds).

    ``raw_path`` is the request's target as it came, ``headers`` raw pairs in order, ``body`` the bytes as received.
    With a ``verifier`` a right signature is required. Raises WebhookVerificationError, nothing else. Whether the
    service's id is the one on record is for the caller to compare.
    """
    if len(body) > BODY_LIMIT:
        raise WebhookVerificationError(VerificationFailure.BAD_BODY)
    task_id, token = split_target(raw_path)
    if not keys.check(task_id, token, now=now):
        raise WebhookVerificationError(VerificationFailure.BAD_TOKEN)
    return read_callback(task_id, headers, body, verifier=verifier, now=now)


def read_callback(
    task_id: str, headers: RawHeaders, body: bytes, *, verifier: Verifier | None, now: float
) -> WebhookEvent:
    """The rest of ``unwrap``, for a callback to a task's own URL whose token was right."""
    verified = None if verifier is None else verifier.verify(headers, body, now=now)
    report = _report(body)
    _check_named_id(headers, report.service_id)
    return WebhookEvent(
        task_id=task_id,
        report=report,
        signed=verifier is not None and verifier.authenticates_body,
        delivery_id=None if verified is None else verified.delivery_id,
        key_index=None if verified is None else verified.key_index,
        scheme=None if verified is None else verified.scheme,
    )


def split_target(raw_path: str | bytes) -> tuple[str, str]:
    """Our id and the token: the last two segments of a request's target, whatever stands before them.

    The query is dropped and nothing is percent-decoded. Raises WebhookVerificationError (``bad_token``) when the two
    cannot be an id and a token; whether the token is right is not looked at.
    """
    path = raw_path.decode("latin-1") if isinstance(raw_path, bytes) else raw_path
    rest, _, token = path.partition("?")[0].rpartition("/")
    id = rest.rpartition("/")[2]
    if ID_PATTERN.fullmatch(id) is None or TOKEN_PATTERN.fullmatch(token) is None:
        raise WebhookVerificationError(VerificationFailure.BAD_TOKEN)
    return id, token


def _report(body: bytes) -> TaskReport:
    try:
        return read_task(parse_body(body))
    except InvalidResponseError as error:
        raise WebhookVerificationError(VerificationFailure.BAD_BODY) from error


def _check_named_id(headers: RawHeaders, service_id: str) -> None:
    named = [value.strip(b" \t") for name, value in headers if name.lower() == b"x-task-id"]
    if len(named) > 1:
        raise WebhookVerificationError(VerificationFailure.DUPLICATE_HEADER)
    if named and named[0] != service_id.encode():
        raise WebhookVerificationError(VerificationFailure.ID_MISMATCH)
