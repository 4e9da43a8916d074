"""The engine's ledger as the console has it: the balance over time, what it went to, and every posting."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from itertools import islice

from aivideo_async.console.source import Page, PostingLine, Purse, Spend
from aivideo_async.core.models import moment
from aivideo_async.sandbox.engine import Engine
from aivideo_async.sandbox.ledger import Posting


def purse_of(engine: Engine) -> Purse:
    """Every account's credits together, and how the ledger came to them."""
    points: list[tuple[datetime, Decimal]] = []
    balance = purchased = Decimal(0)
    for posting in engine.ledger.postings:
        balance += posting.credits
        purchased += posting.credits if posting.reason == "top_up" else 0
        points.append((moment(posting.at), balance))
    paid = [task for task in engine.tasks.values() if task.status != "failed"]
    names = {key.id: key.name for key in engine.keys}
    spends = _spends("model", ((task.model, task.price) for task in paid))
    if len(names) > 1:
        spends += _spends("key", ((names.get(task.key, "deleted"), task.price) for task in paid))
    return Purse(balance=balance, purchased=purchased, consumed=purchased - balance, points=points, spends=spends)


class Postings:
    """The ledger of an engine, the newest posting first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def accounts(self) -> int:
        """How many accounts its postings are of."""
        return len(self._engine.ledger.accounts)

    def postings(self, first: int, most: int) -> Page[PostingLine]:
        """Up to ``most`` postings from the ``first`` (0 is the newest)."""
        names = {key.id: key.name for key in self._engine.keys}
        every = self._engine.ledger.postings
        newest = islice(reversed(every), first, first + most)
        return Page([_line(posting, names.get(posting.key or "", "")) for posting in newest], len(every))


def _line(posting: Posting, key: str) -> PostingLine:
    return PostingLine(
        at=moment(posting.at), reason=posting.reason, credits=posting.credits, balance=posting.balance,
        account=posting.account, key=key, task_id=posting.task_id, model=posting.model or "",
    )  # fmt: skip


def _spends(group: str, paid: Iterable[tuple[str, Decimal]]) -> list[Spend]:
    """What went to each name, the dearest first."""
    counts: Counter[str] = Counter()
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for name, price in paid:
        counts[name] += 1
        sums[name] += price
    dearest = sorted(sums.items(), key=lambda pair: -pair[1])
    return [Spend(name=name, tasks=counts[name], credits=amount, group=group) for name, amount in dearest]
