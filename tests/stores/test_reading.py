"""Stores that are only looked at, on every engine, by users who may do no more."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from aivideo_async.core.errors import ConfigurationError, StoreError
from aivideo_async.core.models import moment
from aivideo_async.stores import MemoryStore, open_store
from aivideo_async.stores.base import Query
from aivideo_async.stores.reading import ReadingStore
from aivideo_async.stores.redis_link import Address
from tests.engines.postgres import shared_url
from tests.stores.contract import scanned
from tests.stores.made import ORIGIN, accepted, completion
from tests.stores.postgres_engine import asked, fresh_url
from tests.stores.redis_engine import engine_says, keys_of


@dataclass(frozen=True)
class Place:
    """Where a store is for who may write and for who may only read, and all that is in there."""

    url: str
    reading: str
    content: Callable[[], Awaitable[object]]


@asynccontextmanager
async def a_file(tmp_path: Path) -> AsyncGenerator[Place]:
    url = f"sqlite:///{tmp_path}/own.db"

    async def content() -> object:
        return [(path.name, hashlib.sha256(path.read_bytes()).digest()) for path in sorted(tmp_path.iterdir())]

    yield Place(url, url, content)


@asynccontextmanager
async def a_namespace(redis_url: str) -> AsyncGenerator[Place]:
    name = f"reader-{secrets.token_hex(4)}"
    address = replace(Address.parse(redis_url), namespace=f"test-{name}")
    await engine_says(address, "ACL", "SETUSER", name, "on", ">p", "~av:*", "-@all", "+@read")

    async def content() -> object:
        return [(key, await engine_says(address, "DUMP", key)) for key in sorted(await keys_of(address))]

    option = f"?namespace={address.namespace}"
    try:
        yield Place(f"{redis_url}{option}", f"{redis_url.replace('://', f'://{name}:p@')}{option}", content)
    finally:
        await engine_says(address, "ACL", "DELUSER", name)


@asynccontextmanager
async def tables() -> AsyncGenerator[Place]:
    name, url = f"reader_{secrets.token_hex(4)}", fresh_url()
    async with open_store(fresh_url()):  # so that there are tables to be granted
        pass
    await asked(url, f"CREATE ROLE {name} LOGIN PASSWORD 'p'")
    await asked(url, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
    await asked(url, f"ALTER ROLE {name} SET default_transaction_read_only = on")

    async def content() -> object:
        return [
            await asked(url, f"SELECT * FROM aivideo_{table} WHERE ns = %s ORDER BY 1, 2", url.rpartition("=")[2])  # noqa: S608
            for table in ("tasks", "events", "consumers", "leases", "notes", "state")
        ]

    yield Place(url, f"postgresql://{name}:p@{url.rpartition('@')[2]}", content)
    await asked(url, f"DROP OWNED BY {name}")
    await asked(url, f"DROP ROLE {name}")


@pytest.fixture(params=["sqlite", "redis", "postgres"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Place]:
    if request.param == "redis":
        made = a_namespace(request.getfixturevalue("redis_url"))
    else:
        made = a_file(tmp_path) if request.param == "sqlite" else tables()
    async with made as place:
        yield place


async def test_it_shows_what_is_there_and_writes_nothing(place: Place) -> None:
    async with open_store(place.url) as writing:
        for number in range(103):
            await writing.put(replace(accepted(f"av_{number}", f"svc-{number}"), key=f"key-{number}"))
        await writing.put(completion("av_1", "svc-1", 0.0))
        await writing.note("callback-key", "abc")
        as_it_is = await writing.get(["av_1", "svc-2", "key-3", "nobody"])
        every, unfinished = await scanned(writing, Query()), await scanned(writing, Query(unfinished=True, limit=101))
    before = await place.content()
    async with open_store(place.reading, read_only=True) as store:
        assert (store.opened, store.durable) == (True, True)
        assert await store.get(["av_1", "svc-2", "key-3", "nobody"]) == as_it_is
        assert (await scanned(store, Query()), len(every)) == (every, 103)
        assert (await scanned(store, Query(unfinished=True, limit=101)), len(unfinished)) == (unfinished, 101)
        assert (await store.note("callback-key"), await store.note("other")) == ("abc", None)
    assert await place.content() == before


async def test_it_hears_of_changes(place: Place) -> None:
    async with (
        open_store(place.url) as writing,
        open_store(place.reading, read_only=True) as store,
        store.changes() as changes,
        asyncio.timeout(10),
    ):
        await writing.put(accepted("av_1", "svc-1"))
        while "av_1" not in await anext(changes):
            pass


async def test_where_there_is_none_it_makes_none(place: Place) -> None:
    before = await place.content()
    with pytest.raises(ConfigurationError, match=r"there is no (file|store)"):
        async with open_store(place.reading, read_only=True):
            raise AssertionError
    assert await place.content() == before


async def test_a_database_without_tables_gets_none() -> None:
    name = f"empty_{secrets.token_hex(4)}"
    await asked(shared_url(), f"CREATE DATABASE {name}")
    url = f"{shared_url().rpartition('/')[0]}/{name}"
    try:
        with pytest.raises(ConfigurationError, match="no tables of ours"):
            async with open_store(url, read_only=True):
                raise AssertionError
        assert await asked(url, "SELECT to_regclass('aivideo_schema')") == [(None,)]
    finally:
        await asked(shared_url(), f"DROP DATABASE {name}")


async def test_what_would_write_is_refused() -> None:
    async with MemoryStore() as kept:
        store = ReadingStore(kept)
        for write in (
            lambda: store.put(accepted("av_1", "svc-1")),
            lambda: store.claim(ORIGIN, 1, 1.0),
            lambda: store.due("av_1", 1.0),
            lambda: store.prune(moment(0)),
            lambda: store.note("a", "b"),
            lambda: anext(store.events("group")),
        ):
            with pytest.raises(StoreError, match="for reading only"):
                await write()
        assert await scanned(store, Query()) == []


def test_a_store_that_is_only_read_is_one_of_those_that_are_known() -> None:
    assert isinstance(open_store("memory:", read_only=True), ReadingStore)
    with pytest.raises(ConfigurationError, match="no store is known"):
        open_store("redsi:", read_only=True)
