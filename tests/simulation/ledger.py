"""What the service knows: the tasks it took money for, the creates that reached it, the callbacks on their way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

CREDITS = 100
"""What every task costs."""


@dataclass(eq=False)
class ServiceTask:
    """One line of the ledger. ``ending`` is what it will end as; it is declared at ``ends_at`` and not before."""

    id: str
    prompt: str
    callback_url: str | None
    ends_at: float
    ending: str
    declared: bool = False
    refunded: bool = False
    asked: int = 0
    delivered: bool = False
    misses: list[float] = field(default_factory=list[float])

    @property
    def our_id(self) -> str | None:
        """The id in the callback URL."""
        return None if self.callback_url is None else self.callback_url.split("/")[-2]

    @property
    def url(self) -> str:
        """Where the result is."""
        return f"https://cdn.example.com/{self.id}.mp4"

    def shown(self, status: str | None = None) -> dict[str, object]:
        """The task object (api.md §3), as it is now or with a made-up status."""
        status = status or (self.ending if self.declared else "processing")
        body: dict[str, object] = {"id": self.id, "status": status, "model": "sora-2", "created_at": 1_790_000_000}
        if status == "completed":
            body["output"] = {"urls": [self.url if self.declared else "https://forged.example.com/x.mp4"]}
        if status == "failed":
            body["error"] = {"code": "upstream_error", "message": "sensitive"}
        return body


@dataclass(eq=False)
class Arrival:
    """A create that reached the service. ``settled`` turns true when its sender was told for certain that it is not
    taken; only then may the same order come again.
    """

    prompt: str
    our_id: str | None
    settled: bool = False
    task: ServiceTask | None = None


@dataclass(frozen=True)
class Callback:
    """A delivery on its way to a receiver. ``genuine`` ones were sent by the service itself."""

    task: ServiceTask
    path: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    genuine: bool = True


class Surroundings(Protocol):
    """What the service sees of the world."""

    def deliver(self, callback: Callback, answered: Callable[[int], None]) -> None:
        """Bring a callback to a receiver; ``answered`` is told its status, if one comes."""
        ...

    def arrived(self, arrival: Arrival) -> None:
        """A create has reached the service, and what became of it is decided."""
        ...

    def say(self, text: str) -> None:
        """Write a line of the trace."""
        ...
