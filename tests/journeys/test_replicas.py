"""Callbacks land on any replica, and whoever awaits is answered without asking the service more than need be."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from random import Random

import pytest

from tests.engines.launching import free_port
from tests.journeys.conftest import Tell
from tests.journeys.engines import Engine
from tests.journeys.nursery import Nursery, Process
from tests.journeys.relay import relaying
from tests.journeys.roles import receive, replicate, work
from tests.journeys.world import PATIENCE, created, environment, sandbox

pytestmark = [pytest.mark.crash, pytest.mark.timeout(180)]

KEYS = [f"order-{number}" for number in range(100)]
SPEED = 300.0


async def resolved_by(process: Process) -> dict[str, str]:
    """The service's ids of what a process awaited, by ours, once it is done."""
    resolved = dict[str, str]()
    async with asyncio.timeout(PATIENCE):
        while (words := await process.line())[:1] != ["done"]:
            assert words, "it has ended by itself"
            if words[0] == "resolved":
                resolved[words[1]] = words[2]
    return resolved


async def test_signed_callbacks_at_a_random_replica_resolve_at_the_one_that_waits_and_nothing_is_asked(
    engine: Engine, nursery: Nursery, draw: Random, tell: Tell
) -> None:
    ports = [free_port(), free_port()]
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(sandbox(signed=True, speed=SPEED))
        relay = await stack.enter_async_context(relaying(ports, draw))
        settings = environment(service, relay.url)
        replicas = [
            await stack.enter_async_context(
                nursery.process(replicate, settings, store=engine.url, port=port, keys=KEYS[number::2], patient=True)
            )
            for number, port in enumerate(ports)
        ]
        one, other = await asyncio.gather(*(resolved_by(replica) for replica in replicas))
        assert (len(one), len(other)) == (50, 50)
        assert {**one, **other} == created(service)
        assert (service.count("create"), service.count("get_task")) == (len(KEYS), 0)
        assert min(relay.given[port] for port in ports) > 0
        tell(f"0 asked, callbacks per replica: {list(relay.given.values())}")


async def test_unsigned_callbacks_at_a_random_replica_without_a_key_cost_the_worker_exactly_one_question_each(
    engine: Engine, nursery: Nursery, draw: Random, tell: Tell
) -> None:
    ports = [free_port(), free_port()]
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(sandbox(signed=False, speed=SPEED))
        relay = await stack.enter_async_context(relaying(ports, draw))
        for port in ports:
            keyless = environment(service, relay.url, key=False)
            receiver = await stack.enter_async_context(nursery.process(receive, keyless, store=engine.url, port=port))
            await receiver.until("listening")
        settings = environment(service, relay.url)
        worker = await stack.enter_async_context(
            nursery.process(work, settings, store=engine.url, keys=KEYS, patient=True)
        )
        assert await resolved_by(worker) == created(service)
        asked = Counter(request.task_id for request in service.requests if request.endpoint == "get_task")
        assert asked == dict.fromkeys(created(service).values(), 1)
        assert min(relay.given[port] for port in ports) > 0
        tell(f"{asked.total()} asked for {len(KEYS)} tasks, callbacks per replica: {list(relay.given.values())}")
