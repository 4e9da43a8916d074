"""What importing costs, each in fresh interpreters; and what must not be loaded at all."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from types import MappingProxyType

from tests.benchmarks import contest
from tests.benchmarks.contest import Effort, Sample, Spread
from tests.benchmarks.processes import MEASURED
from tests.benchmarks.report import Figure, Measured, Target, skipped

OURS = "from aivideo_async import Client"
BARE = "import aiohttp, pydantic"
PEERS = {"openai": "from openai import AsyncOpenAI", "fal_client": "import fal_client", "replicate": "import replicate"}
TIMED = "import os, time; os.sched_setaffinity(0, {{{core}}}); t = time.process_time(); {statement}; \
print(time.process_time() - t)"
NOTHING: Mapping[str, str] = MappingProxyType({})
LIGHT = {
    "import aivideo_async": ["-c", "import aivideo_async"],
    "aivideo --help": ["-m", "aivideo_async", "--help"],
}


def measure(effort: Effort) -> Measured:
    """The least of many, in CPU seconds: what else runs can only add to it."""
    peers = {name: statement for name, statement in PEERS.items() if find_spec(name) is not None}
    missing = [f"{name} (not installed)" for name in PEERS if name not in peers]
    with TemporaryDirectory() as cache:

        def running(statement: str) -> Callable[[], Sample]:
            seconds(statement, cache)  # compiles it, as an installed package is
            return lambda: Sample(value=seconds(statement, cache))

        runs = {name: running(statement) for name, statement in {"ours": OURS, BARE: BARE, **peers}.items()}
        samples = contest.alternate(runs, 1 if effort.quick else effort.rounds * 2)
    least = {name: min(contest.values(some)) for name, some in samples.items()}
    figures = [_beside(name, least, Target("at most", 1.1) if name == BARE else None) for name in (BARE, *peers)]
    return Measured(
        [*figures, *(_light(name, command) for name, command in LIGHT.items()), *skipped("imports", missing)]
    )


def seconds(statement: str, cache: str) -> float:
    """CPU seconds of a statement in an interpreter of its own, whose bytecode lies in a folder of ours."""
    caching = {"PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
    return float(_run(["-c", TIMED.format(core=MEASURED, statement=statement)], caching).stdout)


def _beside(name: str, least: dict[str, float], target: Target | None) -> Figure:
    return Figure(
        row="imports",
        what=f"{OURS}: times as long as",
        against=name,
        value=Spread.of([least["ours"] / least[name]]),
        target=target,
        note=f"{least['ours'] * 1e3:.0f} and {least[name] * 1e3:.0f} ms of CPU, the least of all rounds",
    )


def _light(name: str, command: list[str]) -> Figure:
    loaded = sum("aiohttp" in line for line in _run(["-X", "importtime", *command]).stderr.splitlines())
    return Figure(
        row="imports",
        what=f"modules of aiohttp that `{name}` loads",
        against="none",
        value=Spread.of([float(loaded)]),
        unit="",
        target=Target("at most", 0.0),
    )


def _run(arguments: list[str], environment: Mapping[str, str] = NOTHING) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own interpreter and our own lines
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
