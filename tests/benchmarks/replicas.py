"""Redis: a callback at replica B until its awaiter wakes up at replica A, against a bare XADD and XREAD.

Measured by ``tests.benchmarks.replica_latency``, which is run by itself for the other engines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tests.benchmarks.contest import Effort, Spread
from tests.benchmarks.replica_latency import Row, measured
from tests.benchmarks.report import Figure, Measured, Target

BARE = "bare XADD → XREAD"


def measure(effort: Effort) -> Measured:
    """One run of it per round, both ways in each."""
    rounds = [asyncio.run(measured("redis", effort.pick(150, 10))) for _ in range(effort.pick(3, 1))]
    return Measured([_figure(50, Target("at most", 2.0), rounds), _figure(99, None, rounds)])


def _figure(percent: int, target: Target | None, rounds: Sequence[Row]) -> Figure:
    both = [(row.replica.percentile(percent), row.bare.percentile(percent)) for row in rounds if row.bare is not None]
    millis = [Spread.of([pair[index] for pair in both]).median / 1e6 for index in (0, 1)]
    return Figure(
        row="replicas",
        what=f"Redis: callback at B to awaiter at A, p{percent}: times as long as",
        against=BARE,
        value=Spread.of([ours / bare for ours, bare in both]),
        target=target,
        note=f"{millis[0]:.2f} and {millis[1]:.2f} ms",
    )
