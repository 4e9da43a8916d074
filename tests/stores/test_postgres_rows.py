from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from datetime import timedelta
from random import Random

import pytest

from aivideo_async.core.errors import StoreError
from aivideo_async.core.models import TaskRecord, moment
from aivideo_async.stores import postgres_rows
from aivideo_async.stores.base import Put, Query
from aivideo_async.stores.postgres import PostgresStore
from aivideo_async.stores.postgres_rows import FORGET_AT_ONCE, PAGE, Putting
from aivideo_async.stores.postgres_schema import Turn
from tests.doubles import ManualClock
from tests.stores.contract import record_in, scanned
from tests.stores.made import ORIGIN, accepted, completion, hint, intent, refusal
from tests.stores.postgres_engine import asked, connected, fresh_url

DAY = 86_400.0


@pytest.fixture
def url() -> str:
    return fresh_url()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(url: str, clock: ManualClock) -> AsyncGenerator[PostgresStore]:
    async with PostgresStore(url, clock=clock) as store:
        yield store


async def put_all(store: PostgresStore, records: list[TaskRecord]) -> list[Put]:
    return await asyncio.gather(*(store.put(record) for record in records))


# Puts that are in each other's way


async def test_puts_that_name_each_others_ids_and_keys_never_wait_in_a_circle(url: str) -> None:
    random = Random(7)
    ids, keys, services = ([f"{kind}_{n}" for n in range(4)] for kind in ("av", "key", "svc"))

    def some(now: float) -> TaskRecord:
        id = random.choice(ids)
        return random.choice(
            (
                intent(id, now, key=random.choice(keys)),
                refusal(id, now),
                accepted(id, random.choice(services)),
                hint(id, now, random.choice(services)),
                completion(id, random.choice(services), now),
            )
        )

    before = await asked(url, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    async with PostgresStore(url, connections=6) as one, PostgresStore(url, connections=6) as two:
        stores = (one, two)
        await asyncio.gather(*(stores[n % 2].put(some(1_000.0 + n)) for n in range(150)))
        held = await asked(
            url, "SELECT count(*), count(DISTINCT service_id), count(service_id) FROM aivideo_tasks WHERE ns = %s",
            one._server.namespace,
        )  # fmt: skip
    assert await asked(url, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == before
    ((count, distinct, named),) = held
    assert 0 < count <= len(ids)
    assert distinct == named


async def test_a_key_is_given_away_while_its_holder_is_written(store: PostgresStore) -> None:
    for number in range(10):
        old, new, key = f"av_old_{number}", f"av_new_{number}", f"order-{number}"
        await store.put(intent(old, 0.0, key=key))
        await store.put(refusal(old, 0.0))
        late, fresh = await put_all(store, [completion(old, f"svc-{number}", 1.0), intent(new, 1.0, key=key)])
        holder = (await record_in(store, key)).id
        assert holder == fresh.record.id
        assert late.record.id == old


async def test_a_claim_and_a_put_at_once_lose_nothing(store: PostgresStore, clock: ManualClock) -> None:
    for number in range(20):
        await store.put(accepted(f"av_{number}", f"svc-{number}", next_check=clock()))
    endings = [completion(f"av_{number}", f"svc-{number}", clock()) for number in range(20)]
    claims = asyncio.gather(*(store.claim(ORIGIN, 3, 30.0) for _ in range(10)))
    puts = await put_all(store, endings)
    await claims
    assert all(put.won for put in puts)
    assert await scanned(store, Query(unfinished=True)) == []
    clock.advance(60)
    assert await store.claim(ORIGIN, 100, 30.0) == []


# A commit that was not heard of


async def test_a_put_that_was_committed_before_its_connection_broke_still_won(url: str, store: PostgresStore) -> None:
    putting = Putting(completion("av_1", "svc-1", 1.0))
    async with connected(url) as connection:
        turn = Turn(connection, store._server.namespace)
        first, _ = await postgres_rows.put(turn, putting)
        again, _ = await postgres_rows.put(turn, putting)
    assert first.won
    assert again == first
    assert not (await store.put(completion("av_1", "svc-1", 1.0))).changed


async def test_a_put_whose_commit_was_lost_is_decided_anew(url: str, store: PostgresStore) -> None:
    putting = Putting(completion("av_1", "svc-1", 1.0))
    async with connected(url) as connection:
        turn = Turn(connection, store._server.namespace)
        await turn.begin([])
        assert (await postgres_rows.put(turn, putting))[0].won
        await connection.execute("ROLLBACK")
        await store.put(completion("av_1", "svc-1", 1.0))
        assert not (await postgres_rows.put(turn, putting))[0].won


# Reading


async def test_a_scan_over_several_pages_keeps_its_order_and_its_limit(store: PostgresStore) -> None:
    count = PAGE + 10
    await put_all(store, [accepted(f"av_{n}", f"svc-{n}") for n in range(count)])
    everything = await scanned(store, Query())
    assert len(set(everything)) == count
    assert await scanned(store, Query(limit=PAGE + 1)) == everything[: PAGE + 1]
    assert await scanned(store, Query(limit=PAGE)) == everything[:PAGE]


async def test_what_postgresql_cannot_hold_is_a_store_error_and_is_found_nowhere(store: PostgresStore) -> None:
    for id in ("av_\ud800", "av_\0"):
        with pytest.raises(StoreError, match="cannot keep"):
            await store.put(accepted(id, "svc-1"))
        assert await store.get((id, "svc-1")) == {}
        await store.due(id, 0.0)
    with pytest.raises(StoreError, match="cannot keep"):
        await store.due("av_1", 1e30)
    with pytest.raises(StoreError, match="cannot keep"):
        await store.put(TaskRecord(id="av_1", origin=ORIGIN, labels={"a": "\ud800"}))
    assert await scanned(store, Query()) == []


async def test_what_cannot_be_read_does_not_keep_the_rest_from_being_claimed(
    url: str, store: PostgresStore, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        await store.put(accepted(f"av_{number}", f"svc-{number}", next_check=clock() - 10 + number))
    broken = "UPDATE aivideo_tasks SET body = %s WHERE ns = %s AND id = 'av_0'"
    await asked(url, broken, b'{"v":2}', store._server.namespace)
    with caplog.at_level(logging.WARNING):
        assert [record.id for record in await store.claim(ORIGIN, 2, 30.0)] == ["av_1"]
    assert "av_0 is due and cannot be read" in caplog.text
    assert [record.id for record in await store.claim(ORIGIN, 2, 30.0)] == ["av_2"]


async def test_leases_run_on_the_engines_clock(url: str) -> None:
    async with PostgresStore(url) as store:
        ((before,),) = await asked(url, "SELECT extract(epoch FROM clock_timestamp())::float8")
        await store.put(accepted("av_1", "svc-1", next_check=before - 1))
        (claimed,) = await store.claim(ORIGIN, 10, 30.0)
        assert claimed.next_check is not None
        assert 30.0 <= claimed.next_check.timestamp() - before < 60.0
        assert await record_in(store, "av_1") == claimed
        await store.due("av_1", -1.0)
        assert len(await store.claim(ORIGIN, 10, 30.0)) == 1


async def test_nothing_is_claimed_where_nothing_may_be(store: PostgresStore, clock: ManualClock) -> None:
    await store.put(accepted("av_1", "svc-1", next_check=clock()))
    assert await store.claim(ORIGIN, 0, 30.0) == []
    assert await store.claim(ORIGIN, -1, 30.0) == []


# What is kept, and for how long


async def test_what_has_ended_is_kept_for_a_week(store: PostgresStore, clock: ManualClock) -> None:
    await store.put(completion("av_1", "svc-1", clock()))
    clock.advance(7 * DAY - 60)
    await store.put(accepted("av_2", "svc-2"))
    assert await scanned(store, Query()) == ["av_2", "av_1"]
    clock.advance(3_600)
    await store.put(accepted("av_3", "svc-3"))
    assert await scanned(store, Query()) == ["av_3", "av_2"]
    assert await store.get(("svc-1",)) == {}


async def test_what_never_ended_is_kept_for_so_long_after_its_deadline(
    store: PostgresStore, clock: ManualClock
) -> None:
    await store.put(accepted("av_1", "svc-1"))
    clock.advance(8 * DAY - 60)
    await store.put(accepted("av_2", "svc-2"))
    assert await scanned(store, Query()) == ["av_2", "av_1"]
    clock.advance(3_600)
    assert await store.claim(ORIGIN, 1, 30.0) == []
    assert await scanned(store, Query()) == ["av_2"]


async def test_one_of_several_stores_looks_for_old_ones_once_an_hour(url: str, clock: ManualClock) -> None:
    short = timedelta(seconds=1)
    async with (
        PostgresStore(url, clock=clock, keep_ended=short) as one,
        PostgresStore(url, clock=clock, keep_ended=short) as two,
    ):
        await one.put(completion("av_1", "svc-1", clock()))
        clock.advance(3_599)
        await one.put(accepted("av_2", "svc-2"))
        assert await scanned(one, Query()) == ["av_2", "av_1"]
        clock.advance(1)
        await two.claim(ORIGIN, 1, 30.0)
        assert await scanned(one, Query()) == ["av_2"]


async def test_who_prunes_is_not_waited_for(url: str, store: PostgresStore, clock: ManualClock) -> None:
    async with connected(url) as connection:
        turn = Turn(connection, store._server.namespace)
        await turn.begin([])
        await turn.run("UPDATE aivideo_state SET pruned_at = 0 WHERE ns = %(ns)s")
        assert (await store.put(completion("av_1", "svc-1", clock()))).won
        await connection.execute("ROLLBACK")


async def test_a_clock_that_was_far_ahead_does_not_stop_it(url: str, clock: ManualClock) -> None:
    async with PostgresStore(url, clock=clock, keep_ended=timedelta(seconds=1)) as store:
        clock.advance(1_000 * DAY)
        await store.put(accepted("av_1", "svc-1"))
        clock.advance(-1_000 * DAY)
        await store.put(completion("av_2", "svc-2", clock()))
        clock.advance(3_600)
        await store.put(accepted("av_3", "svc-3"))
        assert await scanned(store, Query()) == ["av_3", "av_1"]


async def test_a_store_that_nobody_prunes_stays_bounded(url: str, clock: ManualClock) -> None:
    async with PostgresStore(url, clock=clock, keep_ended=timedelta(hours=2)) as store:
        counts: list[int] = []
        for hour in range(6):
            await put_all(store, [completion(f"av_{hour}_{n}", f"svc-{hour}-{n}", clock()) for n in range(10)])
            rows = (
                "SELECT (SELECT count(*) FROM aivideo_tasks WHERE ns = %s) + count(*) FROM aivideo_events WHERE ns = %s"
            )
            counts.append((await asked(url, rows, *[store._server.namespace] * 2))[0][0])
            clock.advance(3_600)
    assert counts[-1] == counts[-2] == counts[3]


async def test_more_than_is_forgotten_at_once_is_forgotten(store: PostgresStore, clock: ManualClock, url: str) -> None:
    await store.put(completion("av_0", "svc-0", clock()))
    more = (
        "INSERT INTO aivideo_tasks (ns, id, origin, status, claimable, began_at, ended_at, writer, body) "
        "SELECT ns, id || n, origin, status, claimable, began_at, ended_at, writer, body "
        "FROM aivideo_tasks, generate_series(1, %s) AS n WHERE ns = %s"
    )
    await asked(url, more, FORGET_AT_ONCE, store._server.namespace)
    assert await store.prune(moment(clock() + 1)) == FORGET_AT_ONCE + 1
    assert await scanned(store, Query()) == []
    assert await asked(url, "SELECT FROM aivideo_events WHERE ns = %s", store._server.namespace) == []


async def test_a_row_that_is_being_forgotten_holds_up_nobody(
    url: str, store: PostgresStore, clock: ManualClock
) -> None:
    await put_all(store, [completion(f"av_{n}", f"svc-{n}", clock()) for n in range(2)])
    async with connected(url) as connection:
        turn = Turn(connection, store._server.namespace)
        await turn.begin([])
        await turn.row("SELECT FROM aivideo_tasks WHERE ns = %(ns)s AND id = 'av_0' FOR UPDATE")
        assert await store.prune(moment(clock() + 1)) == 1
        await connection.execute("ROLLBACK")
    assert await scanned(store, Query()) == ["av_0"]


async def test_a_pruning_that_fails_does_not_fail_what_was_asked_for(
    url: str, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with PostgresStore(url, clock=clock, patience=0.5) as store, connected(url) as connection:
        await store.note("a", "b")
        await connection.execute("BEGIN; LOCK TABLE aivideo_events IN SHARE MODE")
        with caplog.at_level(logging.WARNING):
            assert await store.claim(ORIGIN, 1, 30.0) == []
        await connection.execute("ROLLBACK")
    assert "could not be forgotten: PostgreSQL does not answer in time" in caplog.text


def test_a_put_locks_every_name_by_which_it_may_be_met() -> None:
    locks = Putting(intent("av_1", 0.0, key="k")).locks
    assert len(set(locks("ns"))) == 2
    assert set(locks("ns")) & set(Putting(intent("av_2", 0.0, key="k")).locks("ns"))
    assert not set(locks("ns")) & set(locks("another"))
