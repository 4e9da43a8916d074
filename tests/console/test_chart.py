from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivideo_async.console.chart import POINTS, balance_chart, moments, scale, thinned
from tests.console.asking import at
from tests.sandbox.asking import NOW


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


def test_the_line_steps_to_the_present_and_says_in_words_what_it_shows() -> None:
    drawn = balance_chart([(at(0), Decimal(100)), (at(10), Decimal(50)), (at(20), Decimal(75))], at(40))
    assert 'd="M0 0.0H250.0V100.0H500.0V50.0H1000"' in drawn
    assert "<title>Balance from 100 to 75 credits, lowest 50, highest 100</title>" in drawn
    assert ">now</text>" in drawn


def test_a_balance_that_stands_still_is_a_line_too() -> None:
    assert "H0.0V" in balance_chart([(at(0), Decimal(5)), (at(0), Decimal(5))], at(0))
    assert 'd="M0 ' in balance_chart([(at(0), Decimal(0))], at(0))


@given(st.decimals(-50, 10**9, places=2), st.decimals(0, 10**9, places=2))
def test_a_scale_is_round_even_short_and_holds_all_and_nothing(low: Decimal, more: Decimal) -> None:
    rows = scale(low, low + more)
    (step,) = {after - before for before, after in pairwise(rows)}
    assert 2 <= len(rows) <= 7
    assert rows[0] <= low
    assert rows[0] <= 0
    assert rows[-1] >= low + more
    assert step % 10 ** (len(str(step)) - 1) == 0
    assert 0 in rows


@given(st.floats(NOW, NOW + 10**6), st.floats(0, 10**8))
def test_moments_are_few_and_within(first: float, span: float) -> None:
    found = moments(first, first + span)
    assert len(found) <= 5
    assert all(first <= moment <= first + span for moment, _ in found)


@pytest.mark.parametrize(
    ("span", "texts"),
    [(8, ["14:13:20", "14:13:22"]), (3600, ["14:15", "14:30"]), (40 * 3600, ["Tue 00:00", "Tue 12:00"]),
     (9 * 86_400, ["22 Sep", "25 Sep"])],
)  # fmt: skip
def test_moments_are_written_as_their_span_needs(span: float, texts: list[str]) -> None:
    written = [text for _, text in moments(NOW, NOW + span)]
    assert written[:2] == texts
