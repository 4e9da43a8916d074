"""One intention, tried with one model after another: ``fallbacks=`` of ``run`` and of a batch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aivideo_async.catalog import Change, convert
from aivideo_async.core.errors import AIVideoError, BudgetExceededError, InvalidRequestError
from aivideo_async.core.fallback import moves_on, next_model
from aivideo_async.core.models import GenerationRequest, Output, TaskRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One model's turn: what was asked of it, how that differs from what was wanted, and what it came to.

    ``record`` is ``None`` where no task came of it. Exactly one of ``output`` and ``error`` is set.
    """

    request: GenerationRequest
    changes: tuple[Change, ...] = ()
    record: TaskRecord | None = None
    output: Output | None = None
    error: AIVideoError | None = None

    def __str__(self) -> str:
        changed = "".join(f" ({change})" for change in self.changes)
        return f"{self.request.model}{changed}: {'completed' if self.error is None else self.error}"


Try = Callable[[GenerationRequest, tuple[Change, ...]], Awaitable[Attempt]]


async def tried(first: Attempt, fallbacks: Sequence[str], attempt: Try) -> list[Attempt]:
    """Every attempt from the first on, until one succeeds or no further model may be tried; ``decisive`` says which one
    counts.

    A fallback that cannot carry the request, or does not fit into the budget, is passed over and told.
    """
    attempts = [first]
    cause = first.error
    models = [first.request.model]
    while cause is not None and moves_on(cause) and (model := next_model(fallbacks, models)) is not None:
        models.append(model)
        attempts.append(await _next(first.request, model, attempt))
        if not _passed_over(attempts[-1]):
            cause = attempts[-1].error
    return attempts


async def _next(request: GenerationRequest, model: str, attempt: Try) -> Attempt:
    try:
        conversion = convert(request, model)
    except InvalidRequestError as error:
        return Attempt(request=request, error=error)
    return await attempt(conversion.request, conversion.changes)


def _passed_over(attempt: Attempt) -> bool:
    """Whether it was refused here, before anything was sent."""
    error = attempt.error
    return isinstance(error, BudgetExceededError) or (isinstance(error, InvalidRequestError) and error.status is None)


def decisive(attempts: Sequence[Attempt]) -> Attempt:
    """The last attempt that was not passed over; the first one counts in any case."""
    return next((attempt for attempt in reversed(attempts) if not _passed_over(attempt)), attempts[0])


def outcome(attempts: Sequence[Attempt]) -> Output:
    """The result, or the error of the attempt that counts, with the others in its notes."""
    counts = decisive(attempts)
    if counts.error is None and counts.output is not None:
        return counts.output
    error = counts.error or AIVideoError("nothing was tried")
    for other in attempts:
        if other is not counts:
            error.add_note(f"also tried: {other}")
    raise error
