"""How much a probe may still spend. Pure."""

from __future__ import annotations

from decimal import Decimal

NOTHING = Decimal(0)


def plain(credits: Decimal) -> str:  # noqa: A002 - credits is the word of this package
    """An amount as people write it: ``7.2``, ``40``."""
    return f"{credits.normalize():f}"


class Purse:
    """At most ``limit`` credits. What is in flight counts with the worst that it can cost; nothing is given back.

    The balance, where it can be read, only ever makes the purse emptier: a charge that nobody expected counts too.
    """

    def __init__(self, limit: Decimal) -> None:
        self.limit = limit
        self._counted = NOTHING
        self._first: Decimal | None = None
        self._least: Decimal | None = None
        self._last: Decimal | None = None

    @property
    def at_most(self) -> Decimal:
        """Credits that may have been spent, seen from the worst side."""
        return max(self._counted, NOTHING if self._first is None or self._least is None else self._first - self._least)

    @property
    def spent(self) -> Decimal | None:
        """Credits that are gone by the balance; ``None`` where it could not be read."""
        return None if self._first is None or self._last is None else self._first - self._last

    @property
    def left(self) -> Decimal:
        """Credits that may still be spent."""
        return self.limit - self.at_most

    def fits(self, worst: Decimal | None) -> bool:
        """Whether something may be sent that costs ``worst`` at most; ``None`` means that nobody knows."""
        return worst is not None and worst <= self.left

    def reserve(self, worst: Decimal) -> None:
        """Count something that is about to be sent. Raises ValueError when it does not fit."""
        if not self.fits(worst):
            raise ValueError(f"{plain(worst)} credits do not fit into the {plain(self.left)} that are left")
        self._counted += worst

    def settle(self, worst: Decimal, cost: Decimal) -> None:
        """Say what became of a reservation; a cost above it, which nobody could know before, counts in full."""
        self._counted += max(NOTHING, cost) - worst

    def saw(self, balance: Decimal) -> None:
        """Take note of the account's balance."""
        self._first = balance if self._first is None else self._first
        self._least = balance if self._least is None else min(self._least, balance)
        self._last = balance
