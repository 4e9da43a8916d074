from __future__ import annotations

from random import Random
from statistics import median

from aivideo_async.sandbox.durations import share


def test_prompt_tasks_never_take_longer_than_is_usual() -> None:
    draw = Random(1)
    assert all(0.55 <= share("prompt", draw) <= 0.9 for _ in range(500))


def test_realistic_ones_are_spread_and_a_few_take_many_times_as_long() -> None:
    draw = Random(1)
    shares = [share("realistic", draw) for _ in range(5000)]
    assert 0.9 < median(shares) < 1.1
    assert 20 < sum(one > 3 for one in shares) < 90
    assert 0.1 < min(shares) < 0.5
    assert max(shares) <= 18
