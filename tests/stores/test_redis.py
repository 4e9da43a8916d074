from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from aivideo_async.core.errors import ConfigurationError, StoreError
from aivideo_async.core.models import TaskRecord, moment
from aivideo_async.stores.base import Query
from aivideo_async.stores.memory import MemoryStore
from aivideo_async.stores.redis import NAMES_AT_ONCE, RedisStore
from aivideo_async.stores.redis_link import Address
from aivideo_async.stores.redis_lua import FORGET_AT_ONCE
from aivideo_async.stores.redis_records import PAGE
from tests.doubles import ManualClock
from tests.engines.valkey import Valkey
from tests.loopback import refused_port, serving
from tests.stores.contract import PATIENCE, Engine, StoreContract, consuming, record_in, scanned, taken
from tests.stores.lossy import lossy
from tests.stores.made import ORIGIN, accepted, completion, expiry, failure, hint, intent, refusal
from tests.stores.redis_engine import RedisEngine, engine_says, fresh, keys_of
from tests.stores.redis_process import KEYS, output_of

DAY = 86_400.0


class TestRedisStore(StoreContract):
    """Everything that every store does."""

    @pytest.fixture
    def engine(self, redis_url: str) -> Engine:
        return RedisEngine(redis_url)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(address: Address, clock: ManualClock) -> AsyncGenerator[RedisStore]:
    async with RedisStore(address, clock=clock) as store:
        yield store


@pytest.fixture
def own() -> Iterator[Valkey]:
    """An engine that the test may harm. Every write is on the disk before it is acknowledged."""
    with Valkey(appendonly=True) as engine:
        yield engine


# Opening and closing


async def test_it_is_open_while_somebody_uses_it(address: Address) -> None:
    store = RedisStore(address)
    seen = [store.opened]
    async with store:
        async with store as same:
            assert same is store
        seen.append(store.opened)
        await store.put(accepted("av_1", "svc-1"))
    assert [*seen, store.opened, store.durable] == [False, True, False, True]


def test_it_may_be_opened_again_in_another_loop_and_holds_what_it_held(address: Address) -> None:
    store = RedisStore(address)

    async def put(id: str) -> list[str]:
        async with store:
            await store.put(accepted(id, f"svc-{id}"))
            return await scanned(store, Query())

    assert [asyncio.run(put(id)) for id in ("av_1", "av_2")] == [["av_1"], ["av_2", "av_1"]]


async def test_two_loops_may_share_it(store: RedisStore) -> None:
    async def put_elsewhere() -> None:
        async with store:
            await store.put(accepted("av_1", "svc-1"))

    async with store.changes() as changes, asyncio.timeout(PATIENCE):
        await asyncio.to_thread(lambda: asyncio.run(put_elsewhere()))
        assert await anext(changes) == {"av_1"}
    assert store.opened


async def test_a_loop_may_use_what_another_has_opened_and_is_told_when_it_is_closed(address: Address) -> None:
    store, here = RedisStore(address), asyncio.get_running_loop()
    following = asyncio.Event()

    async def use_it() -> None:
        await store.put(accepted("av_1", "svc-1"))
        async with store.changes() as changes:
            here.call_soon_threadsafe(following.set)
            assert await anext(changes) == frozenset()
        with pytest.raises(StoreError, match="not open"):
            await store.put(accepted("av_2", "svc-2"))

    async with store:
        elsewhere = asyncio.ensure_future(asyncio.to_thread(lambda: asyncio.run(use_it())))
        await following.wait()
    await elsewhere
    assert len(store._branches) == 0


async def test_who_leaves_takes_nothing_from_those_who_follow_in_the_same_loop(address: Address) -> None:
    store = RedisStore(address)

    async def follow() -> frozenset[str]:
        async with store.changes() as changes:
            async with store:
                pass
            await store.put(accepted("av_1", "svc-1"))
            return await anext(changes)

    async with store:
        assert await asyncio.to_thread(lambda: asyncio.run(follow())) == {"av_1"}


