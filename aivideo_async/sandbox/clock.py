"""The sandbox's clock: the machine's, unless it was stopped or moved on. Pure; may be used from any thread.

Moments are unix seconds. A span of the service's time is divided by the speed, so ``advance(60)`` of a sandbox at
speed 60 moves its clock by one second.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from aivideo_async.core.errors import ConfigurationError


def _nobody() -> None:
    """Who is told where nobody listens."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a clock is set: seconds by which it is before the machine's, or where it stands (unix seconds)."""

    ahead: float
    stopped_at: float | None = None


class Clock:
    """Runs, stands, and can be moved on. ``listener`` is called after each change."""

    def __init__(self, source: Callable[[], float], *, speed: float) -> None:
        self.speed: float = speed
        self.listener: Callable[[], None] = _nobody
        self._source = source
        self._ahead = 0.0
        self._stopped_at: float | None = None

    def now(self) -> float:
        """The moment by this clock."""
        stopped = self._stopped_at
        return self._source() + self._ahead if stopped is None else stopped

    @property
    def ahead(self) -> float:
        """Seconds by which it is before the machine's; below zero after it stood."""
        return self.now() - self._source()

    @property
    def reading(self) -> Reading:
        """How it is set; the same until somebody turns it."""
        return Reading(self._ahead, self._stopped_at)

    def set(self, reading: Reading) -> None:
        """Run or stand as another clock did. Nobody is told."""
        self._ahead, self._stopped_at = reading.ahead, reading.stopped_at

    @property
    def paused(self) -> bool:
        """Whether it stands."""
        return self._stopped_at is not None

    def pause(self) -> None:
        """Stop it: nothing ends and no callback is sent until it goes on or is moved on."""
        if self._stopped_at is None:
            self._stopped_at = self.now()
            self.listener()

    def resume(self) -> None:
        """Let it go on from where it stands."""
        if self._stopped_at is not None:
            self._ahead, self._stopped_at = self._stopped_at - self._source(), None
            self.listener()

    def advance(self, seconds: float) -> None:
        """Move it on by so many of the service's seconds; what falls due in them happens, callbacks are sent.

        Raises ConfigurationError for what would move it back.
        """
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ConfigurationError("a clock is moved on by a number of seconds, not below zero")
        if self._stopped_at is None:
            self._ahead += seconds / self.speed
        else:
            self._stopped_at += seconds / self.speed
        self.listener()
