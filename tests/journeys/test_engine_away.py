"""The engine goes away in the middle of waits and of creates, and comes back; each comes to its own end."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import AsyncExitStack
from random import Random

import pytest

from aivideo_async import Client
from aivideo_async.sandbox import Delay
from tests.engines.launching import free_port
from tests.journeys.conftest import Tell
from tests.journeys.engines import Engine
from tests.journeys.nursery import Nursery, Process
from tests.journeys.relay import relaying
from tests.journeys.roles import CLIP, insist, replicate
from tests.journeys.world import CALLBACK_KEY, PATIENCE, HeldClock, Receiving, accounted, created, environment, sandbox

pytestmark = [pytest.mark.crash, pytest.mark.timeout(180)]

WAITS, REPLICAS, KEYS, KILLS = 400, 3, 200, 3
SPEED = 100.0
"""A task takes 2 to 3.2 s, a callback is tried again after 1.8 s and 6 s, a lost one is looked for after 5.4 s."""
LONGER = 4.0


class Heard:
    """What several processes said, by the first word of a line, and a way to wait for so many of one kind."""

    def __init__(self) -> None:
        self.lines: defaultdict[str, list[list[str]]] = defaultdict(list)
        self._more = asyncio.Event()

    async def listen(self, process: Process) -> None:
        """Until it is done."""
        while (words := await process.line())[:1] != ["done"]:
            assert words, "a process has ended by itself"
            self.lines[words[0]].append(words[1:])
            self._more.set()

    async def reach(self, word: str, count: int) -> None:
        """Return when so many lines began with the word."""
        while len(self.lines[word]) < count:
            self._more.clear()
            await self._more.wait()


async def kill_three_times(engine: Engine, draw: Random, heard: Heard, word: str, among: range) -> None:
    """After three drawn numbers of lines; once for longer than a store waits by itself."""
    spans = draw.sample([0.0, 0.0, engine.patience], KILLS)
    for count, span in zip(sorted(draw.sample(among, KILLS)), spans, strict=True):
        await heard.reach(word, count)
        await asyncio.to_thread(engine.kill)
        await asyncio.sleep(span + draw.uniform(0.0, 0.5))
        await asyncio.to_thread(engine.start)


async def test_400_waits_over_three_replicas_outlive_three_kills_of_the_engine(
    engine: Engine, nursery: Nursery, draw: Random, tell: Tell
) -> None:
    ports, clock, heard = [free_port() for _ in range(REPLICAS)], HeldClock(), Heard()
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(sandbox(signed=True, speed=SPEED, clock=clock))
        relay = await stack.enter_async_context(relaying(ports, draw))
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
        settings = environment(service, relay.url)
        replicas = [
            await stack.enter_async_context(
                nursery.process(replicate, settings, engine.url, port, ids=ids[number::REPLICAS])
            )
            for number, port in enumerate(ports)
        ]
        for replica in replicas:
            await replica.until("open")
        clock.let_go()
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            group.create_task(kill_three_times(engine, draw, heard, "resolved", range(20, WAITS - 60)))
            for replica in replicas:
                group.create_task(heard.listen(replica))
        urls = {task.id: (task.output or {})["urls"] for task in service.tasks}
        resolved = heard.lines["resolved"]
        right = [id for id, service_id, url in resolved if urls[service_id] == [url]]
        assert sorted(right) == sorted(ids)
        assert len(resolved) == len(service.tasks) == WAITS
        refused = sum(not attempt.accepted for attempt in service.callbacks)
        tell(f"{len(right)} right, {len(resolved) - len(right)} wrong; {refused} callbacks refused meanwhile")


async def test_200_creates_outlive_three_kills_of_the_engine_and_each_key_is_paid_for_once(
    engine: Engine, nursery: Nursery, draw: Random, tell: Tell
) -> None:
    keys, heard = [f"order-{number}" for number in range(KEYS)], Heard()
    async with sandbox(signed=True, speed=SPEED) as service:
        receiver = Receiving(nursery, engine.url, service)
        settings = environment(service, receiver.url)
        async with (
            receiver.running(),
            nursery.process(insist, settings, engine.url, keys) as worker,
            asyncio.timeout(PATIENCE),
            asyncio.TaskGroup() as group,
        ):
            group.create_task(kill_three_times(engine, draw, heard, "accepted", range(5, KEYS - 40)))
            group.create_task(heard.listen(worker))
        holders = {id: key for key, id in heard.lines["accepted"]}
        assert {id: service_id for id, service_id, _ in heard.lines["resolved"]} == created(service)
        assert sorted(holders[id] for id in created(service)) == sorted(keys)
        _, kinds = await accounted(engine.url, service)
        tell(f"{dict(kinds)}, {len(heard.lines['away'])} times told that the store is away")
