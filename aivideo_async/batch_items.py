"""What a batch gives: its items as they ended, and how far it is."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Literal

from aivideo_async.attempts import Attempt, decisive
from aivideo_async.catalog import request_to_data
from aivideo_async.core.budget import STANDINGS, Standing, credits_of, price_of
from aivideo_async.core.errors import BudgetExceededError, SubmissionInDoubtError
from aivideo_async.core.models import GenerationRequest, Output, TaskRecord

Ending = Literal["completed", "failed", "in_doubt", "over_budget"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItem:
    """One request of a batch as it ended. ``index`` is its place among the requests, from zero.

    ``attempts`` is the whole story: one for each model that was tried. ``files`` are its results where the batch
    downloads them, ``download_error`` why they are not there. ``resumed`` says that its ending was on record when the
    batch came to it, so that nothing was asked for.
    """

    index: int
    request: GenerationRequest
    attempts: tuple[Attempt, ...]
    files: tuple[Path, ...] = ()
    download_error: Exception | None = None
    resumed: bool = False

    @property
    def output(self) -> Output | None:
        """The result, if there is one."""
        return decisive(self.attempts).output

    @property
    def error(self) -> Exception | None:
        """Why there is no result, or no file of it."""
        return decisive(self.attempts).error or self.download_error

    @property
    def record(self) -> TaskRecord | None:
        """The task that counts, as it was last known; ``None`` where none came of it."""
        return decisive(self.attempts).record

    @property
    def ending(self) -> Ending:
        """What became of it, in one word; a result that could not be downloaded is ``completed``."""
        error = decisive(self.attempts).error
        if error is None:
            return "completed"
        if isinstance(error, SubmissionInDoubtError):
            return "in_doubt"
        return "over_budget" if isinstance(error, BudgetExceededError) else "failed"

    @property
    def credits(self) -> Decimal:
        """What it has cost, by estimate, all attempts together; what is in doubt or expired is not in it."""
        return credits_of(sum(_spent(attempt) for attempt in self.attempts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a batch is. ``total`` and ``left`` (seconds, a guess by the pace so far) are ``None`` where the number of
    requests is not known. ``reserved`` (for what was accepted), ``uncertain`` and ``spent`` are credits by estimate.
    ``resumed`` of the ended ones had ended before.
    """

    total: int | None
    running: int
    completed: int
    failed: int
    in_doubt: int
    over_budget: int
    resumed: int
    reserved: Decimal
    uncertain: Decimal
    spent: Decimal
    elapsed: float
    left: float | None

    @property
    def ended(self) -> int:
        """How many have ended, one way or another."""
        return self.completed + self.failed + self.in_doubt + self.over_budget


@dataclass(slots=True)
class Counts:
    """What a batch counts while it runs."""

    total: int | None
    resumed: int = 0
    endings: Counter[Ending] = field(default_factory=Counter[Ending])
    micros: Counter[Standing] = field(default_factory=Counter[Standing])

    def move(self, amount: int, before: Standing, after: Standing) -> None:
        """Micro-credits of one attempt go from one standing to another; from ``released`` is how they come in."""
        self.micros[before] -= amount
        self.micros[after] += amount

    def end(self, item: BatchItem) -> None:
        """An item has ended."""
        self.endings[item.ending] += 1
        self.resumed += item.resumed

    def progress(self, elapsed: float, *, running: int = 0) -> Progress:
        """As it is told; ``elapsed`` in seconds."""
        ended, here = self.endings.total(), self.endings.total() - self.resumed
        left = None if self.total is None or not here else elapsed / here * max(0, self.total - ended)
        return Progress(
            total=self.total,
            running=running,
            completed=self.endings["completed"],
            failed=self.endings["failed"],
            in_doubt=self.endings["in_doubt"],
            over_budget=self.endings["over_budget"],
            resumed=self.resumed,
            reserved=credits_of(self.micros["reserved"]),
            uncertain=credits_of(self.micros["uncertain"]),
            spent=credits_of(self.micros["spent"]),
            elapsed=elapsed,
            left=0.0 if self.total == ended else left,
        )


def standing_of(attempt: Attempt) -> Standing:
    """Where the credits of an attempt stand that has come to its end here."""
    if isinstance(attempt.error, SubmissionInDoubtError):
        return "uncertain"
    return "released" if attempt.record is None else STANDINGS[attempt.record.status]


def item_key(name: str, index: int, request: GenerationRequest) -> str:
    """The key under which an item is created once: by the batch's name, its place and its content."""
    data = json.dumps(request_to_data(request), sort_keys=True, separators=(",", ":"))
    return f"{name}/{index}/{sha256(data.encode()).hexdigest()[:16]}"


def _spent(attempt: Attempt) -> int:
    return price_of(attempt.record) if attempt.record is not None and standing_of(attempt) == "spent" else 0
