from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from aivideo_async.sandbox.ledger import Ledger

AMOUNTS = st.decimals(-500, 500, places=1)


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), AMOUNTS), max_size=30))
def test_a_balance_is_the_sum_of_all_postings(moves: list[tuple[str, Decimal]]) -> None:
    ledger = Ledger()
    for account, amount in moves:
        ledger.add("top_up" if amount > 0 else "charge", amount, account=account, at=0)
    for account in ("a", "b"):
        mine = [posting for posting in ledger.postings if posting.account == account]
        assert ledger.account(account).balance == sum(posting.credits for posting in mine)
        assert not mine or mine[-1].balance == ledger.account(account).balance


@given(st.lists(st.tuples(st.integers(0, 20), AMOUNTS), max_size=30), st.integers(0, 20))
def test_what_a_key_spent_since_then_is_the_sum_since_then(moves: list[tuple[int, Decimal]], since: int) -> None:
    ledger, moves = Ledger(), sorted(moves, key=lambda move: move[0])
    for at, amount in moves:
        ledger.add("charge", amount, account="a", at=at, key="k")
    assert ledger.spent("k", since) == max(0, -sum(amount for at, amount in moves if at >= since))


def test_a_refund_is_no_spending_and_no_purchase() -> None:
    ledger = Ledger()
    ledger.add("top_up", Decimal(100), account="a", at=0)
    ledger.add("charge", Decimal(-30), account="a", at=1, key="k", task_id="t", model="m")
    ledger.add("refund", Decimal(30), account="a", at=2, key="k", task_id="t", model="m")
    assert (ledger.account("a").purchased, ledger.account("a").consumed, ledger.spent("k")) == (
        Decimal(100),
        Decimal(0),
        Decimal(0),
    )
    assert [posting.reason for posting in ledger.since(1)] == ["charge", "refund"]


def test_a_clock_that_goes_back_does_not_confuse_it() -> None:
    ledger = Ledger()
    for at in (5, 3, 4):
        ledger.add("charge", Decimal(-1), account="a", at=at, key="k")
    assert (ledger.spent("k", 5), ledger.spent("stranger"), len(ledger)) == (Decimal(3), Decimal(0), 3)
