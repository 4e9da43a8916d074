from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.benchmarks.contest import Effort, Sample, Spread, alternate, busiest, cpu_ratio, ratio


def test_contenders_run_in_turns() -> None:
    ran: list[str] = []

    def running(name: str) -> Callable[[], Sample]:
        def run() -> Sample:
            ran.append(name)
            return Sample(value=float(len(ran)))

        return run

    samples = alternate({"a": running("a"), "b": running("b")}, rounds=3)
    assert ran == ["a", "b", "a", "b", "a", "b"]
    assert [sample.value for sample in samples["b"]] == [2.0, 4.0, 6.0]


def test_a_ratio_is_taken_round_by_round() -> None:
    assert ratio([10.0, 40.0, 90.0], [10.0, 20.0, 30.0]) == Spread(2.0, 1.0, 3.0, 3)


def test_rounds_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratio([1.0, 2.0], [1.0])


def test_a_spread_has_quartiles_from_four_values_on() -> None:
    assert Spread.of([5.0, 1.0, 3.0]) == Spread(3.0, 1.0, 5.0, 3)
    assert Spread.of([1.0, 2.0, 3.0, 4.0, 100.0]) == Spread(3.0, 2.0, 4.0, 5)


def test_less_cpu_of_ours_is_a_ratio_above_one() -> None:
    ours, theirs = [Sample(value=1.0, cpu=0.5)] * 3, [Sample(value=1.0, cpu=2.0)] * 3
    assert cpu_ratio(ours, theirs) == 4.0
    assert cpu_ratio(ours, [Sample(value=1.0)] * 3) is None


def test_the_other_side_is_as_busy_as_with_its_busiest_contender() -> None:
    samples = {"a": [Sample(value=1.0, busy=0.2)], "b": [Sample(value=1.0, busy=0.7)], "c": [Sample(value=1.0)]}
    assert busiest(samples) == 0.7


def test_a_quick_effort_takes_the_small_numbers() -> None:
    assert (Effort(quick=True).pick(100, 1), Effort().pick(100, 1)) == (1, 100)
    assert (Effort(quick=True).seconds(2.0, 0.1), Effort().seconds(2.0, 0.1)) == (0.1, 2.0)
