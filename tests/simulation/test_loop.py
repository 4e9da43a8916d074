from __future__ import annotations

import asyncio
import random

import pytest

from tests.simulation.loop import SimulatedLoop, simulated_loop


def a_loop(seed: int = 1, *, shuffled: bool = True) -> SimulatedLoop:
    return simulated_loop(random.Random(seed), shuffled=shuffled)


def order_of(seed: int, *, shuffled: bool = True) -> list[int]:
    """In which order eight tasks run that become ready at once."""
    loop, ran = a_loop(seed, shuffled=shuffled), list[int]()

    async def one(number: int) -> None:
        await asyncio.sleep(1.0)
        ran.append(number)

    with loop.entered():
        for number in range(8):
            loop.create_task(one(number))
        loop.run(2.0, steps=1000)
    return ran


def test_time_jumps_to_the_next_timer_and_stands_still_meanwhile() -> None:
    loop, seen = a_loop(), list[float]()

    async def sleeps() -> None:
        await asyncio.sleep(86_400.0)
        for _ in range(100):
            await asyncio.sleep(0)
        seen.append(asyncio.get_running_loop().time())

    with loop.entered():
        loop.create_task(sleeps())
        loop.run(100_000.0, steps=1000)
    assert (seen, loop.time()) == ([86_400.0], 100_000.0)


def test_a_seed_gives_the_same_order_again_and_others_give_others() -> None:
    assert order_of(1) == order_of(1)
    assert len({tuple(order_of(seed)) for seed in range(10)}) > 5


def test_a_loop_that_is_not_shuffled_keeps_the_order_of_arrival() -> None:
    assert order_of(1, shuffled=False) == list(range(8))


def test_what_is_killed_stops_dead_without_its_finally() -> None:
    loop, seen = a_loop(), list[str]()

    async def lives(name: str) -> None:
        try:
            await asyncio.sleep(10.0)
        finally:
            seen.append(name)

    with loop.entered():
        loop.create_task(lives("dead"), context=loop.context_of("dead"))
        loop.create_task(lives("alive"), context=loop.context_of("alive"))
        loop.run(5.0, steps=1000)
        loop.kill("dead")
        loop.run(100.0, steps=1000)
        assert (seen, loop.tasks_of("dead"), loop.tasks_of("alive")) == (
            ["alive"],
            ["test_what_is_killed_stops_dead_without_its_finally.<locals>.lives"],
            [],
        )
    assert seen == ["alive", "dead"]  # only now that it is over, so that nothing is left for the collector


def test_time_outs_groups_and_cancellation_work_as_in_every_loop() -> None:
    loop, seen = a_loop(), list[str]()

    async def sleeps() -> None:
        async with asyncio.timeout(5.0), asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(asyncio.sleep(1e9))

    async def grouped() -> None:
        with pytest.raises(TimeoutError):
            await sleeps()
        seen.append(f"{asyncio.get_running_loop().time():g}")

    with loop.entered():
        loop.create_task(grouped())
        loop.run(10.0, steps=1000)
    assert seen == ["5"]


def test_an_exception_that_nobody_fetched_is_a_complaint() -> None:
    loop = a_loop()

    async def fails() -> None:
        raise ValueError("nobody looks")

    with loop.entered():
        loop.create_task(fails())
        loop.run(1.0, steps=1000)
    assert [complaint for complaint in loop.complaints if "nobody looks" in complaint]


def test_a_loop_that_is_busy_for_ever_is_stopped() -> None:
    loop = a_loop()

    async def spins() -> None:
        while True:
            await asyncio.sleep(0)

    with loop.entered():
        loop.create_task(spins())
        with pytest.raises(RuntimeError, match="still busy after 50 steps"):
            loop.run(1.0, steps=50)
