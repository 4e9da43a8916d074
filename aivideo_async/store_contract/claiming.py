"""The contract of ``claim`` and ``due``: one asker over all replicas, and nobody's work is lost with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from aivideo_async.core.models import TaskRecord
from aivideo_async.store_contract.engine import ContractPart, Engine, in_a_loop_of_its_own, record_in
from aivideo_async.store_contract.records import ELSEWHERE, ORIGIN, accepted, completion, expiry, failure, hint, refusal
from aivideo_async.stores.base import Store


@in_a_loop_of_its_own
class Claiming(ContractPart):
    """Who is given what is due."""

    async def claimed(self, store: Store, *, limit: int = 10, origin: str = ORIGIN) -> list[str]:
        return [record.id for record in await store.claim(origin, limit, self.lease)]

    async def test_only_what_is_due_is_claimed_the_longest_overdue_first(self, engine: Engine, store: Store) -> None:
        now = engine.now()
        for id, wait in (("av_a", -1), ("av_b", -3), ("av_c", 1_000), ("av_d", -2)):
            await store.put(accepted(id, f"svc-{id}", next_check=now + wait))
        await store.put(accepted("av_never", "svc-never"))
        assert await self.claimed(store, limit=2) == ["av_b", "av_d"]
        assert await self.claimed(store) == ["av_a"]

    async def test_only_its_own_origin_is_claimed(self, engine: Engine, store: Store) -> None:
        await store.put(accepted("av_1", "svc-1", next_check=engine.now(), origin=ELSEWHERE))
        assert await self.claimed(store) == []
        assert await self.claimed(store, origin=ELSEWHERE) == ["av_1"]

    async def test_a_claim_lasts_for_its_lease_and_then_it_is_claimed_again(self, engine: Engine, store: Store) -> None:
        await store.put(accepted("av_1", "svc-1", next_check=engine.now()))
        assert await self.claimed(store) == ["av_1"]
        assert await self.claimed(store) == []
        await engine.advance(self.lease * 1.1)
        assert await self.claimed(store) == ["av_1"]

    async def test_four_claimers_at_once_share_without_overlap(self, engine: Engine, store: Store) -> None:
        ids = {f"av_{number}" for number in range(40)}
        for id in ids:
            await store.put(accepted(id, f"svc-{id}", next_check=engine.now()))

        async def claim_some() -> list[str]:
            got: list[str] = []
            async with engine.connect() as replica:
                while len(got) <= len(ids) and (more := await self.claimed(replica, limit=3)):
                    got += more
                    await asyncio.sleep(0)
            return got

        shares = await asyncio.gather(*(claim_some() for _ in range(4)))
        claimed = [id for share in shares for id in share]
        assert len(claimed) == len(ids)
        assert set(claimed) == ids

    async def test_four_replicas_take_over_what_a_dead_one_had_claimed(self, engine: Engine, store: Store) -> None:
        ids = {f"av_{number}" for number in range(20)}
        for id in ids:
            await store.put(accepted(id, f"svc-{id}", next_check=engine.now()))
        async with engine.connect() as dying:
            assert set(await self.claimed(dying, limit=20)) == ids

        async def claim_all() -> list[str]:
            async with engine.connect() as replica:
                return await self.claimed(replica, limit=20)

        assert await asyncio.gather(*(claim_all() for _ in range(4))) == [[]] * 4
        await engine.advance(self.lease * 1.1)
        shares = await asyncio.gather(*(claim_all() for _ in range(4)))
        claimed = [id for share in shares for id in share]
        assert len(claimed) == len(ids)
        assert set(claimed) == ids

    async def test_what_has_ended_is_not_claimed(self, engine: Engine, store: Store) -> None:
        for id, ending in (("av_1", completion), ("av_2", failure)):
            await store.put(accepted(id, f"svc-{id}", next_check=engine.now()))
            await store.put(ending(id, f"svc-{id}", engine.now()))
        await store.put(accepted("av_3", "svc-3", next_check=engine.now()))
        await store.put(expiry("av_3", engine.now()))
        assert await self.claimed(store) == []

    @pytest.mark.parametrize("ending", [expiry, refusal])
    async def test_what_we_ended_is_claimed_after_a_hint(
        self, engine: Engine, store: Store, ending: Callable[[str, float], TaskRecord]
    ) -> None:
        await store.put(accepted("av_1", "svc-1", next_check=engine.now()))
        assert await self.claimed(store) == ["av_1"]
        await store.put(ending("av_1", engine.now()))
        await engine.advance(self.lease * 1.1)
        assert await self.claimed(store) == []
        await store.put(hint("av_1", engine.now()))
        assert await self.claimed(store) == ["av_1"]

    async def test_a_refusal_of_what_was_hinted_at_before_is_claimed(self, engine: Engine, store: Store) -> None:
        await store.put(hint("av_1", engine.now(), "svc-1"))
        await engine.advance(1)
        await store.put(expiry("av_1", engine.now()))
        assert await self.claimed(store) == []
        await store.put(refusal("av_1", engine.now()))
        assert await self.claimed(store) == ["av_1"]

    async def test_a_hint_makes_a_task_due_at_once(self, engine: Engine, store: Store) -> None:
        await store.put(accepted("av_1", "svc-1", next_check=engine.now() + 1_000))
        assert await self.claimed(store) == []
        await store.put(hint("av_1", engine.now(), "svc-1"))
        assert await self.claimed(store) == ["av_1"]

    async def test_due_moves_the_next_check_either_way(self, engine: Engine, store: Store) -> None:
        await store.put(accepted("av_1", "svc-1", next_check=engine.now()))
        await store.due("av_1", self.lease)
        assert await self.claimed(store) == []
        await engine.advance(self.lease * 1.1)
        assert await self.claimed(store) == ["av_1"]
        await store.due("av_1", 0.0)
        assert await self.claimed(store) == ["av_1"]

    async def test_due_for_what_is_unknown_or_ended_does_nothing(self, engine: Engine, store: Store) -> None:
        ended = (await store.put(completion("av_1", "svc-1", engine.now()))).record
        await store.due("av_1", 0.0)
        await store.due("av_unknown", 0.0)
        assert await self.claimed(store) == []
        assert await record_in(store, "av_1") == ended
