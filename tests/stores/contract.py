"""What every store must do, written once (stores.md §1, flow.md §10).

A store's own test module subclasses ``StoreContract`` and gives it a fixture ``engine``::

    class TestMyStore(StoreContract):
        @pytest.fixture
        def engine(self) -> Engine: ...

Every test gets a fresh, empty engine. ``lease`` and ``event_lease`` (seconds) are for engines whose clock cannot be
set: with short ones ``advance`` may simply wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from random import Random
from typing import ClassVar, Protocol

import pytest

from aivideo_async.core.lifecycle import ENDED
from aivideo_async.core.models import HistoryEntry, TaskRecord, TaskStatus, moment
from aivideo_async.core.signing import HmacKey, StandardWebhooks, sign
from aivideo_async.core.tokens import CallbackKeys
from aivideo_async.receiver import WebhookReceiver
from aivideo_async.stores.base import Delivery, Put, Query, Store
from aivideo_async.supervise import Supervisor
from aivideo_async.waiters import Waiters
from tests.stores.doubles import UnreliableStore
from tests.stores.made import (
    ELSEWHERE,
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

PATIENCE = 10.0


class Engine(Protocol):
    """Where the records of one test are kept."""

    def connect(self) -> AbstractAsyncContextManager[Store]:
        """A store on these records, open while the block runs; several may be open at once, in several loops."""
        ...

    def now(self) -> float:
        """The engine's clock, in unix seconds."""
        ...

    async def advance(self, seconds: float) -> None:
        """Let that much time pass on the engine's clock."""
        ...


@asynccontextmanager
async def consuming(store: Store, group: str) -> AsyncGenerator[AsyncIterator[Delivery]]:
    """One consumer of a group."""
    events = store.events(group)
    try:
        yield events
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()


async def taken(events: AsyncIterator[Delivery], count: int, *, ack: bool = True) -> list[str]:
    """The ids of the next ``count`` endings."""
    ids: list[str] = []
    async with asyncio.timeout(PATIENCE):
        for _ in range(count):
            delivery = await anext(events)
            ids.append(delivery.record.id)
            if ack:
                await delivery.ack()
    return ids


async def scanned(store: Store, query: Query) -> list[str]:
    return [record.id async for record in store.scan(query)]


async def record_in(store: Store, name: str) -> TaskRecord:
    return (await store.get((name,)))[name]


