from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import pytest

from aivideo_async.core.errors import ConfigurationError, StoreError
from aivideo_async.core.lifecycle import ENDED
from aivideo_async.core.models import TaskRecord, moment
from aivideo_async.stores import open_store
from aivideo_async.stores.base import Query
from aivideo_async.stores.postgres import NAMES_AT_ONCE, PostgresStore
from aivideo_async.supervise import Supervisor
from aivideo_async.waiters import Waiters
from tests.engines.launching import free_port
from tests.engines.postgres import PASSWORD, Postgres, given_url
from tests.stores.contract import PATIENCE, Engine, StoreContract, consuming, scanned, taken
from tests.stores.made import accepted, completion, intent
from tests.stores.postgres_engine import (
    Bouncer,
    PostgresEngine,
    asked,
    fresh_url,
    terminate_listeners,
    with_options,
)
from tests.stores.postgres_process import KEYS, another_process, output_of


class TestPostgresStore(StoreContract):
    """Everything that every store does."""

    @pytest.fixture
    def engine(self) -> Engine:
        return PostgresEngine(fresh_url(given_url()))


@pytest.fixture
def url() -> str:
    return fresh_url()


@pytest.fixture
async def store(url: str) -> AsyncGenerator[PostgresStore]:
    async with PostgresStore(url) as store:
        yield store


@pytest.fixture(scope="module")
def own() -> Iterator[Postgres]:
    """A server that may be killed."""
    with Postgres() as engine:
        yield engine


# URLs


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "PostgreSQL"])
async def test_a_url_opens_a_store(url: str, scheme: str) -> None:
    async with open_store(scheme + url.removeprefix("postgresql")) as store:
        assert isinstance(store, PostgresStore)
        assert store.durable


def test_a_missing_extra_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from aivideo_async.stores import open_store\n"
        "try: open_store('postgresql://user:hunter2@host/db')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)  # noqa: S603
    assert run.stdout.startswith("ConfigurationError a PostgreSQL store needs the extra 'postgres'")
    assert "pip install 'aivideo-async[postgres]'" in run.stdout
    assert "hunter2" not in run.stdout + run.stderr


# Opening and closing


async def test_it_is_open_while_somebody_uses_it(url: str) -> None:
    store = PostgresStore(url)
    seen = [store.opened]
    async with store:
        async with store as same:
            assert same is store
        seen.append(store.opened)
        await store.put(accepted("av_1", "svc-1"))
    assert [*seen, store.opened] == [False, True, False]


def test_it_may_be_opened_again_in_another_loop_and_holds_what_it_held(url: str) -> None:
    store = PostgresStore(url)

    async def put(id: str) -> list[str]:
        async with store:
            await store.put(accepted(id, f"svc-{id}"))
            return await scanned(store, Query())

    assert [asyncio.run(put(id)) for id in ("av_1", "av_2")] == [["av_1"], ["av_2", "av_1"]]


async def test_two_loops_may_share_it(store: PostgresStore) -> None:
    async def put_elsewhere() -> None:
        async with store:
            await store.put(accepted("av_1", "svc-1"))

    async with store.changes() as changes:
        await asyncio.to_thread(lambda: asyncio.run(put_elsewhere()))
        assert await anext(changes) == {"av_1"}
    assert store.opened


async def test_a_store_that_is_not_open_says_so(url: str) -> None:
    store = PostgresStore(url)
    with pytest.raises(StoreError, match="not open"):
        await store.put(accepted("av_1", "svc-1"))
    with pytest.raises(StoreError, match="not open"):
        await store.get(())
    with pytest.raises(StoreError, match="not open"):
        await store.changes().__aenter__()


async def test_a_wrong_password_is_one_clear_sentence_that_does_not_repeat_it(url: str) -> None:
    store = PostgresStore(url.replace(PASSWORD, "hunter2"))
    with pytest.raises(ConfigurationError, match="does not let us in") as caught:
        await store.__aenter__()
    assert not store.opened
    assert "hunter2" not in f"{caught.value!r} {caught.value}"


async def test_a_server_that_is_gone_at_the_start_is_one_clear_error() -> None:
    store = PostgresStore(f"postgresql://user:hunter2@127.0.0.1:{free_port()}/db")
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        await store.__aenter__()
    assert caught.value.retryable
    assert not store.opened
    assert "hunter2" not in f"{caught.value!r} {caught.value}"


async def test_tables_of_a_newer_version_are_refused(url: str) -> None:
    name = f"s_{secrets.token_hex(8)}"
    await asked(url, f"CREATE SCHEMA {name}")
    elsewhere = with_options(url, options=f"-csearch_path%3D{name}")
    async with PostgresStore(elsewhere):
        await asked(elsewhere, "UPDATE aivideo_schema SET version = 99")
    with pytest.raises(ConfigurationError, match="version 99"):
        await PostgresStore(elsewhere).__aenter__()
    await asked(url, f"DROP SCHEMA {name} CASCADE")


