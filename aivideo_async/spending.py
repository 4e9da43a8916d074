"""``Budget``, and how the creates of a client keep to one: reserved before the POST, settled at the ending."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Protocol

from aivideo_async.core import lifecycle
from aivideo_async.core.budget import (
    Line,
    Spend,
    Standing,
    Tally,
    credit_micros,
    credits_of,
    price_of,
    spend_of,
)
from aivideo_async.core.errors import BudgetExceededError, ClientClosedError, ConfigurationError, InvalidRequestError
from aivideo_async.core.models import Estimate, TaskRecord, TaskStatus
from aivideo_async.orders import Order, Submission
from aivideo_async.stores import Store
from aivideo_async.submit import Submitter
from aivideo_async.supervise import Supervisor
from aivideo_async.waiters import Waiters


class Budget:
    """So many credits, shared by any number of clients and batches of this process, in any loop and thread.

    A task's price is reserved before anything is sent and stays so until the task has ended: spent when it has a
    result, given back when it failed or was refused, uncertain while it is in doubt or expired. All of it is by
    estimate, since no answer of the service carries a cost. Raises ConfigurationError for credits below zero.
    """

    def __init__(self, credits: Decimal | int) -> None:  # noqa: A002 - credits is the word of this package
        amount = Decimal(credits)
        if not amount.is_finite() or amount < 0:
            raise ConfigurationError(f"a budget has zero credits or more, not {credits}")
        self._limit = int(amount * 1_000_000)
        self._lock = threading.Lock()
        self._tally = Tally()
        self._models: dict[str, Tally] = {}
        self._lines: dict[str, Line] = {}
        self._settled: set[int] = set()  # hashes of the ids: a million of them take less than a hundred megabytes

    @property
    def credits(self) -> Decimal:
        """What it began with."""
        return credits_of(self._limit)

    @property
    def left(self) -> Decimal:
        """What can still be reserved; never below zero."""
        return credits_of(max(0, self._limit - self._tally.committed))

    @property
    def overdrawn(self) -> Decimal:
        """What was charged beyond it: by earlier tasks that it took over, or by one that had been given up for lost."""
        return credits_of(max(0, self._tally.committed - self._limit))

    def spending(self) -> Spend:
        """All models together."""
        return spend_of(self._tally)

    def report(self) -> Mapping[str, Spend]:
        """What each model has cost, by name."""
        with self._lock:
            return {model: spend_of(tally) for model, tally in sorted(self._models.items())}

    def open_tasks(self) -> tuple[str, ...]:
        """Our ids of the tasks of which the service may yet say something."""
        with self._lock:
            return tuple(self._lines)

    def awaits(self, id: str) -> bool:
        """Whether the task is one of these."""
        return id in self._lines

    def adopt(self, record: TaskRecord) -> None:
        """Count a task that was not submitted under this budget, as far as it is known to have come.

        It is counted once, and also where the budget does not suffice: it was paid for already.
        """
        with self._lock:
            if not self._knows(record.id):
                self._enter(record, Line(record.model or "", price_of(record)), "released")
        self.learn(record)

    def learn(self, record: TaskRecord) -> None:
        """Take note of how far a task has come; one that is not in this budget, or was settled, changes nothing."""
        with self._lock:
            line = self._lines.get(record.id)
            if line is not None:
                self._put(record.id, line.heard(record.status), line.standing)

    def reserve(self, model: str, estimate: Estimate) -> Reservation:
        """Reserve the upper bound of an estimate.

        Raises BudgetExceededError when it has none, or does not fit into what is left.
        """
        if estimate.high is None:
            raise BudgetExceededError(
                f"the price of {model} has no known bound", hint="say credits=, what it costs at most", charged="no"
            )
        amount = credit_micros(estimate.high)
        with self._lock:
            left = max(0, self._limit - self._tally.committed)
            if amount > left:
                said = f"{model} costs {estimate.high:f} credits, and {credits_of(left):f} are left"
                raise BudgetExceededError(f"{said} of {self.credits:f}", charged="no")
            self._move(model, amount, "released", "reserved")
        return Reservation(self, model, amount)

    def give_back(self, model: str, amount: int) -> None:
        """What was reserved for nothing; ``Reservation`` calls it, once."""
        with self._lock:
            self._move(model, amount, "reserved", "released")

    def bind(self, model: str, amount: int, record: TaskRecord) -> None:
        """What was reserved is for this task from now on, or back, where the task is counted already."""
        with self._lock:
            if self._knows(record.id):
                self._move(model, amount, "reserved", "released")
            else:
                self._enter(record, Line(model, amount), "reserved")

    def _knows(self, id: str) -> bool:
        return id in self._lines or hash(id) in self._settled

    def _enter(self, record: TaskRecord, line: Line, before: Standing) -> None:
        self._lines[record.id] = line
        self._put(record.id, line.heard(record.status), before)

    def _put(self, id: str, line: Line, before: Standing) -> None:
        self._move(line.model, line.amount, before, line.standing)
        self._lines[id] = line
        if line.status in lifecycle.SERVICE:
            del self._lines[id]  # nothing can come after it
            self._settled.add(hash(id))

    def _move(self, model: str, amount: int, before: Standing, after: Standing) -> None:
        self._tally = self._tally.moved(amount, before, after)
        self._models[model] = self._models.get(model, Tally()).moved(amount, before, after)

    def __repr__(self) -> str:
        return f"<Budget {self.left:f} of {self.credits:f} credits left>"


class Reservation:
    """Credits that are set aside for a create on its way. It ends once, in a task of the budget or in nothing."""

    def __init__(self, budget: Budget, model: str, amount: int) -> None:
        self._budget = budget
        self._model, self._amount = model, amount
        self._open = True

    def release(self) -> None:
        """Nothing was charged."""
        if self._open:
            self._open = False
            self._budget.give_back(self._model, self._amount)

    def bind(self, record: TaskRecord) -> None:
        """The create is this task."""
        if self._open:
            self._open = False
            self._budget.bind(self._model, self._amount, record)


def priced(estimate: Estimate, credits: Decimal | int | None) -> Estimate:  # noqa: A002 - as everywhere
    """The estimate with the upper bound that the caller says, if it says one. Raises InvalidRequestError."""
    if credits is None:
        return estimate
    high = Decimal(credits)
    if not high.is_finite() or high < 0:
        raise InvalidRequestError(f"credits= is zero or more, not {credits}")
    return replace(estimate, low=min(estimate.low, high), high=high, exact=False, source="credits= of the caller")


class _Parts(Protocol):
    """What spending needs of an open client."""

    store: Store
    submitter: Submitter
    supervisor: Supervisor
    waiters: Waiters


class Spending:
    """The way of creates that keep to a budget, in one open client."""

    def __init__(self, parts: _Parts) -> None:
        self._parts = parts
        self._watched: set[tuple[Budget, str]] = set()

    async def submit(self, order: Order, budget: Budget) -> Submission:
        """As ``Submitter.submit``, with the price reserved before. Raises BudgetExceededError before anything is sent.

        Cancelling it gives back what no create was begun for; what was begun settles by itself.
        """
        if order.key is not None and await self._is_counted(order.key, budget):
            return await self._parts.submitter.submit(order)
        reservation = budget.reserve(order.request.model, order.estimate)

        def settle(submission: Submission | None) -> None:
            self._settle(budget, reservation, submission)

        order = replace(order, settle=settle)
        try:
            submission = await self._parts.submitter.submit(order)
        except BaseException:
            if not self._parts.submitter.carries(order):
                reservation.release()
            raise
        settle(submission)  # another create of the same key may have been joined
        return submission

    async def _is_counted(self, key: str, budget: Budget) -> bool:
        """Whether a task of this key was sent before, which the budget then has taken over. Raises StoreError."""
        record = (await self._parts.store.get((key,))).get(key)
        if record is None or record.sent_at is None or record.sender == lifecycle.NOBODY or lifecycle.frees_key(record):
            return False
        budget.adopt(record)
        self.watch(budget, record.id)
        return True

    def _settle(self, budget: Budget, reservation: Reservation, submission: Submission | None) -> None:
        if submission is None or (submission.error is not None and not submission.in_doubt):
            reservation.release()
            return
        record = submission.record
        if submission.in_doubt and record.status is TaskStatus.SUBMITTING:
            record = replace(record, status=TaskStatus.IN_DOUBT)
        reservation.bind(record)
        self.watch(budget, record.id)

    def watch(self, budget: Budget, id: str) -> None:
        """Settle a task of the budget when it has ended, as long as this client is open."""
        if budget.awaits(id) and (budget, id) not in self._watched:
            with contextlib.suppress(ClientClosedError):  # what ends from now on is learnt by the next who look
                task = self._parts.supervisor.spawn(self._watch, budget, id)
                self._watched.add((budget, id))
                task.add_done_callback(lambda _task: self._watched.discard((budget, id)))

    def watch_all(self, budget: Budget) -> None:
        """Settle what an earlier opening left in the budget."""
        for id in budget.open_tasks():
            self.watch(budget, id)

    async def _watch(self, budget: Budget, id: str) -> None:
        waiters = self._parts.waiters
        with waiters.join(id) as waiter:
            await waiters.read((id,))
            while (record := await waiter.ended()) is None or record.status not in lifecycle.ENDED:
                pass
        budget.learn(record)
