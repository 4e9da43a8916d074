from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from aivideo_async.console.chart import POINTS, balance_chart, thinned
from tests.console.asking import at


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=2_000))
def test_however_many_points_there_are_few_are_drawn_and_the_ends_and_the_lowest_among_them(amounts: list[int]) -> None:
    points = [(at(number), Decimal(amount)) for number, amount in enumerate(amounts)]
    shown = thinned(points)
    assert len(shown) <= POINTS
    assert (shown[0], shown[-1]) == (points[0], points[-1])
    assert min(amount for _, amount in shown) == min(amounts)
    assert sorted(shown) == shown


def test_ten_thousand_points_are_thinned_and_the_lowest_of_them_stays() -> None:
    points = [(at(number), Decimal(number * 7919 % 10_007)) for number in range(10_000)]
    shown = thinned(points)
    assert POINTS * 0.9 < len(shown) <= POINTS
    assert Decimal(0) in {amount for _, amount in shown}
    assert (shown[0], shown[-1]) == (points[0], points[-1])


def test_the_line_steps_and_says_in_words_what_it_shows() -> None:
    drawn = balance_chart([(at(0), Decimal(100)), (at(10), Decimal(50)), (at(20), Decimal(75))])
    assert 'd="M0.0 4.0H500.0V196.0H1000.0V100.0"' in drawn
    assert "<title>Balance from 100 to 75 credits, lowest 50, highest 100</title>" in drawn


def test_a_balance_that_stands_still_is_a_line_too() -> None:
    assert "H0.0V" in balance_chart([(at(0), Decimal(5)), (at(0), Decimal(5))])
