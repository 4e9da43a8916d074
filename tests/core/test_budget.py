from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivideo_async.core.budget import (
    STANDINGS,
    Line,
    Standing,
    Tally,
    credit_micros,
    credits_of,
    price_of,
    spend_of,
    total,
)
from aivideo_async.core.models import Estimate, TaskStatus
from tests.doubles import a_record

STANDING: tuple[Standing, ...] = ("reserved", "uncertain", "spent", "released")


def an_estimate(low: str, high: str | None, *, source: str = "a page", dated: str = "2026-11-22") -> Estimate:
    bound = None if high is None else Decimal(high)
    return Estimate(low=Decimal(low), high=bound, exact=low == high, source=source, dated=dated)


@pytest.mark.parametrize("amount", ["0", "2.4", "27.5", "510", "0.000001", "1000000"])
def test_credits_are_counted_exactly(amount: str) -> None:
    assert credits_of(credit_micros(Decimal(amount))) == Decimal(amount)


def test_what_is_finer_than_a_millionth_is_rounded_up() -> None:
    assert credit_micros(Decimal("0.0000001")) == 1


def test_every_status_stands_somewhere() -> None:
    assert set(STANDINGS) == set(TaskStatus)


@given(st.lists(st.tuples(st.integers(0, 10**9), st.sampled_from(STANDING), st.sampled_from(STANDING))))
def test_moving_credits_back_leaves_what_was(moves: list[tuple[int, Standing, Standing]]) -> None:
    tally = Tally(reserved=5, uncertain=6, spent=7, tasks=3)
    moved = tally
    for amount, before, after in moves:
        moved = moved.moved(amount, before, after)
    for amount, before, after in reversed(moves):
        moved = moved.moved(amount, after, before)
    assert moved == tally


def test_a_task_counts_while_its_credits_are_anywhere() -> None:
    reserved = Tally().moved(10, "released", "reserved")
    assert (reserved.committed, reserved.tasks) == (10, 1)
    assert reserved.moved(10, "reserved", "spent") == Tally(spent=10, tasks=1)
    assert reserved.moved(10, "reserved", "released") == Tally()


def test_late_news_of_a_lower_rank_change_nothing() -> None:
    ended = Line("sora-2", 5).heard(TaskStatus.COMPLETED)
    assert ended.heard(TaskStatus.PENDING) == ended.heard(TaskStatus.FAILED) == ended
    assert ended.standing == "spent"
    assert Line("sora-2", 5).heard(TaskStatus.EXPIRED).heard(TaskStatus.FAILED).standing == "released"


def test_a_report_is_in_credits() -> None:
    spend = spend_of(Tally(reserved=2_400_000, uncertain=1_000_000, spent=500_000, tasks=3))
    assert (spend.reserved, spend.uncertain, spend.tasks) == (Decimal("2.4"), Decimal(1), 3)
    assert spend.spent == Decimal("0.5")


def test_a_price_without_a_bound_counts_for_nothing_in_what_is_over() -> None:
    assert price_of(a_record()) == price_of(a_record(estimate=an_estimate("0", None))) == 0
    assert price_of(a_record(estimate=an_estimate("1", "2.5"))) == 2_500_000


def test_estimates_add_up() -> None:
    whole = total([an_estimate("100", "100"), an_estimate("2.4", "4.5", source="mine", dated="2026-10-01")])
    assert (whole.low, whole.high, whole.exact) == (Decimal("102.4"), Decimal("104.5"), False)
    assert (whole.source, whole.dated) == ("a page; mine", "2026-10-01")


def test_one_price_without_a_bound_unbounds_the_sum() -> None:
    whole = total([an_estimate("100", "100"), an_estimate("0", None)])
    assert (whole.low, whole.high, whole.exact) == (Decimal(100), None, False)


def test_nothing_costs_nothing() -> None:
    assert total([]) == Estimate(low=Decimal(0), high=Decimal(0), exact=True, source="", dated="")
