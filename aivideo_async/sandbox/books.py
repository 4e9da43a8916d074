"""Who may ask and what they have: keys, the ledger of the accounts behind them, the log. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from decimal import Decimal
from random import Random

from pydantic import JsonValue

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox.dialect import number
from aivideo_async.sandbox.keys import KeyRing, checked_credits
from aivideo_async.sandbox.ledger import Ledger, Reason
from aivideo_async.sandbox.records import Account, Endpoint, RequestEntry, SandboxTask

MOST_REQUESTS = 50_000
"""Requests that are remembered; the oldest are forgotten."""


class Books:
    """The keys, the ledger and the log of requests of one sandbox."""

    def __init__(self, draw: Random) -> None:
        self.keys: KeyRing = KeyRing(draw)
        self.ledger: Ledger = Ledger()
        self.requests: deque[RequestEntry] = deque(maxlen=MOST_REQUESTS)
        self.answered: Counter[str] = Counter()
        self.logged: int = 0

    def open_account(self, key: str, credits: Decimal, *, name: str = "", now: float = 0.0) -> None:  # noqa: A002
        """Let ``key`` in, to an account of its own with so many credits; both are called ``name``."""
        name = name or f"key-{len(self.keys) + 1}"
        self.keys.issue(name, account=name, now=now, secret=key)
        self.ledger.add("top_up", credits, account=name, at=now)

    def issue_key(
        self, name: str, *, account: str, now: float, credits: Decimal | int | None = None,  # noqa: A002
        addresses: Sequence[str] = (), hourly: Decimal | int | None = None, daily: Decimal | int | None = None,
        total: Decimal | int | None = None,
    ) -> str:  # fmt: skip
        """Make a key and return it, this once; with ``credits`` it has an account of its own instead of ``account``.

        Raises ConfigurationError as ``KeyRing.issue``, and for credits that are no number of them.
        """
        own = None if credits is None else checked_credits(credits)
        account = account if own is None else self._free_account(f"account of {name}")
        secret = self.keys.issue(
            name, account=account, now=now, addresses=addresses, hourly=hourly, daily=daily, total=total
        )
        if own is not None:
            self.ledger.add("top_up", own, account=account, at=now)
        return secret

    def account(self, key: str) -> Account:
        """The account behind a key itself. Raises KeyError."""
        return self.ledger.account(self.keys.of(key).account)

    def money(self, name: str) -> dict[str, JsonValue]:
        """An account's credits as the service tells them."""
        account = self.ledger.account(name)
        amounts = {
            "balance": account.balance, "total_purchased": account.purchased, "total_consumed": account.consumed,
        }  # fmt: skip
        return {name: number(amount) for name, amount in amounts.items()}

    def top_up(self, account: str, credits: Decimal, now: float) -> None:  # noqa: A002 - credits is the word here
        """Buy credits for an account. Raises ConfigurationError for none, and for more than anybody can count."""
        if not checked_credits(credits):
            raise ConfigurationError("a top-up is more than nothing")
        self.charge(account, None, "top_up", credits, now)

    def charge(
        self, account: str, key: str | None, reason: Reason, credits: Decimal, now: float,  # noqa: A002
        task: SandboxTask | None = None,
    ) -> None:  # fmt: skip
        """Write one signed movement of credits down."""
        self.ledger.add(
            reason, credits, account=account, at=now, key=key, task_id=None if task is None else task.id,
            model=None if task is None else task.model,
        )  # fmt: skip

    def log(self, entry: RequestEntry) -> None:
        """Write one answered request down."""
        self.requests.append(entry)
        self.answered[entry.endpoint] += 1
        self.logged += 1

    def count(self, endpoint: Endpoint) -> int:
        """How many requests this endpoint has answered, refusals included."""
        return self.answered[endpoint]

    def begin_anew(self, now: float) -> None:
        """Have as many credits in every account as were ever bought for it, and none used."""
        bought = {name: self.ledger.account(name).purchased for name in self.ledger.accounts}
        self.ledger.clear()
        for name, amount in bought.items():
            self.ledger.add("top_up", amount, account=name, at=now)

    def _free_account(self, name: str) -> str:
        """A name for an account that nobody had: a key of an earlier one's name does not find its credits."""
        taken, number = set(self.ledger.accounts), 2
        free = name
        while free in taken:
            free, number = f"{name} ({number})", number + 1
        return free
