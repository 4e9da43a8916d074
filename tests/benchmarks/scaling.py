"""Requests, client CPU and mean delay for N awaited tasks: by callbacks, and by polling.

All N are created and awaited first; then they end one after another within a few seconds. What polling would cost
before that is left out: a real task of six minutes is polled 360 times at 1 s.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.benchmarks.callbacks import deliver
from tests.benchmarks.contest import Effort, Spread
from tests.benchmarks.lean_server import LeanServer, Plan, lean_server
from tests.benchmarks.polling import Polling, polling
from tests.benchmarks.processes import Child, Crew, Load
from tests.benchmarks.receiving import Receiving, Woken, ours_receiving
from tests.benchmarks.report import Figure, Measured, Point, Target
from tests.benchmarks.sender import Sender, Sent, sender

TASKS = (100, 1_000, 10_000, 50_000)
INTERVALS = (5.0, 2.0, 1.0)
SHORTEST = 4.0
ENDINGS_PER_SECOND = 1_500
"""Slower than the receiver is, so that the delay is its own and not that of a queue."""
LONGEST_POLLING = 10.0
EXPECTED = {"signed": 1.0, "unsigned": 2.0}
FLAT = (1_000, 50_000)


@dataclass(frozen=True, slots=True)
class World:
    """The service, who sends its callbacks, and how much of it is measured."""

    server: Child[LeanServer]
    sending: Child[Sender]
    url: str
    effort: Effort

    def span(self, tasks: int) -> float:
        """Within how many seconds so many tasks end."""
        return self.effort.seconds(max(SHORTEST, tasks / ENDINGS_PER_SECOND), 0.5)


@contextmanager
def world(effort: Effort) -> Generator[tuple[Crew, World]]:
    """A crew with the service and the sender in it."""
    with Crew() as crew:
        server = crew.start_other("lean server", lean_server)
        sending = crew.start_other("sender", sender)
        yield crew, World(server, sending, server.ask(LeanServer.address), effort)


def measure(effort: Effort) -> Measured:
    """Callbacks for every N; polling until it saturates."""
    sizes = TASKS[:1] if effort.quick else TASKS
    points: list[Point] = []
    for way in EXPECTED:
        points += [_by_callbacks(effort, way, tasks) for tasks in sizes]
    for interval in INTERVALS[-1:] if effort.quick else INTERVALS:
        for tasks in sizes:
            points.append(_by_polling(effort, 0.1 if effort.quick else interval, tasks))
            if "saturated" in points[-1].note:
                break
    return Measured([*_requests(points), *_flatness(points)], points)


def _by_callbacks(effort: Effort, way: str, tasks: int) -> Point:
    with world(effort) as (crew, there):
        child: Child[Receiving] = crew.start(way, ours_receiving, there.url, signed=way == "signed").ready()
        before = sum(there.server.ask(LeanServer.counts))
        over = there.span(tasks)
        created, sent, woken, busy = deliver(child, there.sending, [there.server, there.sending], tasks, over)
        requests = sum(there.server.ask(LeanServer.counts)) - before
    return Point(
        way=way,
        tasks=tasks,
        requests=requests / tasks,
        cpu=(created + woken.cpu) / tasks,
        delay=_mean_delay(sent, woken, over),
        note=f"within {over:g} s; other side {busy:.0%} busy",
    )


def _mean_delay(sent: Sent, woken: Woken, over: float) -> float:
    """From the moment at which a task was to end, whether or not its callback could leave by then."""
    count = len(woken.at)
    return sum(at - (sent.started + index * over / count) for index, at in enumerate(woken.at)) / count


def _by_polling(effort: Effort, interval: float, tasks: int) -> Point:
    with world(effort) as (crew, there):
        child: Child[Polling] = crew.start("polling", polling, there.url).ready()
        first = there.server.ask(LeanServer.next_number)
        before = sum(there.server.ask(LeanServer.counts))
        cpu = child.ask(Polling.create, tasks)
        over = min(LONGEST_POLLING, there.span(tasks))
        plan = Plan(first, tasks, time.monotonic() + 0.2, over)
        there.server.ask(LeanServer.plan, plan)
        load = Load([there.server])
        polled = child.ask(Polling.poll, interval, plan, over + 2 * interval + 2)
        share = load.share()
        requests = sum(there.server.ask(LeanServer.counts)) - before
    saturated = polled.unfinished > 0 or polled.delay > interval
    client = polled.cpu / polled.seconds
    side = "the server" if share > client else "the client"
    late = f"; saturated: {side} ({polled.unfinished} had not ended in time), no more tasks tried" if saturated else ""
    return Point(
        way=f"polling at {interval:g} s",
        tasks=tasks,
        requests=requests / tasks,
        cpu=(cpu + polled.cpu) / tasks,
        delay=polled.delay,
        note=f"within {over:g} s; client {client:.0%}, server {share:.0%} busy{late}",
    )


def _requests(points: list[Point]) -> list[Figure]:
    figures: list[Figure] = []
    for way, expected in EXPECTED.items():
        seen = [point.requests for point in points if point.way == way]
        figures.append(
            Figure(
                row="scaling",
                what=f"requests per task, {way} callbacks",
                against=f"{expected:.2f}",
                value=Spread.of([requests / expected for requests in seen]),
                target=Target("at most", 1.0),
                note=f"{min(seen):.2f} to {max(seen):.2f} requests per task over all N",
            )
        )
    return figures


def _flatness(points: list[Point]) -> list[Figure]:
    figures: list[Figure] = []
    for way in EXPECTED:
        few, many = ([p.cpu for p in points if p.way == way and p.tasks == tasks] for tasks in FLAT)
        if few and many:
            figures.append(
                Figure(
                    row="scaling",
                    what=f"client CPU per task at {FLAT[1]:,} tasks, {way}",
                    against=f"at {FLAT[0]:,} tasks",
                    value=Spread.of([many[0] / few[0]]),
                    target=Target("at most", 1.2),
                    note=f"{many[0] * 1e6:,.0f} and {few[0] * 1e6:,.0f} µs; flat is taken as within 20 %",
                )
            )
    return figures
