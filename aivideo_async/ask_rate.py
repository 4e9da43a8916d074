"""How often may be asked: over all tasks, and for one (flow.md §4 and §5)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

_WHOLE = 1.0 - 1e-9  # a sum of fractions; the rest would be a sleep too short to move any clock


class Bucket:
    """At most ``rate`` tokens a second; what was not used within a second is lost."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._tokens = max(1.0, rate)
        self._filled_at: float | None = None

    async def take(self) -> None:
        """Take one token, waiting for it. Cancelling it takes none."""
        clock = asyncio.get_running_loop().time
        while True:
            now = clock()
            since = 0.0 if self._filled_at is None else now - self._filled_at
            self._tokens = min(max(1.0, self._rate), self._tokens + since * self._rate)
            self._filled_at = now
            if self._tokens >= _WHOLE:
                self._tokens -= 1.0
                return
            await asyncio.sleep((1.0 - self._tokens) / self._rate)


class Recent:
    """Which tasks were asked for within the last ``span`` seconds, so that a burst of hints is one question."""

    def __init__(self, span: float) -> None:
        self._span = span
        self._asked_at: OrderedDict[str, float] = OrderedDict()

    def too_soon(self, id: str, now: float) -> float:
        """Seconds until the task may be asked for again; 0 means now, and counts as asked at ``now``."""
        while self._asked_at and not 0.0 <= now - next(iter(self._asked_at.values())) < self._span:
            self._asked_at.popitem(last=False)
        if id in self._asked_at:
            return self._span - (now - self._asked_at[id])
        self._asked_at[id] = now
        return 0.0
