"""Submit over SQLite, durable before the POST, against the same over the memory store."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks import contest
from tests.benchmarks.contest import Effort
from tests.benchmarks.lean_server import LeanServer, lean_server
from tests.benchmarks.ours import ours
from tests.benchmarks.processes import Child, Crew
from tests.benchmarks.report import Figure, Measured, Target
from tests.benchmarks.sending import Sending
from tests.benchmarks.submit import one_round

IN_FLIGHT = 50
SQLITE, MEMORY = "SQLite", "memory store"


def measure(effort: Effort) -> Measured:
    """The file lies where temporary files do."""
    with TemporaryDirectory() as folder, Crew() as crew:
        server = crew.start_other("lean server", lean_server)
        url = server.ask(LeanServer.address)
        hosts: dict[str, Child[Sending]] = {
            SQLITE: crew.start(SQLITE, ours, url, f"sqlite:///{Path(folder) / 'tasks.db'}"),
            MEMORY: crew.start(MEMORY, ours, url),
        }
        runs = {name: one_round(child.ready(), server, IN_FLIGHT, effort) for name, child in hosts.items()}
        samples = contest.alternate(runs, effort.rounds)
    rates = [contest.Spread.of(contest.values(samples[name])).median for name in (SQLITE, MEMORY)]
    return Measured(
        [
            Figure(
                row="stores",
                what=f"submit over {SQLITE}, {IN_FLIGHT} in flight",
                against=MEMORY,
                value=contest.ratio(contest.values(samples[SQLITE]), contest.values(samples[MEMORY])),
                target=Target("at least", 0.7),
                cpu=contest.cpu_ratio(samples[SQLITE], samples[MEMORY]),
                busy=contest.busiest(samples),
                note=f"{rates[0]:,.0f} and {rates[1]:,.0f} creates/s",
            )
        ]
    )
