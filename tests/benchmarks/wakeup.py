"""From a callback's arrival to its awaiter's wake-up, at 1,000 a second."""

from __future__ import annotations

import statistics

from tests.benchmarks import contest
from tests.benchmarks.callbacks import deliver
from tests.benchmarks.contest import Effort, Spread
from tests.benchmarks.lean_server import LeanServer, lean_server
from tests.benchmarks.processes import Child, Crew
from tests.benchmarks.receiving import Receiving, bare_receiving, ours_receiving
from tests.benchmarks.report import Figure, Measured, Target
from tests.benchmarks.sender import sender

PER_SECOND = 1000
OURS, BARE = "ours", "bare aiohttp handler"


def measure(effort: Effort) -> Measured:
    """Seconds from the moment at which a request is written to the moment at which the awaiter runs."""
    count = effort.pick(2000, 100)
    seen: dict[str, list[tuple[float, float]]] = {OURS: [], BARE: []}
    shares: list[float] = []
    with Crew() as crew:
        server = crew.start_other("lean server", lean_server)
        sending = crew.start_other("sender", sender)
        url = server.ask(LeanServer.address)
        hosts: dict[str, Child[Receiving]] = {
            OURS: crew.start(OURS, ours_receiving, url, signed=True).ready(),
            BARE: crew.start(BARE, bare_receiving, url, signed=True).ready(),
        }
        for _ in range(effort.rounds):
            for name, child in hosts.items():
                _, sent, woken, busy = deliver(child, sending, [sending], count, count / PER_SECOND)
                seen[name].append(percentiles([wake - left for wake, left in zip(woken.at, sent.at, strict=True)]))
                shares.append(busy)
    busy = statistics.median(shares)
    return Measured([_figure(label, index, seen, busy) for index, label in enumerate(("p50", "p99"))])


def percentiles(values: list[float]) -> tuple[float, float]:
    """p50 and p99."""
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return cuts[49], cuts[98]


def _figure(label: str, index: int, seen: dict[str, list[tuple[float, float]]], busy: float) -> Figure:
    mine, other = ([both[index] for both in seen[name]] for name in (OURS, BARE))
    medians = [Spread.of(values).median * 1e6 for values in (mine, other)]
    return Figure(
        row="wakeup",
        what=f"arrival to wake-up at {PER_SECOND:,}/s, {label}: times as long as",
        against=BARE,
        value=contest.ratio(mine, other),
        target=Target("at most", 1.5),
        busy=busy,
        note=f"{medians[0]:,.0f} and {medians[1]:,.0f} µs",
    )
