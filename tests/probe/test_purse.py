from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivideo_async.probe.purse import Purse, plain

AMOUNTS = st.decimals(0, 50, places=1)


def test_what_is_in_flight_counts_with_the_worst() -> None:
    purse = Purse(Decimal(10))
    purse.reserve(Decimal(7))
    assert [purse.fits(Decimal(amount)) for amount in (4, 3)] == [False, True]
    assert purse.left == 3
    purse.settle(Decimal(7), Decimal(2))
    assert [purse.left, purse.at_most] == [8, 2]


def test_what_nobody_knows_never_fits() -> None:
    assert not Purse(Decimal(1000)).fits(None)


def test_a_charge_that_nobody_expected_empties_it_too() -> None:
    purse = Purse(Decimal(10))
    purse.saw(Decimal(100))
    purse.saw(Decimal(91))
    assert [purse.spent, purse.at_most] == [9, 9]
    assert not purse.fits(Decimal(2))
    purse.saw(Decimal(100))
    assert [purse.spent, purse.at_most] == [0, 9]


def test_amounts_are_written_as_people_do() -> None:
    assert [plain(Decimal(text)) for text in ("7.20", "1E+2", "0.0")] == ["7.2", "100", "0"]


def test_without_a_balance_nobody_knows_what_is_gone() -> None:
    assert Purse(Decimal(1)).spent is None


@given(limit=AMOUNTS, worst=st.lists(AMOUNTS), shares=st.lists(st.decimals(0, 1, places=2)))
def test_it_never_lets_more_out_than_its_limit(limit: Decimal, worst: list[Decimal], shares: list[Decimal]) -> None:
    purse, paid = Purse(limit), Decimal(0)
    for most, share in zip(worst, shares, strict=False):
        if purse.fits(most):
            purse.reserve(most)
            assert purse.at_most <= limit
            paid += most * share
            purse.settle(most, most * share)
        else:
            with pytest.raises(ValueError, match="do not fit"):
                purse.reserve(most)
    assert paid <= purse.at_most <= limit
