"""A batch over the sandbox: among faults to the credit, and killed in the middle without paying for anything twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from aivideo_async import Batch, Budget, Client
from aivideo_async.catalog import Sora2
from aivideo_async.sandbox import DuplicateCallback, Fail, LoseCallback, RateLimit, Scenario
from aivideo_async.stores import Query, open_store
from tests.engines.launching import free_port
from tests.journeys.conftest import Tell
from tests.journeys.nursery import Nursery, Process
from tests.journeys.roles import many
from tests.journeys.world import PATIENCE, created, environment, kind_of, sandbox

pytestmark = [pytest.mark.crash, pytest.mark.timeout(180)]

COUNT = 100
SPEED = 300.0
FUNDS = 10_000_000
AHEAD = 200.0
"""Longer than a create may take and half a minute, shorter than what a signature's time may be off."""

Endings = dict[int, tuple[str, ...]]


def faults(draw: Random, *kinds: Scenario) -> list[Scenario | tuple[Scenario, ...]]:
    """Ten of each kind among a hundred, in any order."""
    chosen: list[Scenario | tuple[Scenario, ...]] = [kind for kind in kinds for _ in range(10)]
    chosen += [()] * (COUNT - len(chosen))
    draw.shuffle(chosen)
    return chosen


async def test_a_hundred_requests_among_faults_end_and_the_ledger_is_the_report(
    tmp_path: Path, draw: Random, tell: Tell
) -> None:
    requests = [Sora2(prompt=f"clip {number}", duration=4) for number in range(COUNT)]
    async with sandbox(signed=True, speed=SPEED) as service:
        service.enqueue(*faults(draw, Fail(), LoseCallback(), DuplicateCallback(), RateLimit()))
        client = Client(
            service.api_key,
            base_url=service.base_url,
            webhook_secret=service.webhook_secret,
            store=f"sqlite:///{tmp_path}/batch.db",
            time_scale=SPEED,
        )
        budget = Budget(credits=100 * COUNT)
        async with (
            asyncio.timeout(PATIENCE),
            client,
            client.receiver.serve(),
            Batch(client, requests, concurrency=20, budget=budget, name="clips") as batch,
        ):
            items = [item async for item in batch]
            progress = batch.progress
    assert Counter(item.ending for item in items) == {"completed": 90, "failed": 10}
    assert sorted(item.index for item in items) == list(range(COUNT))
    consumed = FUNDS - service.balance
    assert consumed == sum(item.credits for item in items) == progress.spent == budget.spending().spent == 9000
    assert (int(budget.left), int(budget.spending().reserved), int(progress.uncertain)) == (1000, 0, 0)
    assert len(created(service)) == COUNT
    assert service.count("create") == COUNT + 10
    tell(f"{service.count('create')} creates, {service.count('get_task')} questions, {consumed:f} credits")


async def test_a_batch_that_is_killed_goes_on_and_repeats_no_create(
    nursery: Nursery, tmp_path: Path, draw: Random, tell: Tell
) -> None:
    store, port = f"sqlite:///{tmp_path}/batch.db", free_port()
    async with sandbox(signed=True, speed=SPEED) as service:
        service.enqueue(*faults(draw, LoseCallback(), DuplicateCallback(), RateLimit()))
        settings = environment(service, f"http://127.0.0.1:{port}/webhooks/aivideo")
        for _ in range(3):
            async with nursery.process(many, settings, store=store, port=port, count=COUNT, name="clips") as process:
                await killed_in_the_middle(process, draw)
        async with nursery.process(many, settings, store=store, port=port, count=COUNT, name="clips") as process:
            await all_but_the_doubtful(process, store)
        ended, spent, uncertain = await resumed(nursery, settings, store, port, resubmit=False)
        doubtful = {index for index, (ending, _) in ended.items() if ending == "in_doubt"}
        uninterrupted = dict.fromkeys(range(COUNT), ("completed", "100"))
        assert ended == {**uninterrupted, **dict.fromkeys(doubtful, ("in_doubt", "0"))}
        assert (spent, uncertain) == (100 * (COUNT - len(doubtful)), 100 * len(doubtful))
        assert await keys_of(store) == COUNT
        charged = len(created(service))
        assert COUNT - len(doubtful) <= charged <= COUNT
        assert spent <= FUNDS - service.balance == 100 * charged <= spent + uncertain
        tell(f"{len(doubtful)} in doubt, {service.count('create')} creates")

        again, spent, uncertain = await resumed(nursery, settings, store, port, resubmit=True)
        assert again == uninterrupted
        assert (spent, uncertain) == (100 * COUNT, 0)
        assert await keys_of(store) == COUNT + len(doubtful)
        assert len(created(service)) == charged + len(doubtful)


async def killed_in_the_middle(process: Process, draw: Random) -> None:
    """Kill it after some items and a moment."""
    for _ in range(draw.randrange(5, 25)):
        await process.until("ended")
    await asyncio.sleep(draw.uniform(0.0, 0.02))
    await process.kill()


async def all_but_the_doubtful(process: Process, store: str) -> None:
    """Until everything has ended but for what will read as in doubt when every create has had its time."""
    async with asyncio.timeout(PATIENCE), open_store(store) as opened:
        while True:
            kinds = Counter([kind_of(record) async for record in opened.scan(Query())])
            if kinds.total() == COUNT and not kinds.keys() & {"never sent", "pending", "processing"}:
                return
            assert await process.line(), "it has ended by itself"


async def resumed(
    nursery: Nursery, settings: dict[str, str], store: str, port: int, *, resubmit: bool
) -> tuple[Endings, int, int]:
    """Every item by its index, and what the budget says was spent and is uncertain."""
    ended: Endings = {}
    async with (
        asyncio.timeout(PATIENCE),
        nursery.process(
            many, settings, store=store, port=port, count=COUNT, name="clips", ahead=AHEAD, resubmit=resubmit
        ) as process,
    ):
        while True:
            match await process.line():
                case ["ended", index, *rest]:
                    assert int(index) not in ended
                    ended[int(index)] = tuple(rest)
                case ["done", spent, uncertain]:
                    return ended, int(spent), int(uncertain)
                case words:
                    assert words, "it has ended by itself"


async def keys_of(store: str) -> int:
    """How many keys there are; each belongs to one task that was sent."""
    async with open_store(store) as opened:
        keys = [record.key async for record in opened.scan(Query()) if record.sent_at is not None]
    assert len(set(keys)) == len(keys)
    return len(keys)
