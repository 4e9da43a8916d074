"""Our records beside the service's bill: what should have been charged in a span, what was, and why they differ. Pure.

Credits are taken at the create and given back when the task fails (api.md §3). No answer carries a cost, so the bill is
one figure, the change of ``total_consumed``, and our side of it is made of estimates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from aivideo_async.core.budget import credit_micros, credits_of
from aivideo_async.core.models import TaskRecord, TaskStatus

NAMED = 100
_UNKNOWN = frozenset({TaskStatus.SUBMITTING, TaskStatus.IN_DOUBT, TaskStatus.EXPIRED})


@dataclass(frozen=True, slots=True)
class Mark:
    """The account at a moment: ``consumed`` is its ``total_consumed``."""

    at: datetime
    consumed: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One span of the account. Credits by estimate: at least ``expected_low`` and at most ``expected_high`` should have
    been consumed, ``consumed`` were; ``difference`` is what lies outside, below zero where too little was.

    ``doubtful`` are ids of tasks of which nobody knows whether they were charged (at most 100), ``findings`` what the
    difference may be, a sentence each.
    """

    since: datetime
    until: datetime
    tasks: int
    consumed: Decimal
    expected_low: Decimal
    expected_high: Decimal
    doubtful: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()

    @property
    def difference(self) -> Decimal:
        """What our records do not explain."""
        return self.consumed - min(max(self.consumed, self.expected_low), self.expected_high)


@dataclass(slots=True)
class Reckoning:
    """Adds records up, one after another, between two marks."""

    since: Mark
    until: Mark
    tasks: int = 0
    low: int = 0
    high: int = 0
    unpriced: int = 0
    models: Counter[str] = field(default_factory=Counter[str])
    prices: dict[int, str] = field(default_factory=dict[int, str])
    doubtful: list[str] = field(default_factory=list[str])

    def add(self, record: TaskRecord) -> None:
        """One record, whether or not it falls into the span."""
        before, after = _charged(record, self.since.at), _charged(record, self.until.at)
        low, high = after[0] - before[0], after[1] - before[1]
        if before == after:
            return
        estimate = record.estimate
        self.tasks += 1
        self.low += min(low, high)
        self.high += max(low, high)
        self.models[record.model or "unknown"] += 1
        if estimate is None or estimate.high is None:
            self.unpriced += 1
        else:
            self.prices[credit_micros(estimate.high)] = record.model or "unknown"
        if after[0] == 0 < after[1] and len(self.doubtful) < NAMED:
            self.doubtful.append(record.id)

    def audit(self) -> Audit:
        """What came out."""
        consumed = credit_micros(self.until.consumed - self.since.consumed)
        return Audit(
            since=self.since.at,
            until=self.until.at,
            tasks=self.tasks,
            consumed=credits_of(consumed),
            expected_low=credits_of(self.low),
            expected_high=credits_of(self.high),
            doubtful=tuple(self.doubtful),
            findings=tuple(self._findings(consumed)),
        )

    def _findings(self, consumed: int) -> Iterator[str]:
        if self.unpriced:
            yield f"{self.unpriced} tasks have no known price, and count for nothing here"
        if self.low <= consumed <= self.high:
            yield from self._of_doubt(consumed)
        elif consumed > self.high:
            over = consumed - self.high
            yield f"{credits_of(over):f} credits more were consumed than the records explain"
            if (model := self.prices.get(over)) is not None:
                yield f"that is the price of one {model}: one was charged twice, or sent from elsewhere with this key"
            yield from self._of_prices(consumed)
        else:
            yield f"{credits_of(self.low - consumed):f} credits less were consumed than the records say"
            yield from self._of_prices(consumed)

    def _of_doubt(self, consumed: int) -> Iterator[str]:
        if not self.doubtful:
            return
        paid, whole = consumed - self.low, self.high - self.low
        if paid == 0:
            yield f"what is in doubt was not charged: {', '.join(self.doubtful)}"
        elif paid == whole:
            yield f"what is in doubt was charged: {', '.join(self.doubtful)}"
        else:
            yield f"of {credits_of(whole):f} credits in doubt {credits_of(paid):f} were charged"

    def _of_prices(self, consumed: int) -> Iterator[str]:
        if len(self.models) == 1 and self.tasks and consumed > 0:
            ((model, count),) = self.models.items()
            yield f"or the price of {model} has moved: {credits_of(consumed // count):f} credits for each of {count}"
        elif self.tasks:
            yield "or a price has moved, or somebody else uses this account"
        else:
            yield "no task of these records falls into the span: somebody else uses this account"


def _charged(record: TaskRecord, at: datetime) -> tuple[int, int]:
    """What a task has been charged by a moment, at least and at most, in micros."""
    estimate = record.estimate
    if record.sent_at is None or record.sent_at > at or estimate is None:
        return 0, 0
    high = credit_micros(estimate.low if estimate.high is None else estimate.high)
    if record.status is TaskStatus.FAILED:
        given_back = record.ended_at is None or record.ended_at <= at
        return (0, 0) if given_back else (credit_micros(estimate.low), high)
    if record.status is TaskStatus.REFUSED:
        free = record.failure is not None and record.failure.charged == "no"
        return 0, 0 if free else high
    return 0 if record.status in _UNKNOWN and record.output is None else credit_micros(estimate.low), high
