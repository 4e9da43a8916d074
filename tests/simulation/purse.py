"""The budgets of the replicas, and that none of them goes below zero."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from aivideo_async.core.budget import STANDINGS, Tally, credit_micros, price_of
from aivideo_async.core.models import TaskRecord
from aivideo_async.spending import Budget
from tests.simulation.judge import Judge
from tests.simulation.ledger import CREDITS


class WatchedBudget(Budget):
    """A budget that remembers which tasks it heard of, and what it took over from others."""

    def __init__(self, credits: int) -> None:  # noqa: A002 - as of the one that it stands for
        super().__init__(credits)
        self.ids: set[str] = set()
        self.adopted = 0

    def adopt(self, record: TaskRecord) -> None:
        if record.id not in self.ids:
            self.ids.add(record.id)
            self.adopted += price_of(record)
        super().adopt(record)

    def bind(self, model: str, amount: int, record: TaskRecord) -> None:
        self.ids.add(record.id)
        super().bind(model, amount, record)


@dataclass(eq=False)
class Purse:
    """Gives each process a budget of its own, in some worlds too small for everything."""

    seed: int
    orders: int
    fair: bool
    made: type[WatchedBudget] = WatchedBudget
    budgets: dict[str, WatchedBudget] = field(default_factory=dict[str, WatchedBudget])
    _seen: dict[str, Tally] = field(default_factory=dict[str, Tally])

    def budget(self, owner: str) -> WatchedBudget:
        """The budget of a process, which begins with it."""
        chance = random.Random(f"budget {self.seed} {owner}")
        enough = CREDITS * (self.orders + 1) * 10
        self.budgets[owner] = self.made(
            enough if self.fair or chance.random() < 0.7 else CREDITS * chance.randint(0, 4)
        )
        return self.budgets[owner]

    def after_step(self, judge: Judge, owner: str) -> None:
        """After every step: nothing is reserved that was not there, and every task of it counts once."""
        budget = self.budgets.get(owner)
        if budget is None or budget._tally is self._seen.get(owner):
            return  # most steps move no credits
        self._seen[owner] = budget._tally
        spend = budget.spending()
        if budget.left < 0 or min(spend.reserved, spend.uncertain, spend.spent) < 0:
            judge.say(f"the budget of {owner} went below zero: {budget} {spend}")
        if credit_micros(budget.overdrawn) > budget.adopted:
            judge.say(f"{owner} has spent what was not in its budget: {budget} {spend}")

    def at_the_end(self, judge: Judge, owner: str, held: dict[str, TaskRecord]) -> None:
        """When everything has come to rest: nothing is reserved any more, and what was spent is what has a result."""
        budget = self.budgets.get(owner)
        if budget is None:
            return
        spend = budget.spending()
        if spend.reserved:
            judge.say(f"{owner} still has {spend.reserved} credits reserved: {budget.open_tasks()}")
        known = [held[id] for id in budget.ids if id in held]
        spent = CREDITS * sum(STANDINGS[record.status] == "spent" for record in known)
        if len(known) == len(budget.ids) and spend.spent > spent:
            judge.say(f"{owner} says that {spend.spent} credits were spent, and {spent} were")
