"""Unsigned callbacks, as the hosted service sends them today: hint, ask, confirm, resolve."""

from __future__ import annotations

from tests.benchmarks import contest
from tests.benchmarks.callbacks import one_round, rates
from tests.benchmarks.contest import Effort
from tests.benchmarks.lean_server import LeanServer, lean_server
from tests.benchmarks.processes import Child, Crew
from tests.benchmarks.receiving import Receiving, bare_receiving, ours_receiving
from tests.benchmarks.report import Figure, Measured, Target
from tests.benchmarks.sender import sender

OURS, BARE = "ours", "bare handler + bare GET"


def measure(effort: Effort) -> Measured:
    """The sender and the service that is asked share the other core."""
    with Crew() as crew:
        server = crew.start_other("lean server", lean_server)
        sending = crew.start_other("sender", sender)
        url = server.ask(LeanServer.address)
        hosts: dict[str, Child[Receiving]] = {
            OURS: crew.start(OURS, ours_receiving, url, signed=False).ready(),
            BARE: crew.start(BARE, bare_receiving, url, signed=False).ready(),
        }
        count = effort.pick(1500, 40)
        runs = {name: one_round(child, sending, [server, sending], count) for name, child in hosts.items()}
        samples = contest.alternate(runs, effort.rounds)
    both = rates(samples[OURS], samples[BARE], "callbacks/s")
    return Measured(
        [
            Figure(
                row="unsigned",
                what="unsigned callbacks per second, each confirmed",
                against=BARE,
                value=contest.ratio(contest.values(samples[OURS]), contest.values(samples[BARE])),
                target=Target("at least", 0.6),
                cpu=contest.cpu_ratio(samples[OURS], samples[BARE]),
                busy=contest.busiest(samples),
                note=f"{both}; ask_rate lifted from 5/s",
            )
        ]
    )