class StoreContract:
    """The tests; see the module."""

    lease: ClassVar[float] = 30.0
    event_lease: ClassVar[float] = 30.0

    @pytest.fixture
    async def store(self, engine: Engine) -> AsyncGenerator[Store]:
        async with engine.connect() as store:
            yield store

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

    # Claiming

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
                while more := await self.claimed(replica, limit=3):
                    got += more
                    await asyncio.sleep(0)
            return got

        shares = await asyncio.gather(*(claim_some() for _ in range(4)))
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

    # Changes

    async def test_a_change_is_hinted_at_everybody_who_subscribed(self, engine: Engine, store: Store) -> None:
        async with engine.connect() as other, store.changes() as here, other.changes() as there:
            await store.put(accepted("av_1", "svc-1"))
            async with asyncio.timeout(PATIENCE):
                assert "av_1" in await anext(here)
                assert "av_1" in await anext(there)

    async def test_a_change_in_another_loop_is_hinted_at(self, engine: Engine, store: Store) -> None:
        async def put_elsewhere() -> None:
            async with engine.connect() as other:
                await other.put(accepted("av_1", "svc-1"))

        async with store.changes() as changes, asyncio.timeout(PATIENCE):
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

        async with asyncio.timeout(PATIENCE):
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
            assert await taken(events, 3) == ["av_1", "av_2", "av_3"]

    async def test_an_event_carries_the_record_as_it_ended(self, engine: Engine, store: Store) -> None:
        record = everything("av_1", engine.now())
        await store.put(record)
        async with consuming(store, "mail") as events, asyncio.timeout(PATIENCE):
            assert (await anext(events)).record == record

    async def test_who_waits_is_given_the_next_ending(self, engine: Engine, store: Store) -> None:
        async with consuming(store, "mail") as events:
            waiting = asyncio.ensure_future(taken(events, 2))
            for number in range(2):
                await asyncio.sleep(0)
                await store.put(completion(f"av_{number}", f"svc-{number}", engine.now()))
            assert await waiting == ["av_0", "av_1"]

    async def test_each_of_two_groups_is_given_everything(self, engine: Engine, store: Store) -> None:
        for number in range(3):
            await store.put(completion(f"av_{number}", f"svc-{number}", engine.now()))
        for group in ("mail", "bill"):
            async with consuming(store, group) as events:
                assert await taken(events, 3) == ["av_0", "av_1", "av_2"]

    async def test_an_event_is_given_to_one_consumer_of_a_group(self, engine: Engine, store: Store) -> None:
        ids = [f"av_{number}" for number in range(6)]
        async with engine.connect() as other, consuming(store, "mail") as one, consuming(other, "mail") as two:
            for id in ids:
                await store.put(completion(id, f"svc-{id}", engine.now()))
            shares = [await taken(events, 1) for events in (one, two) * 3]
        assert sorted(id for share in shares for id in share) == ids

    async def test_what_is_not_acknowledged_is_given_again_after_its_lease(self, engine: Engine, store: Store) -> None:
        for id in ("av_1", "av_2"):
            await store.put(completion(id, f"svc-{id}", engine.now()))
        async with consuming(store, "mail") as events:
            assert await taken(events, 1, ack=False) == ["av_1"]
            assert await taken(events, 1) == ["av_2"]
        await store.put(completion("av_3", "svc-3", engine.now()))
        async with consuming(store, "mail") as events:
            assert await taken(events, 1) == ["av_3"]
        await engine.advance(self.event_lease * 1.1)
        await store.put(completion("av_4", "svc-4", engine.now()))
        async with consuming(store, "mail") as events:
            assert sorted(await taken(events, 2)) == ["av_1", "av_4"]

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

    async def test_a_note_is_kept_until_the_next(self, store: Store) -> None:
        assert await store.note("callback-key") is None
        assert await store.note("callback-key", "a") == "a"
        assert await store.note("callback-key", "b") == "b"
        assert await store.note("callback-key") == "b"
        assert await store.note("another") is None

    # A receiver over it

    @pytest.mark.parametrize("signed", [True, False])
    async def test_a_delivery_that_met_a_store_that_was_down_counts_the_next_time(
        self, engine: Engine, store: Store, signed: bool
    ) -> None:
        key, unreliable = HmacKey(b"s" * 32), UnreliableStore(store, "put")
        receiver = WebhookReceiver(
            unreliable,
            callback_key=b"k" * 32,
            webhook_secret=StandardWebhooks(key) if signed else None,
            base_url=ORIGIN,
            clock=engine.now,
        )
        await store.put(accepted("av_1", "svc-1", next_check=engine.now() + 1_000))
        body = b'{"id":"svc-1","status":"completed","output":{"urls":["https://cdn.example.com/1.mp4"]}}'
        headers = sign([key], delivery_id="msg_1", timestamp=int(engine.now()), body=body)
        path = f"/hooks/av_1/{CallbackKeys(b'k' * 32).mint('av_1', now=engine.now())}"
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]

        assert (await receiver.handle("POST", path, pairs, body)).status == 503
        unreliable.down.clear()
        assert (await receiver.handle("POST", path, pairs, body)).status == 200
        if signed:
            await self.assert_resolves(store, "av_1")
        else:
            assert await self.claimed(store) == ["av_1"]

    async def assert_resolves(self, store: Store, id: str) -> None:
        """Whoever awaits the task here is told that it has ended."""
        waiters, supervisor = Waiters(store), Supervisor("test")
        await supervisor.start()
        supervisor.spawn(waiters.listen)
        with waiters.join(id) as waiter:
            await waiters.read((id,))
            async with asyncio.timeout(PATIENCE):
                record = await waiter.ended()
        await supervisor.stop()
        assert record is not None
        assert record.status in ENDED
