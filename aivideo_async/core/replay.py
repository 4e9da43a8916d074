"""Which deliveries were accepted already: a memory of names, bounded in time and in number (webhooks.md §3)."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import sha256

LARGEST = 65_536


class ReplayMemory:
    """Remembers a delivery for 2 × ``tolerance`` + 1 seconds.

    So long can one that was dated ahead by the whole tolerance come again inside of its window. What is known is
    added only once the delivery's event was accepted, so that neither a forgery nor a 503 burns an id.
    """

    __slots__ = ("_keep", "_largest", "_until")

    def __init__(self, tolerance: float, *, largest: int = LARGEST) -> None:
        self._keep = 2 * tolerance + 1.0
        self._largest = largest
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until)

    def widen(self, tolerance: float) -> None:
        """Remember deliveries for this tolerance from now on; never for less than before."""
        self._keep = max(self._keep, 2 * tolerance + 1.0)

    def holds(self, name: bytes, *, now: float) -> bool:
        """Whether a delivery of this name was added and is not forgotten at ``now`` (seconds)."""
        return self._until.get(name, float("-inf")) > now

    def add(self, name: bytes, *, now: float) -> None:
        """Remember a delivery from ``now`` on, and forget what is too old or too many."""
        self._until.pop(name, None)
        self._until[name] = now + self._keep
        while len(self._until) > self._largest or next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)


def delivery_name(scheme: str, endpoint: str, delivery_id: str) -> bytes:
    """The name of a delivery; the same id at another endpoint, or under another scheme, is another delivery."""
    return sha256(f"{scheme}\n{endpoint}\n{delivery_id}".encode("utf-8", "surrogatepass")).digest()
