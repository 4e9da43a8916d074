"""Children are started for real, so these stand behind the marker."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib import import_module

import pytest

from tests.benchmarks.processes import OTHER, Child, ChildError, Crew, Load, PeerMissingError, settled

pytestmark = pytest.mark.bench


class Worker:
    async def where(self) -> tuple[int, set[int]]:
        return os.getpid(), set(os.sched_getaffinity(0))

    async def fail(self) -> None:
        raise RuntimeError("on purpose")

    async def spin(self, seconds: float) -> None:
        until = time.process_time() + seconds
        while time.process_time() < until:
            pass


@asynccontextmanager
async def worker() -> AsyncGenerator[Worker]:
    yield Worker()


@asynccontextmanager
async def without_its_peer() -> AsyncGenerator[Worker]:
    import_module("a_package_that_nobody_has")
    yield Worker()


def test_a_child_answers_from_its_own_core_and_ends_with_the_crew() -> None:
    with Crew() as crew:
        child = crew.start_other("worker", worker)
        pid, cores = child.ask(Worker.where)
        assert (pid, cores) == (child.process.pid, {OTHER})
    assert child.process.exitcode == 0


def test_what_a_child_raises_is_told_with_its_traceback() -> None:
    with Crew() as crew, pytest.raises(ChildError, match="on purpose"):
        crew.start("worker", worker).ready().ask(Worker.fail)


def test_a_child_that_works_when_the_crew_is_interrupted_is_ended() -> None:
    started: list[Child[Worker]] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(started)
    (child,) = started
    assert child.process.exitcode is not None
    assert child.process.exitcode < 0


def interrupted(started: list[Child[Worker]]) -> None:
    with Crew() as crew:
        started.append(crew.start("worker", worker).ready())
        started[0].begin(Worker.spin, 60.0)
        raise KeyboardInterrupt


def test_a_missing_peer_is_named_and_only_skipped_where_that_is_allowed() -> None:
    with Crew() as crew:
        hosts = {"here": crew.start("here", worker), "gone": crew.start("gone", without_its_peer)}
        ready, missing = settled(hosts, may_miss=True)
        assert (list(ready), missing) == (["here"], ["gone (a_package_that_nobody_has is not installed)"])
    with Crew() as crew, pytest.raises(PeerMissingError, match="pip install"):
        settled({"gone": crew.start("gone", without_its_peer)}, may_miss=False)


def test_load_is_the_share_of_a_core_that_a_child_used() -> None:
    with Crew() as crew:
        child = crew.start("worker", worker).ready()
        load = Load([child])
        child.ask(Worker.spin, 0.3)
        assert 0.0 < load.share() <= 1.2