async def test_whoever_cancels_every_task_of_the_loop_may_still_put(address: Address) -> None:
    async with RedisStore(address) as store, store.changes() as changes:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        assert await anext(changes) == frozenset()
        assert (await store.put(accepted("av_1", "svc-1"))).changed
    assert not store._branches


async def test_a_store_that_is_not_open_says_so(address: Address) -> None:
    store = RedisStore(address)
    with pytest.raises(StoreError, match="not open"):
        await store.put(accepted("av_1", "svc-1"))
    with pytest.raises(StoreError, match="not open"):
        await store.get(())
    with pytest.raises(StoreError, match="not open"):
        await store.changes().__aenter__()
    assert await keys_of(address) == set()


async def test_closing_ends_whoever_follows(address: Address) -> None:
    store = await RedisStore(address).__aenter__()
    async with store.changes() as changes, consuming(store, "mail") as events:
        waiting = asyncio.ensure_future(anext(events))
        await store.note("a", "b")
        await store.__aexit__()
        assert await anext(changes) == frozenset()
        with pytest.raises(StoreError, match="not open"):
            await waiting


async def test_an_engine_that_is_gone_at_the_start_is_one_clear_error() -> None:
    store = RedisStore.from_url(f"redis://:hunter2@127.0.0.1:{refused_port()}/0")
    with pytest.raises(StoreError, match="the engine cannot be reached") as caught:
        await store.__aenter__()
    assert caught.value.retryable
    assert "hunter2" not in repr(caught.value) + str(caught.value) + str(caught.value.__cause__)
    assert not store.opened


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"$-9\r\n", b""])
async def test_what_is_no_engine_is_an_error_of_the_store(answer: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(answer)

    async with serving(script) as url:
        store = RedisStore(Address(host="127.0.0.1", port=int(url.rpartition(":")[2])), timeout=0.5)
        with pytest.raises(StoreError):
            await store.__aenter__()


async def test_a_wrong_password_or_database_or_right_is_one_clear_error() -> None:
    with Valkey(password="hunter2") as engine:
        right = Address.parse(engine.url)
        await engine_says(right, "ACL", "SETUSER", "weak", "on", ">hunter2", "~*", "+ping")
        for wrong, message in (
            (replace(right, password="hunter3"), "refuses this user and password"),
            (replace(right, password=None), "refuses this user and password"),
            (replace(right, user="weak"), "this user may not do what a store does"),
            (replace(right, database=99), "refuses to be used like this"),
        ):
            with pytest.raises(ConfigurationError, match=message) as caught:
                await RedisStore(wrong).__aenter__()
            assert "hunter" not in repr(caught.value) + str(caught.value) + str(caught.value.__cause__)


async def test_a_password_that_is_changed_later_is_an_error_of_the_store() -> None:
    with Valkey(password="hunter2") as engine:
        address = Address.parse(engine.url)
        async with RedisStore(address) as store:
            await engine_says(address, "CONFIG", "SET", "requirepass", "hunter3")
            await engine_says(replace(address, password="hunter3"), "CLIENT", "KILL", "TYPE", "normal")
            with pytest.raises(StoreError, match="refuses this user and password"):
                await store.put(accepted("av_1", "svc-1"))


async def test_an_engine_that_may_forget_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    with Valkey(maxmemory_policy="allkeys-lru") as engine, caplog.at_level(logging.WARNING):
        async with RedisStore.from_url(engine.url):
            pass
    assert [("maxmemory-policy is allkeys-lru" in text, "appendonly is off" in text) for text in caplog.messages] == [
        (True, False),
        (False, True),
    ]


async def test_what_is_worth_a_warning_is_said_to_the_first_who_opens_it(caplog: pytest.LogCaptureFixture) -> None:
    with Valkey() as engine:
        store = RedisStore.from_url(engine.url)
        async with store, store:
            pass
        assert len(caplog.messages) == 1
        async with store:
            pass
    assert len(caplog.messages) == 2


async def test_data_of_a_newer_version_is_refused_and_stays(address: Address) -> None:
    async with RedisStore(address) as store:
        await store.put(accepted("av_1", "svc-1"))
    await engine_says(address, "SET", f"{address.prefix}version", "2.1")
    with pytest.raises(ConfigurationError, match=r"version '2\.1' of the data in namespace"):
        await RedisStore(address).__aenter__()
    assert await engine_says(address, "GET", f"{address.prefix}version") == b"2.1"


# Namespaces


async def test_namespaces_do_not_see_each_other(redis_url: str) -> None:
    one, two = fresh(redis_url), fresh(redis_url)
    async with RedisStore(one) as here, RedisStore(two) as there, there.changes() as changes:
        await here.put(intent("av_1", 0.0, key="order-42"))
        await here.put(completion("av_1", "svc-1", 0.0))
        await here.note("a", "b")
        assert await there.get(("av_1", "svc-1", "order-42")) == {}
        assert await there.note("a") is None
        assert (await there.put(intent("av_2", 0.0, key="order-42"))).record.id == "av_2"
        assert await anext(changes) == {"av_2"}
        assert await there.prune(moment(1e10)) == 0
        assert await scanned(here, Query()) == ["av_1"]


async def test_every_key_is_in_its_namespace() -> None:
    with Valkey() as engine:
        address = replace(Address.parse(engine.url), namespace="x")
        async with RedisStore(address) as store:
            await store.put(intent("av_1", 0.0, key="order-42"))
            await store.put(hint("av_1", 0.0))
            await store.put(completion("av_1", "svc-1", 0.0))
            await store.note("a", "b")
            async with consuming(store, "mail") as events:
                await taken(events, 1)
        keys = [key.decode() for key in await engine_says(address, "KEYS", "*")]
    kinds = {key.removeprefix("av:{x}:").partition(":")[0] for key in keys}
    values = ("seq", "log", "events", "notes", "origins", "pruned", "version")
    assert kinds == {"t", "i", "k", "all", "ended", *values}


# Whatever is put


def some_record(random: Random, now: float) -> TaskRecord:
    """A report about one of few tasks, with one of few of the service's ids and keys."""
    id, service_id, key = (f"{name}_{random.randrange(4)}" for name in ("av", "svc", "order"))
    return random.choice(
        (
            intent(id, now, key=key),
            replace(accepted(id, service_id, next_check=now + random.randrange(-5, 5)), key=random.choice((None, key))),
            refusal(id, now, charged=random.random() < 0.3),
            expiry(id, now),
            hint(id, now, random.choice((None, service_id))),
            completion(id, service_id, now, asked=random.random() < 0.5),
            failure(id, service_id, now),
        )
    )


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_is_put_becomes_the_same_as_in_memory(store: RedisStore, clock: ManualClock, seed: int) -> None:
    random, names = Random(seed), [f"{name}_{n}" for name in ("av", "svc", "order") for n in range(4)]
    async with MemoryStore(clock=clock) as memory:
        for _ in range(50):
            record = some_record(random, clock())
            assert await store.put(record) == await memory.put(record)
            if random.random() < 0.2:
                claimed = await store.claim(ORIGIN, 2, 5.0), await memory.claim(ORIGIN, 2, 5.0)
                assert claimed[0] == claimed[1]
            clock.advance(random.randrange(3))
        assert await store.get(names) == await memory.get(names)
        assert await scanned(store, Query()) == await scanned(memory, Query())


# Reading


async def test_more_names_than_go_into_one_script_are_all_found(store: RedisStore) -> None:
    count = 2 * NAMES_AT_ONCE + 1
    await asyncio.gather(*(store.put(accepted(f"av_{n}", f"svc-{n}")) for n in range(count)))
    assert set(await store.get([f"svc-{n}" for n in range(count + 5)])) == {f"svc-{n}" for n in range(count)}


async def test_a_scan_over_several_pages_keeps_its_order_and_its_limit(store: RedisStore) -> None:
    count = 2 * PAGE + 10
    await asyncio.gather(*(store.put(accepted(f"av_{n}", f"svc-{n}")) for n in range(count)))
    everything = await scanned(store, Query())
    assert len(set(everything)) == count
    assert await scanned(store, Query(limit=PAGE + 1)) == everything[: PAGE + 1]
    assert await scanned(store, Query(unfinished=True, limit=PAGE)) == everything[:PAGE]


async def test_what_cannot_be_kept_is_a_store_error(store: RedisStore) -> None:
    for record in (accepted("av_\ud800", "svc-1"), TaskRecord(id="av_1", origin=ORIGIN, labels={"a": "\ud800"})):
        with pytest.raises(StoreError, match="cannot keep"):
            await store.put(record)
    for delay in (1e30, float("nan"), float("inf")):
        with pytest.raises(StoreError, match="cannot keep"):
            await store.due("av_1", delay)
    assert await scanned(store, Query()) == []


async def test_leases_run_on_the_engines_clock(address: Address) -> None:
    async with RedisStore(address) as store:
        seconds, micros = await engine_says(address, "TIME")
        before = int(seconds) + int(micros) / 1e6
        await store.put(accepted("av_1", "svc-1", next_check=before - 1))
        (claimed,) = await store.claim(ORIGIN, 10, 30.0)
        assert claimed.next_check is not None
        assert 30.0 <= claimed.next_check.timestamp() - before < 60.0
        assert await record_in(store, "av_1") == claimed


# What is kept, and for how long


async def test_what_has_ended_is_kept_for_a_week(store: RedisStore, clock: ManualClock) -> None:
    await store.put(completion("av_1", "svc-1", clock()))
    clock.advance(7 * DAY - 60)
    await store.put(accepted("av_2", "svc-2"))
    assert await scanned(store, Query()) == ["av_2", "av_1"]
    clock.advance(3_600)
    await store.put(accepted("av_3", "svc-3"))
    assert await scanned(store, Query()) == ["av_3", "av_2"]
    assert await store.get(("svc-1",)) == {}


async def test_what_never_ends_is_kept_for_a_week_after_its_deadline(store: RedisStore, clock: ManualClock) -> None:
    await store.put(accepted("av_1", "svc-1", next_check=clock()))
    clock.advance(8 * DAY - 60)
    assert [record.id for record in await store.claim(ORIGIN, 1, 60.0)] == ["av_1"]
    clock.advance(3_600)
    assert [record.id for record in await store.claim(ORIGIN, 1, 60.0)] == ["av_1"]
    assert await scanned(store, Query()) == []


async def test_the_engine_itself_forgets_a_record_and_what_leads_to_it_in_time(address: Address) -> None:
    async def lives(name: str) -> float:
        milliseconds: int = await engine_says(address, "PTTL", f"{address.prefix}{name}")
        return milliseconds / 1000 / DAY

    async with RedisStore(address) as store:
        await store.put(intent("av_1", 0.0, key="order-42"))
        assert 7.9 < await lives("t:av_1") <= 8
        assert 7.9 < await lives("k:order-42") <= 8
        await store.put(completion("av_1", "svc-1", 0.0))
        for name in ("t:av_1", "k:order-42", "i:svc-1"):
            assert 6.9 < await lives(name) <= 7


async def test_what_the_engine_has_forgotten_falls_out_of_the_order(
    store: RedisStore, address: Address, clock: ManualClock
) -> None:
    for id in ("av_1", "av_2"):
        await store.put(accepted(id, f"svc-{id}", next_check=clock()))
    await store.put(accepted("av_elsewhere", "svc-else", next_check=clock(), origin="https://elsewhere.example.com"))
    await store.put(completion("av_2", "svc-av_2", clock()))
    for id in ("av_1", "av_2", "av_elsewhere"):
        await engine_says(address, "DEL", f"{address.prefix}t:{id}")
    assert await scanned(store, Query()) == []
    assert await store.get(("av_1", "svc-av_1", "svc-av_2")) == {}
    assert await store.claim(ORIGIN, 10, 30.0) == []
    clock.advance(8 * DAY)
    await store.put(completion("av_3", "svc-3", clock()))
    for name in ("all", "ended"):
        assert await engine_says(address, "ZRANGE", f"{address.prefix}{name}", 0, -1) == [b"av_3"]
    assert {key for key in await keys_of(address) if ":due:" in key or key.endswith(":open")} == set()


async def test_a_forgotten_task_that_is_put_again_begins_anew(store: RedisStore, address: Address) -> None:
    await store.put(completion("av_1", "svc-1", 0.0))
    await engine_says(address, "DEL", f"{address.prefix}t:av_1")
    assert (await store.put(accepted("av_1", "svc-1"))).changed
    assert await store.prune(moment(1e10)) == 0
    assert await scanned(store, Query(unfinished=True)) == ["av_1"]


async def test_one_of_several_stores_looks_for_old_ones_once_an_hour(address: Address, clock: ManualClock) -> None:
    short = timedelta(minutes=10)
    async with RedisStore(address, clock=clock, keep_ended=short) as one, RedisStore(address, clock=clock) as two:
        await one.put(completion("av_1", "svc-1", clock()))
        clock.advance(3_599)
        await one.put(accepted("av_2", "svc-2"))
        assert await scanned(one, Query()) == ["av_2", "av_1"]
        clock.advance(1)
        await two.claim(ORIGIN, 1, 30.0)
        await one.claim(ORIGIN, 1, 30.0)
        assert await scanned(one, Query()) == ["av_2", "av_1"]


async def test_a_clock_that_was_far_ahead_does_not_stop_it(address: Address, clock: ManualClock) -> None:
    async with RedisStore(address, clock=clock, keep_ended=timedelta(minutes=10)) as store:
        clock.advance(1_000 * DAY)
        await store.put(accepted("av_1", "svc-1"))
        clock.advance(-1_000 * DAY)
        await store.put(completion("av_2", "svc-2", clock()))
        clock.advance(3_600)
        await store.put(accepted("av_3", "svc-3"))
        assert await scanned(store, Query()) == ["av_3", "av_1"]


async def test_a_store_that_nobody_prunes_stays_bounded(address: Address, clock: ManualClock) -> None:
    async with RedisStore(address, clock=clock, keep_ended=timedelta(hours=2)) as store:
        sizes: list[tuple[int, ...]] = []
        for hour in range(8):
            ended = (completion(f"av_{hour}_{n}", f"svc-{hour}-{n}", clock()) for n in range(30))
            await asyncio.gather(*(store.put(record) for record in ended))
            kept = [await engine_says(address, "ZCARD", f"{address.prefix}{name}") for name in ("all", "ended", "open")]
            kept.append(await engine_says(address, "XLEN", f"{address.prefix}events"))
            sizes.append((len(await keys_of(address)), *kept))
            clock.advance(3_600)
        assert sizes[-1] == sizes[4]


async def test_more_than_is_forgotten_at_once_is_forgotten(store: RedisStore, clock: ManualClock) -> None:
    count = 2 * FORGET_AT_ONCE + 1
    await asyncio.gather(*(store.put(completion(f"av_{n}", f"svc-{n}", clock())) for n in range(count)))
    assert await store.prune(moment(clock() + 1)) == count
    assert await scanned(store, Query()) == []


async def test_a_consumer_that_waits_looks_again_when_a_lease_is_over(address: Address) -> None:
    async with RedisStore(address, event_lease=0.05) as store:
        await store.put(completion("av_1", "svc-1", 0.0))
        async with consuming(store, "mail") as events:
            assert await taken(events, 1, ack=False) == ["av_1"]
            assert await taken(events, 1) == ["av_1"]


# Answers and connections get lost


async def test_a_put_whose_answer_is_lost_still_says_that_it_won(address: Address) -> None:
    async with lossy(address) as way, RedisStore(way.address) as store:
        way.losing = 1
        first = await store.put(accepted("av_1", "svc-1"))
        assert (first.changed, first.won, first.record) == (True, False, accepted("av_1", "svc-1"))
        ended = completion("av_1", "svc-1", 0.0)
        way.losing = 2  # what is held, and that it was written
        put = await store.put(ended)
        assert (way.lost, put.changed, put.won) == (3, True, True)
        assert not (await store.put(ended)).won
        async with consuming(store, "mail") as events:
            assert await taken(events, 1) == ["av_1"]
        assert await engine_says(address, "XLEN", f"{address.prefix}events") == 1


async def test_a_put_whose_answer_is_lost_does_not_undo_what_came_between(address: Address) -> None:
    async with RedisStore(address) as other, lossy(address) as way, RedisStore(way.address) as store:
        await store.put(accepted("av_0", "svc-0"))  # an engine that does not know the script yet says so first
        way.losing = 1

        async def come_between() -> None:
            while not way.lost:
                await asyncio.sleep(0)
            await other.put(completion("av_1", "svc-1", 60.0, asked=True))

        put, _ = await asyncio.gather(store.put(completion("av_1", "svc-1", 0.0)), come_between())
        assert put.won
        assert put.record == await record_in(other, "av_1")
        assert put.record.output is not None
        assert put.record.output.fetched_at == moment(60.0)


async def test_scripts_that_the_engine_forgot_are_sent_again(store: RedisStore, address: Address) -> None:
    await store.put(accepted("av_1", "svc-1"))
    await engine_says(address, "SCRIPT", "FLUSH")
    assert (await store.put(hint("av_1", 0.0))).changed
    assert set(await store.get(("av_1",))) == {"av_1"}


async def test_a_cancelled_put_harms_no_other(store: RedisStore) -> None:
    for number in range(50):
        put = asyncio.ensure_future(store.put(accepted(f"av_{number}", f"svc-{number}")))
        for _ in range(number % 7):
            await asyncio.sleep(0)
        put.cancel()
        other = await store.put(accepted(f"av_other_{number}", f"svc-other-{number}"))
        assert other.record.id == f"av_other_{number}"
        await asyncio.wait([put])


# Other processes


@pytest.mark.crash
async def test_of_processes_that_submit_and_finish_the_same_keys_one_holds_each_and_one_wins(address: Address) -> None:
    outputs = await asyncio.gather(*(output_of("race", address, str(number)) for number in range(4)))
    said = [line.split() for lines, _ in outputs for line in lines]
    assert len(said) == 4 * KEYS
    assert len({(key, id) for key, id, _ in said}) == KEYS
    winners = sorted(id for _, id, won in said if won == "True")
    async with RedisStore(address) as store, consuming(store, "mail") as events:
        assert sorted(await scanned(store, Query())) == winners
        assert sorted(await taken(events, KEYS)) == winners


@pytest.mark.crash
async def test_a_store_that_nobody_closes_neither_holds_up_the_exit_nor_complains(address: Address) -> None:
    async with asyncio.timeout(PATIENCE):
        said, complaints = await output_of("unclosed", address)
    assert said == ["open"]
    assert "ResourceWarning" not in complaints
    assert "Traceback" not in complaints
    async with RedisStore(address) as store:
        assert set(await store.get(("av_0",))) == {"av_0"}


@pytest.mark.crash
async def test_it_refuses_to_work_in_a_forked_process_and_goes_on_in_its_own(address: Address) -> None:
    (*refused, left, parent), _ = await output_of("fork", address)
    assert len(refused) == 3
    assert all(line.startswith("StoreError: an open Redis store does not work in a forked") for line in refused)
    assert (left, parent) == ("left", "av_parent")


# The engine goes away and comes back


async def resynced(changes: AsyncIterator[frozenset[str]]) -> None:
    """Wait for the empty set."""
    async with asyncio.timeout(PATIENCE):
        while await anext(changes):
            pass


@pytest.mark.crash
async def test_over_a_crash_of_the_engine_waits_go_on_and_what_was_acknowledged_is_there(own: Valkey) -> None:
    async with RedisStore.from_url(own.url) as store, store.changes() as changes:
        puts = [await store.put(accepted(f"av_{n}", f"svc-{n}")) for n in range(20)]
        own.kill()
        with pytest.raises(StoreError, match="cannot be reached") as caught:
            await store.put(accepted("av_down", "svc-down"))
        assert caught.value.retryable
        own.start()
        await resynced(changes)
        assert set(await store.get([put.record.id for put in puts])) == {put.record.id for put in puts}
        await store.put(completion("av_0", "svc-0", 0.0))
        async with asyncio.timeout(PATIENCE):
            assert await anext(changes) == {"av_0"}


@pytest.mark.crash
async def test_whenever_the_engine_crashes_what_was_acknowledged_is_there(own: Valkey) -> None:
    acknowledged: set[str] = set()

    async def write(store: RedisStore, writer: int, stop: asyncio.Event) -> None:
        number = 0
        while not stop.is_set():
            record = accepted(f"av_{writer}_{number}", f"svc-{writer}-{number}")
            try:
                acknowledged.add((await store.put(record)).record.id)
            except StoreError:
                await asyncio.sleep(0.05)
            number += 1

    async with RedisStore.from_url(own.url) as store, store.changes() as changes:
        stop = asyncio.Event()
        writers = [asyncio.ensure_future(write(store, writer, stop)) for writer in range(8)]
        for _ in range(5):
            before = len(acknowledged)
            while len(acknowledged) < before + 50:
                await asyncio.sleep(0.01)
            own.kill()
            own.start()
            await resynced(changes)
        stop.set()
        await asyncio.gather(*writers)
        assert set(await store.get(acknowledged)) == acknowledged
        assert acknowledged <= set(await scanned(store, Query()))


@pytest.mark.crash
async def test_a_paused_engine_is_an_engine_that_does_not_answer_and_then_goes_on(own: Valkey) -> None:
    store = RedisStore(Address.parse(own.url), timeout=0.3)
    async with store, store.changes() as changes:
        await store.put(accepted("av_1", "svc-1"))
        assert await anext(changes) == {"av_1"}
        own.pause()
        with pytest.raises(StoreError, match="does not answer in time"):
            await store.put(accepted("av_2", "svc-2"))
        own.resume()
        put = await until_answered(store, accepted("av_3", "svc-3"))
        assert put.id == "av_3"
        async with asyncio.timeout(PATIENCE):
            while (told := await anext(changes)) and "av_3" not in told:
                pass


async def until_answered(store: RedisStore, record: TaskRecord) -> TaskRecord:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return (await store.put(record)).record
            except StoreError:
                await asyncio.sleep(0.05)


@pytest.mark.crash
async def test_whoever_follows_during_a_long_pause_reads_again_afterwards(own: Valkey) -> None:
    async with RedisStore.from_url(own.url) as store, store.changes() as changes:
        own.pause()
        await asyncio.sleep(6)  # longer than the listener waits
        own.resume()
        await resynced(changes)
        await until_answered(store, accepted("av_1", "svc-1"))
        async with asyncio.timeout(PATIENCE):
            while "av_1" not in await anext(changes):
                pass


@pytest.mark.crash
async def test_where_the_engine_is_away_one_cannot_begin_to_follow(own: Valkey) -> None:
    async with RedisStore.from_url(own.url) as store:
        own.kill()
        with pytest.raises(StoreError, match="cannot be reached"):
            await store.changes().__aenter__()
        own.start()
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    async with store.changes() as changes:
                        await until_answered(store, accepted("av_1", "svc-1"))
                        assert "av_1" in await anext(changes)
                        return
                except StoreError:
                    await asyncio.sleep(0.05)
