from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.__main__ import main
from tests.simulation.weather import Weather
from tests.simulation.world import World

ROOT = Path(__file__).parents[2]
FEW = range(10)
MANY = range(1000, 1200)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What the client logs of a world in which everything goes wrong fills memory and tells nobody anything."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("seed", FEW)
def test_what_must_hold_does(seed: int) -> None:
    World(seed).run()


@pytest.mark.crash
@pytest.mark.timeout(300)
def test_what_must_hold_does_in_200_worlds() -> None:
    for seed in MANY:
        World(seed).run()


@pytest.mark.parametrize("seed", [2, 5])
def test_a_seed_gives_the_same_run_again(seed: int) -> None:
    assert World(seed).run() == World(seed).run()


@pytest.mark.crash
def test_a_seed_gives_the_same_run_in_a_process_that_hashes_otherwise() -> None:
    command = [sys.executable, "-m", "tests.simulation", "7"]
    traces = {
        subprocess.run(  # noqa: S603 - our own interpreter and our own module
            command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True, timeout=30, cwd=ROOT
        ).stdout
        for seed in ("1", "2")
    }
    assert len(traces) == 1


def test_no_two_seeds_give_the_same_run() -> None:
    assert len({World(seed).run().digest for seed in range(3)}) == 3


@pytest.mark.parametrize(("signed", "questions"), [(True, 0), (False, 60)])
def test_where_nothing_goes_wrong_a_task_costs_one_create_and_at_most_one_question(
    *, signed: bool, questions: int
) -> None:
    report = World(1, Weather(workers=2, webs=2, orders=60, signed=signed)).run()
    assert (report.creates, report.gets, report.tasks) == (60, questions, 60)


@pytest.mark.crash
@pytest.mark.timeout(300)
def test_ten_thousand_tasks_in_one_run() -> None:
    report = World(1, Weather(workers=2, webs=2, orders=10_000, keyed=0.1)).run()
    assert (report.creates, report.tasks) == (10_000, 10_000)


POLLING = Weather(workers=1, webs=0, orders=5, callbacks=False, signed=False, forgets=0.3, chaos=2400.0, slowest=1200.0)
FOUND: dict[str, tuple[int, Weather | None]] = {
    "a bucket's last fraction of a token was slept for without end, since no clock moves by so little": (82, None),
    "a wait that a refused key ended said that its task, which had been charged, was not": (90, None),
    "a wait for a create in doubt read the store a thousand times a second until its callback came": (57, None),
    "a task was taken for forgotten by three 404s with answers in between": (1, POLLING),
    "a submission that could not reach the store called a create refused that another process was sending": (393, None),
}


@pytest.mark.parametrize(("seed", "weather"), FOUND.values(), ids=FOUND)
def test_what_was_found_once_is_not_found_again(seed: int, weather: Weather | None) -> None:
    World(seed, weather).run()


def test_the_command_runs_many_seeds_and_one_with_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "2", "--first", "3"]) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == ["seed 3", "seed 4"]
    assert main(["3"]) == 0
    assert "service: order-" in capsys.readouterr().out
