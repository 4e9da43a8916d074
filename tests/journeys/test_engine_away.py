"""The engine goes away in the middle of waits and comes back; every wait comes to its own end."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from random import Random

import pytest

from aivideo_async import Client
from aivideo_async.sandbox import Delay
from tests.engines.valkey import free_port
from tests.journeys.conftest import Tell
from tests.journeys.engines import Engine
from tests.journeys.nursery import Nursery, Process
from tests.journeys.relay import relaying
from tests.journeys.roles import CLIP, replicate
from tests.journeys.world import CALLBACK_KEY, PATIENCE, HeldClock, environment, sandbox

pytestmark = [pytest.mark.crash, pytest.mark.timeout(180)]

WAITS, REPLICAS, KILLS = 400, 3, 3
SPEED = 100.0
"""A task takes 2 to 3.2 s, a callback is tried again after 1.8 s and 6 s, a lost one is looked for after 5.4 s."""
LONGER = 4.0


async def test_400_waits_over_three_replicas_outlive_three_kills_of_the_engine(
    engine: Engine, nursery: Nursery, draw: Random, tell: Tell
) -> None:
    ports, clock = [free_port() for _ in range(REPLICAS)], HeldClock()
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(sandbox(signed=True, speed=SPEED, clock=clock))
        relay = await stack.enter_async_context(relaying(ports, draw))
        settings = environment(service, relay.url)
        service.enqueue(*(Delay(draw.uniform(0.0, LONGER) * SPEED) for _ in range(WAITS)))
        async with Client(
            service.api_key,
            base_url=service.base_url,
            callback_url=relay.url,
            callback_key=CALLBACK_KEY,
            time_scale=SPEED,
            store=engine.url,
        ) as client:
            ids = [task.id for task in await asyncio.gather(*(client.submit(CLIP) for _ in range(WAITS)))]
        replicas = [
            await stack.enter_async_context(
                nursery.process(
                    replicate,
                    settings,
                    store=engine.url,
                    port=port,
                    keys=[],
                    ids=ids[number::REPLICAS],
                    patient=False,
                )
            )
            for number, port in enumerate(ports)
        ]
        for replica in replicas:
            await replica.until("open")
        clock.let_go()
        resolved, more = list[list[str]](), asyncio.Event()

        async def listen(replica: Process) -> None:
            while (words := await replica.line())[:1] != ["done"]:
                assert words, "a replica has ended by itself"
                if words[0] == "resolved":
                    resolved.append(words[1:])
                    more.set()

        async def kill_it_in_the_middle() -> None:
            moments = sorted(draw.sample(range(20, WAITS - 60), KILLS))
            spans = draw.sample([0.0, 0.0, engine.patience], KILLS)
            for after, span in zip(moments, spans, strict=True):
                while len(resolved) < after:
                    more.clear()
                    await more.wait()
                await asyncio.to_thread(engine.kill)
                await asyncio.sleep(span + draw.uniform(0.0, 0.5))
                await asyncio.to_thread(engine.start)

        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            group.create_task(kill_it_in_the_middle())
            for replica in replicas:
                group.create_task(listen(replica))
        urls = {task.id: (task.output or {})["urls"] for task in service.tasks}
        right = [id for id, service_id, url in resolved if urls[service_id] == [url]]
        assert sorted(right) == sorted(ids)
        assert len(resolved) == len(service.tasks) == WAITS
        refused = sum(not attempt.accepted for attempt in service.callbacks)
        tell(f"{len(right)} right, {len(resolved) - len(right)} wrong; {refused} callbacks refused meanwhile")
