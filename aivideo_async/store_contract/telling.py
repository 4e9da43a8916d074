"""The contract of ``changes`` and ``events``: hints for whoever waits, endings for groups of consumers."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from aivideo_async.core.errors import EventsLostError
from aivideo_async.core.lifecycle import ENDED
from aivideo_async.core.models import moment
from aivideo_async.store_contract.engine import ContractPart, Engine, consuming, in_a_loop_of_its_own, taken
from aivideo_async.store_contract.records import accepted, completion, everything, failure, hint, refusal
from aivideo_async.stores.base import Store


@in_a_loop_of_its_own
class Telling(ContractPart):
    """Who is told of what."""

    # Changes

    async def test_a_change_is_hinted_at_everybody_who_subscribed(self, engine: Engine, store: Store) -> None:
        async with engine.connect() as other, store.changes() as here, other.changes() as there:
            await store.put(accepted("av_1", "svc-1"))
            async with asyncio.timeout(self.patience):
                assert "av_1" in await anext(here)
                assert "av_1" in await anext(there)

    async def test_a_change_in_another_loop_is_hinted_at(self, engine: Engine, store: Store) -> None:
        async def put_elsewhere() -> None:
            async with engine.connect() as other:
                await other.put(accepted("av_1", "svc-1"))

        async with store.changes() as changes, asyncio.timeout(self.patience):
            await asyncio.to_thread(lambda: asyncio.run(put_elsewhere()))
            assert "av_1" in await anext(changes)

    async def test_who_subscribes_reads_and_then_waits_misses_nothing(self, engine: Engine, store: Store) -> None:
        async def idle(random: Random) -> None:
            for _ in range(random.randrange(6)):
                await asyncio.sleep(0)

        async def await_ending(id: str, random: Random) -> None:
            async with store.changes() as changes:
                await idle(random)
                while (await store.get((id,))).get(id, accepted(id, "svc")).status not in ENDED:
                    await idle(random)
                    await anext(changes)

        async def write(id: str, random: Random) -> None:
            for record in (
                accepted(id, f"svc-{id}"),
                hint(id, engine.now()),
                completion(id, f"svc-{id}", engine.now()),
            ):
                await idle(random)
                await store.put(record)

        async with asyncio.timeout(self.patience):
            for seed in range(60):
                random = Random(seed)
                await asyncio.gather(await_ending(f"av_{seed}", random), write(f"av_{seed}", random))

    # Events

    async def test_every_ending_is_an_event_and_nothing_else_is(self, engine: Engine, store: Store) -> None:
        now = engine.now()
        async with consuming(store, "mail") as events:
            await store.put(accepted("av_1", "svc-1"))
            for record in (completion("av_1", "svc-1", now), failure("av_1", "svc-1", now)):
                await store.put(record)
            await store.put(completion("av_1", "svc-1", now + 60, asked=True))
            await store.put(failure("av_2", "svc-2", now))
            await store.put(refusal("av_3", now))
            assert await taken(events, 3, patience=self.patience) == ["av_1", "av_2", "av_3"]

    async def test_an_event_carries_the_record_as_it_ended(self, engine: Engine, store: Store) -> None:
        record = everything("av_1", engine.now())
        await store.put(record)
        async with consuming(store, "mail") as events, asyncio.timeout(self.patience):
            assert (await anext(events)).record == record

    async def test_who_waits_is_given_the_next_ending(self, engine: Engine, store: Store) -> None:
        async with consuming(store, "mail") as events:
            waiting = asyncio.ensure_future(taken(events, 2, patience=self.patience))
            for number in range(2):
                await asyncio.sleep(0)
                await store.put(completion(f"av_{number}", f"svc-{number}", engine.now()))
            assert await waiting == ["av_0", "av_1"]

    async def test_each_of_two_groups_is_given_everything(self, engine: Engine, store: Store) -> None:
        for number in range(3):
            await store.put(completion(f"av_{number}", f"svc-{number}", engine.now()))
        for group in ("mail", "bill"):
            async with consuming(store, group) as events:
                assert await taken(events, 3, patience=self.patience) == ["av_0", "av_1", "av_2"]

    async def test_an_event_is_given_to_one_consumer_of_a_group(self, engine: Engine, store: Store) -> None:
        ids = [f"av_{number}" for number in range(6)]
        async with engine.connect() as other, consuming(store, "mail") as one, consuming(other, "mail") as two:
            for id in ids:
                await store.put(completion(id, f"svc-{id}", engine.now()))
            shares = [await taken(events, 1, patience=self.patience) for events in (one, two) * 3]
        assert sorted(id for share in shares for id in share) == ids

    async def test_what_is_not_acknowledged_is_given_again_after_its_lease(self, engine: Engine, store: Store) -> None:
        for id in ("av_1", "av_2"):
            await store.put(completion(id, f"svc-{id}", engine.now()))
        async with consuming(store, "mail") as events:
            assert await taken(events, 1, ack=False, patience=self.patience) == ["av_1"]
            assert await taken(events, 1, patience=self.patience) == ["av_2"]
        await store.put(completion("av_3", "svc-3", engine.now()))
        async with consuming(store, "mail") as events:
            assert await taken(events, 1, patience=self.patience) == ["av_3"]
        await engine.advance(self.event_lease * 1.1)
        await store.put(completion("av_4", "svc-4", engine.now()))
        async with consuming(store, "mail") as events:
            assert sorted(await taken(events, 2, patience=self.patience)) == ["av_1", "av_4"]

    async def test_a_group_that_missed_endings_is_told_once(self, engine: Engine, store: Store) -> None:
        for id in ("av_1", "av_2"):
            await store.put(completion(id, f"svc-{id}", engine.now()))
        async with consuming(store, "mail") as events:
            assert await taken(events, 1, ack=False, patience=self.patience) == ["av_1"]
        await engine.advance(10)
        await store.put(completion("av_3", "svc-3", engine.now()))
        await store.prune(moment(engine.now() - 5))
        async with consuming(store, "mail") as events, asyncio.timeout(self.patience):
            with pytest.raises(EventsLostError):
                await anext(events)
        async with consuming(store, "mail") as events, consuming(store, "new") as new:
            assert await taken(events, 1, patience=self.patience) == ["av_3"]
            assert await taken(new, 1, patience=self.patience) == ["av_3"]
