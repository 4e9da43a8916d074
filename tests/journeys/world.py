"""The service and the settings with which the processes of a journey find it, and what is right at the end."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from random import Random

from aivideo_async.core import lifecycle
from aivideo_async.core.models import TaskRecord, TaskStatus, moment
from aivideo_async.sandbox import Profile, Sandbox
from aivideo_async.stores import Query, open_store
from tests.engines.launching import free_port
from tests.journeys.nursery import Nursery, Process
from tests.journeys.roles import receive

CALLBACK_KEY = "k" * 32
PATIENCE = 90.0
"""Seconds within which everything comes to its end, also on a machine that has much else to do."""

Said = set[tuple[str, ...]]


class HeldClock:
    """Unix seconds that stand still until they are let go: no task ends before everybody waits, however slow they are.

    What it lacks afterwards stays below what a signature's time may be off.
    """

    def __init__(self) -> None:
        self._held: float | None = time.time()
        self._lacks = 0.0

    def __call__(self) -> float:
        return time.time() - self._lacks if self._held is None else self._held

    def let_go(self) -> None:
        """Go on from where it stood."""
        if self._held is not None:
            self._lacks, self._held = time.time() - self._held, None


def sandbox(*, signed: bool, speed: float, clock: Callable[[], float] = time.time) -> Sandbox:
    """A service that hands out cached clips and takes any number of tasks."""
    profile: Profile = "signed" if signed else "documented"
    return Sandbox(profile=profile, speed=speed, render="cached", credits=10_000_000, clock=clock)


def environment(service: Sandbox, callback_url: str, *, key: bool = True) -> dict[str, str]:
    """The settings of a process; without ``key`` those of one that may not ask the service."""
    settings = {
        **service.environment(),
        "AIVIDEO_CALLBACK_URL": callback_url,
        "AIVIDEO_CALLBACK_KEY": CALLBACK_KEY,
    }
    return {name: value for name, value in settings.items() if key or name != "AIVIDEO_API_KEY"}


class Receiving:
    """A callback server in a process of its own, always on the same port. ``kills`` is how often it was killed."""

    def __init__(self, nursery: Nursery, store: str, service: Sandbox) -> None:
        self.port: int = free_port()
        self.url: str = f"http://127.0.0.1:{self.port}/webhooks/aivideo"
        self.kills = 0
        self._nursery, self._store, self._service = nursery, store, service
        self._listening = asyncio.Event()

    @asynccontextmanager
    async def running(self, killed_by: Random | None = None) -> AsyncGenerator[None]:
        """It listens while the block runs, or is killed and started again at drawn moments.

        Not while a callback that it cost is still to be tried again: a task whose create was not answered either is
        known to nobody once all three are lost.
        """
        task = asyncio.ensure_future(self._run(killed_by))
        try:
            async with asyncio.timeout(PATIENCE):
                await self._listening.wait()
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled(), task.exception()

    async def _run(self, killed_by: Random | None) -> None:
        settings = environment(self._service, self.url, key=False)
        while True:
            async with self._nursery.process(receive, settings, store=self._store, port=self.port) as receiver:
                await receiver.until("listening")
                self._listening.set()
                if killed_by is None:
                    await receiver.until("an end, which it never comes to by itself")
                else:
                    await asyncio.sleep(killed_by.uniform(0.05, 0.5))
                    while owed(self._service):
                        await asyncio.sleep(0.02)
                    self.kills += 1


def owed(service: Sandbox) -> bool:
    """Whether a callback that was tried has not been accepted yet."""
    return not all({attempt.task_id: attempt.accepted for attempt in service.callbacks}.values())


async def kill_at_some_moment(process: Process, draw: Random, said: Said, *, new: int) -> None:
    """Kill it once it has said up to ``new`` lines that nobody said before, and a little later.

    What cannot be said any more, since everything is said or in doubt, is waited for no longer than a second.
    """
    count, later = draw.randrange(new), draw.uniform(0.0, 0.02)
    try:
        async with asyncio.timeout(1.0):
            await process.until("open")
            while count > 0:
                line = tuple(await process.line())
                assert line, "it has ended by itself"
                count -= line not in said
                said.add(line)
            await asyncio.sleep(later)
    except TimeoutError:
        pass
    said.update(tuple(line) for line in await process.kill())


def created(service: Sandbox) -> Mapping[str, str]:
    """The service's id of every task in its ledger, by ours. Each was created once."""
    pairs = [(str(task.callback_url).rsplit("/", 2)[1], task.id) for task in service.tasks]
    assert len({ours for ours, _ in pairs}) == len(pairs), "a task was created twice"
    return dict(pairs)


async def accounted(store: str, service: Sandbox) -> tuple[list[TaskRecord], Counter[str]]:
    """Every record, and how many of each kind there are; one that the ledger does not know was never taken for it."""
    async with open_store(store) as opened:
        records = [record async for record in opened.scan(Query())]
    ledger, kinds = created(service), Counter[str]()
    assert ledger.keys() <= {record.id for record in records}
    for record in records:
        kind = kind_of(record)
        kinds[kind] += 1
        if record.id in ledger:
            assert (record.status, record.service_id) == (TaskStatus.COMPLETED, ledger[record.id]), record
        else:
            assert kind in {"never sent", "refused", "in doubt"}, record
            assert record.service_id is None, record
    return records, kinds


def kind_of(record: TaskRecord) -> str:
    """Its status as it will read when every create has had its time; one that was never sent is called so."""
    if record.status is TaskStatus.SUBMITTING and record.sent_at is None:
        return "never sent"
    later = (record.sent_at or moment(0.0)) + timedelta(hours=1)
    status = lifecycle.status_at(record, later, create_deadline=120.0).value.replace("_", " ")
    answered = any(entry.kind == "accepted" for entry in record.history)
    return f"{status} by its callback alone" if status == "completed" and not answered else status
