"""Callbacks per second over the full path: limits, token, signature, parse, merge, resolve."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.benchmarks import contest
from tests.benchmarks.contest import Effort, Sample
from tests.benchmarks.fastapi_peer import fastapi_receiving
from tests.benchmarks.lean_server import LeanServer, lean_server
from tests.benchmarks.processes import Child, ChildError, Crew, Load, settled
from tests.benchmarks.receiving import Receiving, Woken, bare_receiving, ours_receiving
from tests.benchmarks.report import Figure, Measured, Target, skipped
from tests.benchmarks.sender import Sender, Sent, sender

CONNECTIONS = 32
OURS, BARE = "ours", "bare aiohttp handler"
FASTAPI = "FastAPI + standardwebhooks"
FASTAPI_FASTEST = "the same, uvicorn[standard]: uvloop, httptools"
TARGETS = {BARE: Target("at least", 0.8), FASTAPI: Target("at least", 1.7)}


def measure(effort: Effort) -> Measured:
    """Receivers on one core, the sender and the server for our creates on the other."""
    with Crew() as crew:
        server = crew.start_other("lean server", lean_server)
        sending = crew.start_other("sender", sender)
        url = server.ask(LeanServer.address)
        hosts: dict[str, Child[Receiving]] = {
            OURS: crew.start(OURS, ours_receiving, url, signed=True),
            BARE: crew.start(BARE, bare_receiving, url, signed=True),
            FASTAPI: crew.start(FASTAPI, fastapi_receiving, "h11"),
            FASTAPI_FASTEST: crew.start_over_uvloop(FASTAPI_FASTEST, fastapi_receiving, "httptools"),
        }
        ready, missing = settled(hosts, may_miss=effort.quick)
        count = effort.pick(2000, 40)
        runs = {name: one_round(child, sending, [sending], count) for name, child in ready.items()}
        samples = contest.alternate(runs, effort.rounds)
    figures = [
        Figure(
            row="callbacks",
            what="callbacks per second",
            against=name,
            value=contest.ratio(contest.values(samples[OURS]), contest.values(samples[name])),
            target=TARGETS.get(name),
            cpu=contest.cpu_ratio(samples[OURS], samples[name]),
            busy=contest.busiest(samples),
            note=rates(samples[OURS], samples[name], "callbacks/s"),
        )
        for name in samples
        if name != OURS
    ]
    return Measured([*figures, *skipped("callbacks", missing)])


def one_round(
    child: Child[Receiving], sending: Child[Sender], others: Sequence[Child[Sender] | Child[LeanServer]], count: int
) -> Callable[[], Sample]:
    """One round of one contender: callbacks per second from the first byte to the last awaiter."""

    def run() -> Sample:
        _, sent, woken, busy = deliver(child, sending, others, count)
        seconds = max(woken.at) - sent.started
        return Sample(value=count / seconds, cpu=woken.cpu / count, busy=busy)

    return run


def deliver(
    child: Child[Receiving],
    sending: Child[Sender],
    others: Sequence[Child[Sender] | Child[LeanServer]],
    count: int,
    over: float | None = None,
) -> tuple[float, Sent, Woken, float]:
    """Have tasks awaited and ended by callbacks, all at once or evenly within ``over`` seconds.

    Gives the CPU seconds of creating and awaiting them, what was sent, who woke up, and how busy the other side was.
    Raises ChildError.
    """
    prepared = child.ask(Receiving.prepare, count)
    sending.ask(Sender.load, prepared.requests, prepared.port)
    child.ask(Receiving.begin)
    load = Load(others)
    sent = sending.ask(Sender.send, CONNECTIONS, over)
    woken = child.ask(Receiving.finish)
    if set(sent.statuses) != {200}:
        raise ChildError(f"{child.name} answered {sent.statuses}")
    return prepared.cpu, sent, woken, load.share()


def rates(ours: Sequence[Sample], theirs: Sequence[Sample], unit: str) -> str:
    """Both medians, for the note."""
    mine, other = (contest.Spread.of(contest.values(samples)).median for samples in (ours, theirs))
    return f"{mine:,.0f} and {other:,.0f} {unit}"
