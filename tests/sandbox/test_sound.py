from __future__ import annotations

from array import array

from aivideo_async.sandbox.sound import RATE, drone, filled, loop


def test_a_tune_belongs_to_its_seed() -> None:
    assert loop("a", 2) == loop("a", 2)
    assert loop("a", 2) != loop("b", 2)


def test_it_can_be_heard_and_is_not_clipped() -> None:
    assert 4000 < max(loop("a", 4)) < 32_000


def test_it_is_repeated_to_exactly_the_length_and_fades_out() -> None:
    whole = filled(array("h", [1000] * 700), RATE)
    assert (len(whole), whole[0], whole[-1]) == (RATE, 1000, 0)


def test_a_drone_fills_its_samples() -> None:
    assert len(drone(100, 1000)) == 1000
