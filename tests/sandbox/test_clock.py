from __future__ import annotations

import pytest

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox.clock import Clock


class Machine:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_it_is_the_machines_until_it_is_touched() -> None:
    machine = Machine()
    clock = Clock(machine, speed=60)
    machine.now += 5
    assert (clock.now(), clock.paused) == (1005, False)


def test_it_stands_and_goes_on_from_where_it_stood() -> None:
    machine = Machine()
    clock = Clock(machine, speed=60)
    clock.pause()
    machine.now += 500
    clock.pause()
    assert (clock.now(), clock.paused) == (1000, True)
    clock.resume()
    clock.resume()
    machine.now += 1
    assert (clock.now(), clock.paused) == (1001, False)


@pytest.mark.parametrize("paused", [True, False])
def test_it_is_moved_on_by_the_services_seconds(paused: bool) -> None:
    clock = Clock(Machine(), speed=60)
    if paused:
        clock.pause()
    clock.advance(120)
    assert clock.now() == 1002


def test_whoever_listens_is_told_of_each_change() -> None:
    clock, told = Clock(Machine(), speed=1), list[float]()
    clock.listener = lambda: told.append(clock.now())
    clock.pause()
    clock.advance(3)
    clock.resume()
    assert told == [1000, 1003, 1003]


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
def test_it_is_not_moved_back(seconds: float) -> None:
    with pytest.raises(ConfigurationError):
        Clock(Machine(), speed=1).advance(seconds)


def test_another_clock_can_be_set_as_it_is() -> None:
    clock, other = Clock(lambda: 1000.0, speed=2), Clock(lambda: 5000.0, speed=2)
    clock.advance(60)
    other.set(clock.reading)
    assert (other.now(), other.paused) == (5030.0, False)
    clock.pause()
    other.set(clock.reading)
    assert (other.now(), other.paused) == (1030.0, True)
