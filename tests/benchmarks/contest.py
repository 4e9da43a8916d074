"""Contests in alternating rounds: A B A B …, so that what the machine does meanwhile meets all of them alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is measured. ``quick`` is the smoke run: every row runs, no figure means anything."""

    quick: bool = False
    rounds: int = 5

    def pick(self, full: int, quick: int) -> int:
        """A number for this effort."""
        return quick if self.quick else full

    def seconds(self, full: float, quick: float) -> float:
        """A span for this effort."""
        return quick if self.quick else full


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One round of one contender.

    ``value`` is what is compared. ``cpu`` is the CPU seconds of the measured side per operation, and ``busy`` how busy
    the other side was, as a share of one core; ``None`` where they mean nothing. ``failures`` names what was raised.
    """

    value: float
    cpu: float | None = None
    busy: float | None = None
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spread:
    """A median with its quartiles; ``low`` and ``high`` are minimum and maximum where there are under four values."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        middle = statistics.median(values)
        if len(values) < 4:
            return cls(middle, min(values), max(values), len(values))
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(middle, low, high, len(values))


Samples = Mapping[str, Sequence[Sample]]


def alternate(contenders: Mapping[str, Callable[[], Sample]], rounds: int) -> Samples:
    """Let every contender run once per round, in the order given."""
    samples: dict[str, list[Sample]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            samples[name].append(run())
    return samples


def values(samples: Sequence[Sample]) -> list[float]:
    """What was compared, round by round."""
    return [sample.value for sample in samples]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Of the two values of each round, the spread of their ratio."""
    return Spread.of([our / their for our, their in zip(ours, theirs, strict=True)])


def cpu_ratio(ours: Sequence[Sample], theirs: Sequence[Sample]) -> float | None:
    """Their CPU seconds per operation over ours: above one, ours costs less. A noisy machine blurs it least."""
    both = [(our.cpu, their.cpu) for our, their in zip(ours, theirs, strict=True)]
    known = [their / our for our, their in both if our and their]
    return statistics.median(known) if known else None


def busiest(samples: Samples) -> float | None:
    """The other side's greatest median share of a core over all contenders."""
    shares = [[s.busy for s in some if s.busy is not None] for some in samples.values()]
    return max((statistics.median(some) for some in shares if some), default=None)
