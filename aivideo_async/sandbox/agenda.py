"""What is to happen when: tasks by their id and deliveries, in the order of their moments. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

from aivideo_async.sandbox.records import Delivery


class Agenda:
    """Moments are unix seconds; what falls on the same one comes in the order in which it was put down."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, str | Delivery]] = []
        self._made = 0

    @property
    def next_due(self) -> float | None:
        """When the first entry is due; ``None`` where there is none."""
        return self._entries[0][0] if self._entries else None

    def put(self, at: float, item: str | Delivery) -> None:
        """Put a task's id or a delivery down for a moment."""
        self._made += 1
        heapq.heappush(self._entries, (at, self._made, item))

    def due(self, now: float) -> Iterator[tuple[float, str | Delivery]]:
        """Take out what is due, one by one; what is put down meanwhile and is due comes too."""
        while self._entries and self._entries[0][0] <= now:
            at, _, item = heapq.heappop(self._entries)
            yield at, item

    def replan(self, deliveries: Sequence[tuple[float, Delivery]]) -> None:
        """Have these deliveries in place of all that were put down."""
        self._entries = [entry for entry in self._entries if not isinstance(entry[2], Delivery)]
        heapq.heapify(self._entries)
        for at, delivery in deliveries:
            self.put(at, delivery)

    def clear(self) -> None:
        """Have nothing to do."""
        self._entries.clear()
