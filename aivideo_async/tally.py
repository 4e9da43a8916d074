"""What a receiver has counted: plain integers, added up where things happen and copied where somebody looks."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

BOUNDS: tuple[float, ...] = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of the latency's buckets in seconds, inclusive; one more bucket holds what took longer."""
REJECTED = "rejected:"
"""What stands before a reason among the names of the counts."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long verified callbacks took, from their last byte until the store had them.

    ``counts[i]`` took at most ``BOUNDS[i]`` seconds and more than the bound before; the last took longer than all
    bounds. ``seconds`` is their sum.
    """

    counts: tuple[int, ...]
    seconds: float

    @property
    def count(self) -> int:
        """How many were measured."""
        return sum(self.counts)


class ReceiverStats(Mapping[str, int]):
    """Counts since the start, as they were when somebody looked.

    As a mapping: received, verified, hints, duplicates, busy, rejected and rejected:<reason>, those that have happened.
    ``matched`` says how many verified callbacks each signing secret matched, by its place in the list of secrets: when
    the old one no longer counts up, it can go. ``latency`` is a histogram.
    """

    __slots__ = ("_counts", "latency", "matched")

    def __init__(self, counts: Mapping[str, int], matched: Mapping[int, int], latency: Latency) -> None:
        self._counts = dict(counts)
        self.matched: Mapping[int, int] = MappingProxyType(dict(matched))
        self.latency: Latency = latency

    def __getitem__(self, name: str) -> int:
        return self._counts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._counts)

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def rejections(self) -> Mapping[str, int]:
        """How many were rejected, by reason."""
        named = {name: count for name, count in self._counts.items() if name.startswith(REJECTED)}
        return {name.removeprefix(REJECTED): count for name, count in named.items()}

    def __repr__(self) -> str:
        return f"ReceiverStats({self._counts}, matched={dict(self.matched)}, latency={self.latency})"


class Tally(Counter[str]):
    """The counts of a receiver while it runs. One thread adds up, so nothing is locked."""

    def __init__(self) -> None:
        super().__init__()
        self._matched: Counter[int] = Counter()
        self._took = [0] * (len(BOUNDS) + 1)
        self._seconds = 0.0

    def stored(self, seconds: float, key_index: int | None) -> None:
        """One more callback was verified, by which of the secrets, and stored after so many seconds."""
        self["verified"] += 1
        self._took[bisect_left(BOUNDS, seconds)] += 1
        self._seconds += seconds
        if key_index is not None:
            self._matched[key_index] += 1

    def stats(self) -> ReceiverStats:
        """A copy of how it stands."""
        return ReceiverStats(self, self._matched, Latency(tuple(self._took), self._seconds))
