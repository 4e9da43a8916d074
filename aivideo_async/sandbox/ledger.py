"""The sandbox's credits: an append-only list of what came in and went out; a balance is its sum. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from aivideo_async.sandbox.records import Account

Reason = Literal["top_up", "charge", "refund", "fee"]
NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One line: ``credits`` is below zero for what goes out, ``balance`` the account's after it, ``key`` a key's id."""

    at: float
    reason: Reason
    credits: Decimal
    account: str
    balance: Decimal
    key: str | None = None
    task_id: str | None = None
    model: str | None = None


class Ledger:
    """All postings, oldest first. Sums are kept beside them, so that nobody has to add up ten thousand lines."""

    def __init__(self) -> None:
        self._postings: list[Posting] = []
        self._accounts: dict[str, Account] = {}
        self._spent: defaultdict[str, tuple[list[float], list[Decimal]]] = defaultdict(lambda: ([], []))

    @property
    def postings(self) -> tuple[Posting, ...]:
        """Every posting there has been, oldest first."""
        return tuple(self._postings)

    def __len__(self) -> int:
        return len(self._postings)

    def since(self, first: int) -> list[Posting]:
        """The postings from the ``first`` on."""
        return self._postings[first:]

    @property
    def accounts(self) -> tuple[str, ...]:
        """The names of all accounts, the one that was opened first before."""
        return tuple(self._accounts)

    def account(self, name: str) -> Account:
        """What an account has bought and used up; nothing at all for one that nobody opened."""
        return self._accounts.get(name, Account(purchased=NOTHING))

    def add(
        self, reason: Reason, credits: Decimal, *, account: str, at: float, key: str | None = None,  # noqa: A002
        task_id: str | None = None, model: str | None = None,
    ) -> Posting:  # fmt: skip
        """Append one posting; ``credits`` is signed."""
        posting = Posting(
            at=at, reason=reason, credits=credits, account=account, balance=self.account(account).balance + credits,
            key=key, task_id=task_id, model=model,
        )  # fmt: skip
        self.append(posting)
        return posting

    def append(self, posting: Posting) -> None:
        """Append a posting that was made before."""
        self._postings.append(posting)
        before = self.account(posting.account)
        if posting.reason == "top_up":
            after = Account(purchased=before.purchased + posting.credits, consumed=before.consumed)
        else:
            after = Account(purchased=before.purchased, consumed=before.consumed - posting.credits)
        self._accounts[posting.account] = after
        if posting.key is not None and posting.reason != "top_up":
            moments, sums = self._spent[posting.key]
            moments.append(max(posting.at, moments[-1]) if moments else posting.at)
            sums.append((sums[-1] if sums else NOTHING) - posting.credits)

    def clear(self) -> None:
        """Begin anew, as a sandbox that is reset does."""
        self._postings.clear()
        self._accounts.clear()
        self._spent.clear()

    def spent(self, key: str, since: float = float("-inf")) -> Decimal:
        """What a key has spent since this moment, less what was given back since; never below zero."""
        moments, sums = self._spent.get(key, ([], []))
        if not sums:
            return NOTHING
        first = bisect_left(moments, since)
        return max(NOTHING, sums[-1] - (sums[first - 1] if first else NOTHING))