async def test_a_user_who_may_make_no_tables_is_told_so(url: str) -> None:
    name = f"s_{secrets.token_hex(8)}"
    await asked(url, f"CREATE ROLE {name} LOGIN PASSWORD 'let-me-in'; CREATE SCHEMA {name}")
    theirs = with_options(url.replace("//aivideo:", f"//{name}:"), options=f"-csearch_path%3D{name}")
    with pytest.raises(ConfigurationError, match=r"there is no schema|lacks a permission"):
        await PostgresStore(theirs).__aenter__()
    await asked(url, f"DROP SCHEMA {name}; DROP ROLE {name}")


async def test_closing_ends_whoever_follows(url: str) -> None:
    store = await PostgresStore(url).__aenter__()
    async with store.changes() as changes, consuming(store, "mail") as events:
        waiting = asyncio.ensure_future(anext(events))
        await store.note("a", "b")
        await store.__aexit__()
        assert await anext(changes) == frozenset()
        with pytest.raises(StoreError, match=r"not open|closed"):
            await waiting


# Namespaces and names


async def test_namespaces_know_nothing_of_each_other(url: str) -> None:
    async with PostgresStore(url) as one, PostgresStore(fresh_url()) as two:
        async with two.changes() as changes, consuming(two, "mail") as events:
            await one.put(completion("av_1", "svc-1", 1.0))
            await one.note("a", "b")
            assert (await two.put(completion("av_1", "svc-1", 2.0))).won
            assert await one.prune(moment(time.time() + 60)) == 1
            assert await anext(changes) == {"av_1"}
            assert await taken(events, 1) == ["av_1"]
        assert await two.note("a") is None
        assert await scanned(two, Query()) == ["av_1"]


async def test_more_names_than_go_into_one_query_are_all_found(store: PostgresStore) -> None:
    await asyncio.gather(*(store.put(accepted(f"av_{n}", f"svc-{n}")) for n in range(10)))
    names = [f"svc-{n}" for n in range(10)] + [f"nobody-{n}" for n in range(2 * NAMES_AT_ONCE)] + ["av_1"]
    assert set(await store.get(names)) == {*names[:10], "av_1"}


# Other processes


@pytest.mark.crash
async def test_four_processes_that_submit_the_same_keys_get_one_task_per_key(url: str) -> None:
    outputs = await asyncio.gather(*(output_of("keys", url, str(number)) for number in range(4)))
    holders = {tuple(line.split()) for lines in outputs for line in lines}
    assert [len(lines) for lines in outputs] == [KEYS] * 4
    assert len(holders) == KEYS
    async with PostgresStore(url) as store:
        assert len(await scanned(store, Query())) == KEYS


@pytest.mark.crash
async def test_a_store_that_nobody_closes_does_not_hold_up_the_exit(url: str) -> None:
    async with asyncio.timeout(PATIENCE):
        assert await output_of("unclosed", url) == ["open"]


@pytest.mark.crash
async def test_it_refuses_to_work_in_a_forked_process_and_goes_on_in_its_own(url: str) -> None:
    *refused, parent, hint = await output_of("fork", url)
    assert len(refused) == 4
    assert all(line.startswith("StoreError: an open PostgreSQL store does not work in a forked") for line in refused)
    assert (parent, hint) == ("av_parent", "av_parent")


# What is in between


@pytest.mark.crash
async def test_behind_a_bouncer_waits_are_answered_all_the_same(url: str) -> None:
    async with Bouncer(url) as bouncer, PostgresStore(bouncer.url) as store:
        await store.put(accepted("av_1", "svc-1"))
        async with waiting_in(store) as waiters:
            with waiters.join("av_1") as waiter:
                await store.put(completion("av_1", "svc-1", 1.0))
                async with asyncio.timeout(PATIENCE):
                    assert await waiter.ended() is not None


@asynccontextmanager
async def waiting_in(store: PostgresStore) -> AsyncGenerator[Waiters]:
    waiters, supervisor = Waiters(store, reconnect_after=0.05), Supervisor("test")
    await supervisor.start()
    supervisor.spawn(waiters.listen)
    await waiters.subscribed()
    yield waiters
    await supervisor.stop()


async def test_when_only_the_listeners_connection_is_cut_nothing_is_missed(url: str) -> None:
    async with PostgresStore(url) as store, waiting_in(store) as waiters:
        await store.put(accepted("av_1", "svc-1"))
        with waiters.join("av_1") as waiter:
            assert await terminate_listeners(url) > 0
            await store.put(completion("av_1", "svc-1", 1.0))
            async with asyncio.timeout(PATIENCE):
                assert await waiter.ended() is not None


# The server dies, and comes back


async def put_surely(store: PostgresStore, record: TaskRecord, failures: Counter[bool]) -> None:
    """Again until the store has it, as whoever gets a 503."""
    while True:
        try:
            await store.put(record)
        except StoreError as error:
            failures[error.retryable] += 1
            await asyncio.sleep(0.05)
        else:
            return


