"""Workers and receivers are killed at any moment; nothing that was paid for is lost, and nothing is paid for twice."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from aivideo_async.stores import Query, open_store
from tests.journeys.conftest import Tell
from tests.journeys.engines import Engine
from tests.journeys.nursery import Nursery
from tests.journeys.roles import contend, work
from tests.journeys.world import (
    PATIENCE,
    Receiving,
    Said,
    accounted,
    created,
    environment,
    kill_at_some_moment,
    sandbox,
)

pytestmark = [pytest.mark.crash, pytest.mark.timeout(180)]

KEYS = [f"order-{number}" for number in range(200)]
ROUNDS = 20
SPEED = 300.0
"""A task takes 0.7 to 1.1 s, a callback is tried again after 0.6 s and 2 s, a lost one is looked for after 1.8 s."""
SLOWER = 100.0
"""A callback is tried again after 1.8 s and 6 s: by then even a busy machine has started a receiver again."""


@pytest.mark.parametrize(
    ("signed", "receiver_is_killed"),
    [(True, False), (True, True), (False, False)],
    ids=["signed", "signed-receiver-killed", "unsigned"],
)
async def test_a_worker_is_killed_20_times_and_nothing_is_lost_or_paid_twice(
    engine: Engine, nursery: Nursery, draw: Random, tell: Tell, *, signed: bool, receiver_is_killed: bool
) -> None:
    async with sandbox(signed=signed, speed=SLOWER if receiver_is_killed else SPEED) as service:
        receiver, said = Receiving(nursery, engine.url, service), Said()
        settings = environment(service, receiver.url)
        async with receiver.running(killed_by=draw if receiver_is_killed else None):
            for _ in range(ROUNDS):
                async with nursery.process(work, settings, store=engine.url, keys=KEYS) as worker:
                    await kill_at_some_moment(worker, draw, said, new=25)
            async with nursery.process(work, settings, store=engine.url, keys=KEYS) as worker:
                accepted, resolved = dict[str, str](), dict[str, str]()
                async with asyncio.timeout(PATIENCE):
                    while len(accepted) < len(KEYS) or not created(service).keys() <= resolved.keys():
                        match await worker.line():
                            case ["accepted", key, id]:
                                accepted[key] = id
                            case ["resolved", id, service_id, _]:
                                resolved[id] = service_id
                            case words:
                                assert words, "the worker has ended by itself"
        assert resolved == created(service)
        records, kinds = await accounted(engine.url, service)
        assert sorted((str(record.key), record.id) for record in records) == sorted(accepted.items())
        tell(f"{dict(kinds)}, creates {len(service.tasks)}, receiver killed {receiver.kills} times")


async def test_four_processes_submit_the_same_keys_while_they_are_killed(
    engine: Engine, nursery: Nursery, draw: Random, tell: Tell
) -> None:
    async with sandbox(signed=True, speed=SPEED) as service:
        receiver, said = Receiving(nursery, engine.url, service), Said()
        settings = environment(service, receiver.url)

        async def submit_while_killed() -> dict[str, str]:
            for _ in range(5):
                async with nursery.process(contend, settings, store=engine.url, keys=KEYS) as process:
                    await kill_at_some_moment(process, draw, said, new=20)
            holders = dict[str, str]()
            async with (
                asyncio.timeout(PATIENCE),
                nursery.process(contend, settings, store=engine.url, keys=KEYS) as process,
            ):
                while (words := await process.line())[:1] != ["done"]:
                    assert words, "it has ended by itself"
                    if words[0] == "accepted":
                        holders[words[1]] = words[2]
            return holders

        async with receiver.running():
            first, *others = await asyncio.gather(*(submit_while_killed() for _ in range(4)))
        assert set(first) == set(KEYS)
        assert others == [first] * 3
        assert {line[1]: line[2] for line in said if line[0] == "accepted"}.items() <= first.items()
        assert created(service).keys() <= set(first.values())
        async with open_store(engine.url) as store:
            assert {record.id async for record in store.scan(Query())} == set(first.values())
        tell(f"{len(service.tasks)} creates for {len(first)} keys")
