"""Submit throughput: the full path over the memory store, against bare aiohttp and against what people use today."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tests.benchmarks import contest, peers
from tests.benchmarks.contest import Effort, Sample, Samples
from tests.benchmarks.lean_server import LeanServer, lean_server
from tests.benchmarks.ours import ours
from tests.benchmarks.processes import Child, Crew, Load, settled
from tests.benchmarks.report import Figure, Measured, Target, skipped
from tests.benchmarks.sending import Sending

IN_FLIGHT = (50, 500)
OURS, BARE = "ours", "bare aiohttp"
BESIDE_BARE = Target("at least", 0.75)
BESIDE_DEFAULT = Target("at least", 10.0)
BESIDE_FASTEST = Target("at least", 4.0)


def measure(effort: Effort) -> Measured:
    """Every contender in a process of its own, all on one core, the server on the other."""
    with Crew() as crew:
        server = crew.start_other("lean server", lean_server)
        url = server.ask(LeanServer.address)
        hosts: dict[str, Child[Sending]] = {
            OURS: crew.start(OURS, ours, url),
            BARE: crew.start(BARE, peers.bare_aiohttp, url),
            **{name: crew.start(name, host, url) for name, host in {**peers.DEFAULT, **peers.FASTEST}.items()},
        }
        ready, missing = settled(hosts, may_miss=effort.quick)
        figures = [figure for n in IN_FLIGHT for figure in _level(n, effort, server, ready)]
    return Measured([*figures, *skipped("submit", missing)])


def _level(in_flight: int, effort: Effort, server: Child[LeanServer], hosts: dict[str, Child[Sending]]) -> list[Figure]:
    """With many in flight the peers take long to answer at all, so they come in every third round only."""
    runs = {name: one_round(child, server, in_flight, effort) for name, child in hosts.items()}
    crowded = in_flight > IN_FLIGHT[0]
    few = {name: run for name, run in runs.items() if name in (OURS, BARE)}
    if crowded and effort.quick:
        samples = contest.alternate(few, effort.rounds)
    elif crowded:
        samples = contest.alternate(runs, (effort.rounds + 2) // 3)
        more = contest.alternate(few, effort.rounds - (effort.rounds + 2) // 3)
        samples = {name: [*some, *more.get(name, ())] for name, some in samples.items()}
    else:
        samples = contest.alternate(runs, effort.rounds)
    return [figure(in_flight, samples, name) for name in samples if name != OURS]


def one_round(child: Child[Sending], server: Child[LeanServer], in_flight: int, effort: Effort) -> Callable[[], Sample]:
    """One round of one contender: creates per second."""

    def run() -> Sample:
        load = Load([server])
        pace = child.ask(Sending.run, in_flight, effort.seconds(0.8, 0.1), effort.seconds(6.0, 0.1))
        cpu = pace.cpu / pace.count if pace.count else None
        return Sample(value=pace.count / pace.seconds, cpu=cpu, busy=load.share(), failures=pace.failures)

    return run


def figure(in_flight: int, samples: Samples, name: str) -> Figure:
    """Ours beside one of the others, in the rounds in which both ran; and what bare aiohttp itself reaches there."""
    other = samples[name]
    mine = samples[OURS][: len(other)]
    stood = all(sample.value > 0 for sample in other)
    return Figure(
        row="submit",
        what=f"submit, {in_flight} in flight",
        against=name,
        value=contest.ratio(contest.values(mine), contest.values(other)) if stood else None,
        target=BESIDE_BARE if name == BARE else BESIDE_DEFAULT if name in peers.DEFAULT else BESIDE_FASTEST,
        cpu=contest.cpu_ratio(mine, other),
        busy=contest.busiest({OURS: mine, name: other}),
        note="; ".join(_remarks(samples, name, mine)),
    )


def _remarks(samples: Samples, name: str, mine: Sequence[Sample]) -> Iterator[str]:
    other = samples[name]
    yield f"{_rate(mine):,.0f} and {_rate(other):,.0f} creates/s"
    if name != BARE and _rate(other) > 0:
        yield f"bare aiohttp itself reaches {_rate(samples[BARE]) / _rate(other):.1f} ×"
    failures = [failure for sample in other for failure in sample.failures]
    if failures:
        yield f"{len(failures)} of its creates raised {', '.join(sorted(set(failures)))}"


def _rate(samples: Sequence[Sample]) -> float:
    return contest.Spread.of(contest.values(samples)).median
