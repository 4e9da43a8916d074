"""The contract of ``scan``, ``prune`` and ``note``, and of a store that is opened again."""

from __future__ import annotations

import pytest

from aivideo_async.core.models import moment
from aivideo_async.store_contract.engine import (
    ContractPart,
    Engine,
    consuming,
    in_a_loop_of_its_own,
    record_in,
    scanned,
    taken,
)
from aivideo_async.store_contract.records import ELSEWHERE, ORIGIN, accepted, completion, intent, refusal
from aivideo_async.stores.base import Query, Store


@in_a_loop_of_its_own
class Finding(ContractPart):
    """What is found, and what is forgotten."""

    # Scanning

    async def test_a_scan_gives_the_newest_first_and_no_more_than_asked(self, engine: Engine, store: Store) -> None:
        for number in range(5):
            await store.put(intent(f"av_{number}", engine.now() + number))
        assert await scanned(store, Query()) == ["av_4", "av_3", "av_2", "av_1", "av_0"]
        assert await scanned(store, Query(limit=2)) == ["av_4", "av_3"]
        assert await scanned(store, Query(limit=0)) == []

    async def test_a_scan_gives_what_meets_every_condition(self, engine: Engine, store: Store) -> None:
        now = engine.now()
        for number, labels in enumerate(({"user": "7", "a": "b"}, {"user": "8"}, {"user": "7"}, {})):
            await store.put(intent(f"av_{number}", now + number, labels=labels))
        await store.put(accepted("av_else", "svc-else", origin=ELSEWHERE))
        await store.put(completion("av_2", "svc-2", now))
        await store.put(refusal("av_3", now))
        assert await scanned(store, Query(labels={"user": "7"})) == ["av_2", "av_0"]
        assert await scanned(store, Query(labels={"user": "7", "a": "b"})) == ["av_0"]
        assert await scanned(store, Query(unfinished=True, origin=ORIGIN)) == ["av_1", "av_0"]
        assert await scanned(store, Query(unfinished=True, labels={"user": "7"}, limit=1)) == ["av_0"]
        assert await scanned(store, Query(origin=ELSEWHERE)) == ["av_else"]

    # Forgetting and noting

    async def test_what_ended_before_is_forgotten_and_nothing_else(self, engine: Engine, store: Store) -> None:
        await store.put(intent("av_old", engine.now(), key="order-1"))
        await store.put(completion("av_old", "svc-old", engine.now()))
        await store.put(accepted("av_running", "svc-running"))
        await engine.advance(10)
        between = moment(engine.now() - 5)
        await store.put(completion("av_new", "svc-new", engine.now()))
        assert await store.prune(between) == 1
        assert set(await scanned(store, Query())) == {"av_running", "av_new"}
        assert await store.get(("av_old", "svc-old", "order-1")) == {}
        assert await store.prune(between) == 0
        assert (await store.put(intent("av_again", engine.now(), key="order-1"))).record.id == "av_again"

    async def test_what_was_kept_is_there_when_it_is_opened_again(self, engine: Engine) -> None:
        async with engine.connect() as before:
            if not before.durable:
                pytest.skip("records end with the process")
            kept = (await before.put(intent("av_1", engine.now(), key="order-42"))).record
            await before.put(accepted("av_2", "svc-2", next_check=engine.now()))
            for id in ("av_3", "av_4"):
                await before.put(completion(id, f"svc-{id}", engine.now()))
            async with consuming(before, "mail") as events:
                assert await taken(events, 1, patience=self.patience) == ["av_3"]
            await before.note("callback-key", "a")
        async with engine.connect() as after, consuming(after, "mail") as events:
            assert await record_in(after, "order-42") == kept
            assert await scanned(after, Query(unfinished=True)) == ["av_2", "av_1"]
            assert [record.id for record in await after.claim(ORIGIN, 10, self.lease)] == ["av_2"]
            assert await taken(events, 1, patience=self.patience) == ["av_4"]
            assert await after.note("callback-key") == "a"

    async def test_a_note_is_kept_until_the_next(self, engine: Engine, store: Store) -> None:
        assert await store.note("callback-key") is None
        assert await store.note("callback-key", "a") == "a"
        assert await store.note("callback-key", "b") == "b"
        assert await store.note("callback-key") == "b"
        assert await store.note("another") is None

    async def test_a_note_may_be_a_picture_and_is_forgotten_when_it_is_made_empty(
        self, engine: Engine, store: Store
    ) -> None:
        picture = "0123456789abcdef" * 2**17
        assert await store.note("picture/1", picture) == picture
        assert await store.note("picture/1") == picture
        assert await store.note("picture/1", "") == ""
        assert await store.note("picture/1") is None