@pytest.mark.crash
@pytest.mark.timeout(120)
async def test_waits_over_three_replicas_go_on_over_three_deaths_of_the_server(own: Postgres) -> None:
    url, count, failures = fresh_url(own.url), 120, Counter[bool]()
    async with PostgresStore(url) as one, PostgresStore(url) as two, PostgresStore(url) as three:
        replicas = (one, two, three)
        async with waiting_in(one) as a, waiting_in(two) as b, waiting_in(three) as c:
            waits: list[asyncio.Future[str]] = []
            for number, (store, waiters) in zip(range(count), itertools.cycle(zip(replicas, (a, b, c), strict=True))):
                await store.put(accepted(f"av_{number}", f"svc-{number}"))
                waits.append(asyncio.ensure_future(ended(waiters, f"av_{number}")))
            await asyncio.sleep(0)

            async def end(number: int) -> None:
                await asyncio.sleep(0.02 * number)
                record = completion(f"av_{number}", f"svc-{number}", 1.0)
                await put_surely(replicas[(number + 1) % 3], record, failures)

            ending = asyncio.gather(*(end(number) for number in range(count)))
            for _ in range(3):
                await asyncio.sleep(0.5)
                await asyncio.to_thread(own.kill)
                await asyncio.sleep(0.3)
                await asyncio.to_thread(own.start)
            await ending
            async with asyncio.timeout(PATIENCE):
                assert await asyncio.gather(*waits) == [f"av_{number}" for number in range(count)]
        async with consuming(one, "mail") as events:
            assert set(await taken(events, count)) == {f"av_{number}" for number in range(count)}
    assert failures.keys() <= {True}, "whatever was not tried again long enough says that it may be"
    assert await asked(url, "SELECT count(*) FROM aivideo_events WHERE ns = %s", one._server.namespace) == [(count,)]


async def ended(waiters: Waiters, id: str) -> str:
    with waiters.join(id) as waiter:
        await waiters.read((id,))
        while (record := await waiter.ended()) is None:
            pass
    assert record.status in ENDED
    return record.id


@pytest.mark.crash
@pytest.mark.timeout(120)
async def test_whatever_was_acknowledged_is_there_whenever_the_server_is_killed(own: Postgres) -> None:
    url = fresh_url(own.url)
    acknowledged: list[str] = []
    async with another_process("puts", url, "a") as process:
        assert process.stdout is not None
        for _ in range(5):
            for _ in range(100):
                acknowledged += (await process.stdout.readline()).decode().split()
            await asyncio.to_thread(own.kill)
            await asyncio.to_thread(own.start)
        process.kill()
        acknowledged += (await process.stdout.read()).decode().split("\n")[:-1]
    async with PostgresStore(url) as store:
        assert set(await store.get(acknowledged)) == set(acknowledged)


@pytest.mark.crash
async def test_a_server_that_is_frozen_fails_puts_in_time_and_none_afterwards(own: Postgres) -> None:
    url = fresh_url(own.url)
    async with PostgresStore(url, patience=1.0) as store:
        await asyncio.gather(*(store.put(accepted(f"av_{n}", f"svc-{n}")) for n in range(8)))
        for _ in range(3):
            own.pause()
            frozen = await asyncio.gather(
                *(store.put(intent(f"av_frozen_{n}", time.time())) for n in range(20)), return_exceptions=True
            )
            own.resume()
            assert all(isinstance(result, StoreError) and result.retryable for result in frozen)
            await settle(store)
            thawed = await asyncio.gather(*(store.get((f"av_{n}",)) for n in range(8)))
            assert all(len(found) == 1 for found in thawed)


async def settle(store: PostgresStore) -> None:
    """Until the server has dealt with what it was sent while it was frozen, one put at a time."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await store.put(accepted("av_0", "svc-0"))
            except StoreError:
                continue
            return


@pytest.mark.crash
async def test_a_store_is_closed_in_time_while_the_server_is_frozen(own: Postgres) -> None:
    store = await PostgresStore(fresh_url(own.url), patience=0.5).__aenter__()
    async with store.changes() as changes:
        own.pause()
        put = asyncio.ensure_future(store.put(accepted("av_1", "svc-1")))
        await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE):
            await store.__aexit__()
        own.resume()
        assert await anext(changes) == frozenset()
        with pytest.raises(StoreError):
            await put


@pytest.mark.crash
async def test_who_opens_while_the_server_starts_is_told_to_try_again(
    own: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await asyncio.to_thread(own.kill)
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        await PostgresStore(fresh_url(own.url)).__aenter__()
    await asyncio.to_thread(own.start)
    assert caught.value.retryable
    async with PostgresStore(fresh_url(own.url)):
        pass
    assert PASSWORD not in caplog.text
