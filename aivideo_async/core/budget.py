"""What a budget counts: reserve, settle, release. Pure.

Credits are counted in micros, whole millionths, so that sums are exact; a price is rounded up. What a task has become
decides where its credits stand (flow.md §8): a result is spent, a failure and a refusal are given back, what is in
doubt or expired is kept and called uncertain, everything else is reserved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from aivideo_async.core import lifecycle
from aivideo_async.core.models import Estimate, TaskRecord, TaskStatus

Standing = Literal["reserved", "uncertain", "spent", "released"]

MICROS = Decimal(1_000_000)
STANDINGS: Mapping[TaskStatus, Standing] = MappingProxyType(
    {
        TaskStatus.SUBMITTING: "reserved",
        TaskStatus.IN_DOUBT: "uncertain",
        TaskStatus.PENDING: "reserved",
        TaskStatus.PROCESSING: "reserved",
        TaskStatus.REFUSED: "released",
        TaskStatus.EXPIRED: "uncertain",
        TaskStatus.FAILED: "released",
        TaskStatus.COMPLETED: "spent",
    }
)


@lru_cache(maxsize=1024)
def credit_micros(credits: Decimal) -> int:  # noqa: A002 - credits is the word of this package
    """Credits as whole millionths, rounded up."""
    return int((credits * MICROS).to_integral_value(ROUND_CEILING))


def credits_of(micros: int) -> Decimal:
    """Millionths as credits, exactly, without zeros at the end."""
    whole, rest = divmod(micros, 1_000_000)
    return Decimal(whole) if not rest else (Decimal(micros) / MICROS).normalize()


@dataclass(frozen=True, slots=True)
class Tally:
    """Micros by where they stand, and how many tasks they are for. ``released`` is no sum: it is spent by nobody."""

    reserved: int = 0
    uncertain: int = 0
    spent: int = 0
    tasks: int = 0

    @property
    def committed(self) -> int:
        """What nobody else may spend."""
        return self.reserved + self.uncertain + self.spent

    def moved(self, amount: int, before: Standing, after: Standing) -> Tally:
        """One task's credits go from one standing to another; from ``released`` is how they come in."""
        if before == after:
            return self
        change: dict[Standing, int] = {before: -amount, after: amount}
        return Tally(
            reserved=self.reserved + change.get("reserved", 0),
            uncertain=self.uncertain + change.get("uncertain", 0),
            spent=self.spent + change.get("spent", 0),
            tasks=self.tasks + (before == "released") - (after == "released"),
        )


@dataclass(frozen=True, slots=True)
class Line:
    """One task in a budget: its model, its price in micros, and the status that was last heard of."""

    model: str
    amount: int
    status: TaskStatus = TaskStatus.SUBMITTING

    @property
    def standing(self) -> Standing:
        """Where its credits stand."""
        return STANDINGS[self.status]

    def heard(self, status: TaskStatus) -> Line:
        """The line after news of the task: late news of a lower rank change nothing, as everywhere."""
        return replace(self, status=status) if lifecycle.RANK[status] > lifecycle.RANK[self.status] else self


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What one model, or all of them together, has cost: credits by estimate, since no answer carries a cost.

    ``reserved`` is for tasks on their way, ``uncertain`` for those in doubt or expired, ``spent`` for results;
    ``tasks`` is how many there are of these three.
    """

    tasks: int
    reserved: Decimal
    uncertain: Decimal
    spent: Decimal


def spend_of(tally: Tally) -> Spend:
    """A tally as it is reported."""
    return Spend(
        tasks=tally.tasks,
        reserved=credits_of(tally.reserved),
        uncertain=credits_of(tally.uncertain),
        spent=credits_of(tally.spent),
    )


def price_of(record: TaskRecord) -> int:
    """What a record's task costs at most, in micros: nothing where its price has no known bound."""
    high = None if record.estimate is None else record.estimate.high
    return 0 if high is None else credit_micros(high)


def total(estimates: Iterable[Estimate]) -> Estimate:
    """One estimate for several tasks together; without an upper bound where one of them has none."""
    low, high, exact, sources, dates = Decimal(0), Decimal(0), True, dict[str, None](), set[str]()
    bounded = True
    for one in estimates:
        low, exact = low + one.low, exact and one.exact
        bounded = bounded and one.high is not None
        high += one.high or 0
        sources[one.source] = None
        dates.add(one.dated)
    return Estimate(
        low=low,
        high=high if bounded else None,
        exact=exact and bounded,
        source="; ".join(sources),
        dated=min(dates, default=""),
    )
