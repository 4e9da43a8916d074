"""The contract of ``put`` and ``get``: atomic merges, keys, and the service's ids."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from aivideo_async.core.models import HistoryEntry, TaskRecord, TaskStatus, moment
from aivideo_async.store_contract.engine import ContractPart, Engine, in_a_loop_of_its_own, record_in, scanned
from aivideo_async.store_contract.records import (
    ORIGIN,
    accepted,
    completion,
    everything,
    expiry,
    failure,
    hint,
    intent,
    refusal,
)
from aivideo_async.stores.base import Put, Query, Store


@in_a_loop_of_its_own
class Keeping(ContractPart):
    """What becomes of what is put."""

    # put and get

    async def test_what_was_put_is_what_one_gets(self, engine: Engine, store: Store) -> None:
        record = everything("av_1", engine.now())
        assert await store.put(record) == Put(record, changed=True, won=True)
        assert await record_in(store, "av_1") == record

    async def test_a_record_is_found_by_either_id_and_by_its_key(self, engine: Engine, store: Store) -> None:
        await store.put(intent("av_1", engine.now(), key="order-42"))
        await store.put(accepted("av_1", "svc-1"))
        found = await store.get(("av_1", "svc-1", "order-42", "av_unknown"))
        assert {name: record.id for name, record in found.items()} == dict.fromkeys(
            ("av_1", "svc-1", "order-42"), "av_1"
        )

    async def test_a_put_merges_and_never_overwrites(self, engine: Engine, store: Store) -> None:
        first = intent("av_1", engine.now(), labels={"user": "7"})
        await store.put(first)
        put = await store.put(accepted("av_1", "svc-1"))
        assert put == Put(replace(first, status=TaskStatus.PENDING, service_id="svc-1"), changed=True, won=False)
        assert await record_in(store, "av_1") == put.record

    async def test_a_put_that_brings_nothing_says_so(self, engine: Engine, store: Store) -> None:
        first = await store.put(accepted("av_1", "svc-1"))
        assert await store.put(accepted("av_1", "svc-1")) == Put(first.record, changed=False, won=False)

    async def test_puts_at_once_lose_nothing(self, engine: Engine, store: Store) -> None:
        notes = [HistoryEntry(moment(engine.now() + n), "note", str(n)) for n in range(20)]

        async def note(entry: HistoryEntry) -> Put:
            async with engine.connect() as other:
                return await other.put(TaskRecord(id="av_1", origin=ORIGIN, history=(entry,)))

        await asyncio.gather(*(note(entry) for entry in notes))
        assert list((await record_in(store, "av_1")).history) == notes

    async def test_a_callback_before_the_creates_answer_stays(self, engine: Engine, store: Store) -> None:
        await store.put(intent("av_1", engine.now()))
        assert (await store.put(completion("av_1", "svc-1", engine.now()))).won
        late = await store.put(accepted("av_1", "svc-1", next_check=engine.now()))
        assert not late.changed
        assert late.record.status is TaskStatus.COMPLETED

    async def test_a_callback_before_its_record_makes_one(self, engine: Engine, store: Store) -> None:
        await store.put(completion("av_1", "svc-1", engine.now()))
        put = await store.put(intent("av_1", engine.now(), key="order-42"))
        assert (put.record.status, put.record.key, put.won) == (TaskStatus.COMPLETED, "order-42", False)
        assert (await record_in(store, "order-42")).id == "av_1"

    async def test_the_same_ending_again_is_nothing_new(self, engine: Engine, store: Store) -> None:
        await store.put(completion("av_1", "svc-1", engine.now()))
        again = await store.put(completion("av_1", "svc-1", engine.now()))
        assert (again.changed, again.won) == (False, False)

    @pytest.mark.parametrize(("first", "second"), [(completion, failure), (failure, completion)])
    async def test_of_two_endings_the_first_stands_and_wins_once(
        self, engine: Engine, store: Store, first: Callable[..., TaskRecord], second: Callable[..., TaskRecord]
    ) -> None:
        stands = await store.put(first("av_1", "svc-1", engine.now()))
        other = await store.put(second("av_1", "svc-1", engine.now()))
        assert (stands.won, other.won) == (True, False)
        ended = (other.record.status, other.record.output, other.record.failure)
        assert ended == (stands.record.status, stands.record.output, stands.record.failure)

    async def test_of_replicas_that_finish_at_once_one_wins(self, engine: Engine, store: Store) -> None:
        await store.put(accepted("av_1", "svc-1"))

        async def finish(number: int) -> Put:
            ending = (completion, failure)[number % 2]
            async with engine.connect() as replica:
                return await replica.put(ending("av_1", "svc-1", engine.now()))

        puts = await asyncio.gather(*(finish(number) for number in range(8)))
        (won,) = (put for put in puts if put.won)
        assert {put.record.status for put in puts} == {won.record.status}

    async def test_a_late_answer_outranks_an_ending_of_ours(self, engine: Engine, store: Store) -> None:
        assert (await store.put(expiry("av_1", engine.now()))).won
        late = await store.put(completion("av_1", "svc-1", engine.now()))
        assert (late.won, late.record.status) == (True, TaskStatus.COMPLETED)

    async def test_a_later_get_brings_fresh_urls_and_no_new_ending(self, engine: Engine, store: Store) -> None:
        before = (await store.put(completion("av_1", "svc-1", engine.now()))).record
        put = await store.put(completion("av_1", "svc-1", engine.now() + 60, asked=True))
        assert (put.changed, put.won) == (True, False)
        assert before.output is not None
        assert put.record.output is not None
        assert put.record.output.urls != before.output.urls
        assert replace(put.record, output=None) == replace(before, output=None)

    async def test_a_report_that_names_another_id_brings_nothing(self, engine: Engine, store: Store) -> None:
        known = (await store.put(accepted("av_1", "svc-1"))).record
        assert await store.put(completion("av_1", "svc-2", engine.now())) == Put(known, changed=False, won=False)
        assert await store.get(("svc-2",)) == {}

    # Keys and the service's ids

    async def test_a_key_belongs_to_the_first_that_brings_it(self, engine: Engine, store: Store) -> None:
        first = (await store.put(intent("av_1", engine.now(), key="order-42"))).record
        assert await store.put(intent("av_2", engine.now(), key="order-42")) == Put(first, changed=False, won=False)
        assert await store.get(("av_2",)) == {}

    async def test_of_four_that_bring_a_key_at_once_one_holds_it(self, engine: Engine, store: Store) -> None:
        async def submit(id: str) -> str:
            async with engine.connect() as other:
                return (await other.put(intent(id, engine.now(), key="order-42"))).record.id

        holders = await asyncio.gather(*(submit(f"av_{number}") for number in range(4)))
        assert len(set(holders)) == 1
        assert await scanned(store, Query()) == holders[:1]

    async def test_a_refusal_that_cost_nothing_frees_the_key(self, engine: Engine, store: Store) -> None:
        await store.put(intent("av_1", engine.now(), key="order-42"))
        await store.put(refusal("av_1", engine.now()))
        assert (await store.put(intent("av_2", engine.now(), key="order-42"))).record.id == "av_2"
        assert (await record_in(store, "order-42")).id == "av_2"

    async def test_a_refusal_that_may_have_cost_something_does_not(self, engine: Engine, store: Store) -> None:
        await store.put(intent("av_1", engine.now(), key="order-42"))
        await store.put(refusal("av_1", engine.now(), charged=True))
        assert (await store.put(intent("av_2", engine.now(), key="order-42"))).record.id == "av_1"

    async def test_a_key_that_went_on_is_not_taken_back(self, engine: Engine, store: Store) -> None:
        for record in (
            intent("av_1", engine.now(), key="order-42"),
            refusal("av_1", engine.now()),
            intent("av_2", engine.now(), key="order-42"),
            hint("av_1", engine.now()),
        ):
            await store.put(record)
        assert (await record_in(store, "order-42")).id == "av_2"
        assert (await store.put(intent("av_3", engine.now(), key="order-42"))).record.id == "av_2"

    async def test_an_id_that_another_task_holds_is_refused(self, engine: Engine, store: Store) -> None:
        holder = (await store.put(accepted("av_1", "svc-1"))).record
        before = (await store.put(intent("av_2", engine.now()))).record
        assert await store.put(completion("av_2", "svc-1", engine.now())) == Put(holder, changed=False, won=False)
        assert await record_in(store, "av_2") == before
