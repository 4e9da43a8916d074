"""Which model comes next, after which error: the last column of the table in flow.md §3. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from aivideo_async.core.errors import (
    AIVideoError,
    NotFoundError,
    SubmissionInDoubtError,
    TaskFailedError,
    UpstreamError,
)

UPSTREAM = frozenset({None, "upstream_error", "internal_error"})
"""Codes of a task that failed at its provider; another code says that the request itself is at fault."""


def moves_on(error: AIVideoError) -> bool:
    """Whether another model may be tried after this error.

    Never after an outcome that is in doubt, since the first model may deliver and be charged yet; not where sending
    was at fault (no connection, a rate limit, the key, the balance), since it would be for every model.
    """
    if isinstance(error, SubmissionInDoubtError):
        return False
    if isinstance(error, TaskFailedError):
        return error.code in UPSTREAM
    if isinstance(error, NotFoundError):
        return error.code == "model_not_found"
    return isinstance(error, UpstreamError)


def next_model(fallbacks: Iterable[str], tried: Iterable[str]) -> str | None:
    """The first of ``fallbacks`` that was not tried yet."""
    known = frozenset(tried)
    return next((model for model in fallbacks if model not in known), None)
