"""When to try again and when to ask: pure functions of what happened and of a draw in [0, 1).

All results are seconds before ``AIVIDEO_TIME_SCALE``; who waits divides them.
"""

from __future__ import annotations

from dataclasses import dataclass

from aivideo_async.core.errors import AIVideoError, ConfigurationError

DEADLINE = 24 * 3600.0
"""A task without an ending this many seconds after its create is expired (flow.md §5)."""

_MANY = 64  # beyond it every schedule has reached its ceiling, and a power could overflow
_MINUTES_AFTER_FIRST = (2.0, 4.0, 8.0, 10.0)
_HINT_DELAYS = ((1.0, 1.0), (3.0, 2.0), (7.0, 4.0), (15.0, 8.0))


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often the same request is sent, and how long to wait in between.

    ``attempts`` counts all of them, the first included. The wait after the n-th is drawn from zero to ``base`` times 2
    to the n-1 seconds, at most ``cap`` (full jitter). A ``Retry-After`` is waited for at least, unless it is longer
    than ``patience`` seconds: then the error is raised at once. Raises ConfigurationError.
    """

    attempts: int = 5
    base: float = 1.0
    cap: float = 8.0
    patience: float = 60.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or not 0 <= self.base <= self.cap <= self.patience < float("inf"):
            message = f"a retry policy needs attempts >= 1 and 0 <= base <= cap <= patience, finite: {self}"
            raise ConfigurationError(message)

    def delay(self, error: AIVideoError, *, attempt: int, draw: float) -> float | None:
        """Seconds until the next attempt, or ``None`` when there is none. ``attempt`` counts from 1."""
        asked = error.retry_after or 0.0
        if not error.retryable or attempt >= self.attempts or asked > self.patience:
            return None
        ceiling = min(self.cap, self.base * 2.0 ** min(attempt - 1, _MANY))
        return max(asked, draw * ceiling)

    def pause_after(self, error: AIVideoError) -> float:
        """Seconds that everybody else waits after a 429 that is not repeated: as asked for, at most ``patience``."""
        return min(self.patience, max(self.base, error.retry_after or 0.0))


def ask_delay(*, checks: int, usual: float, callback: bool, draw: float) -> float:
    """Seconds until a task is asked for, after ``checks`` asks, ± 20 % (flow.md §5).

    ``usual`` is how long the model usually takes. With a callback URL this looks for lost callbacks; without one it is
    the adaptive polling.
    """
    if not callback:
        first = max(2.0, 0.25 * usual)
        seconds = first if checks == 0 else min(15.0, first * 1.3 ** min(checks, _MANY))
    elif checks == 0:
        seconds = 1.5 * usual
    else:
        seconds = 60.0 * _MINUTES_AFTER_FIRST[min(checks, len(_MINUTES_AFTER_FIRST)) - 1]
    return seconds * (0.8 + 0.4 * draw)


def hint_delay(elapsed: float) -> float | None:
    """Seconds until a hinted task is asked for again, ``elapsed`` seconds after the hint (flow.md §4).

    The first ask is at once; then 1, 2, 4 and 8 seconds lie between them. ``None``: back to the schedule.
    """
    return next((delay for before, delay in _HINT_DELAYS if elapsed < before), None)
