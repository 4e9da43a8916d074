from __future__ import annotations

import pytest

from aivideo_async import stores
from aivideo_async.core.errors import ConfigurationError
from aivideo_async.stores import MemoryStore, open_store
from aivideo_async.stores.redis import RedisStore
from aivideo_async.stores.sqlite import SqliteStore
from tests.cli.processes import python


@pytest.mark.parametrize("url", ["memory:", "memory://", "MEMORY:"])
def test_memory_is_a_store_of_its_own_each_time(url: str) -> None:
    store = open_store(url)
    assert isinstance(store, MemoryStore)
    assert not store.opened
    assert open_store(url) is not store


@pytest.mark.parametrize("url", ["sqlite:///aivideo.db", "SQLite:////var/lib/aivideo/aivideo.db"])
def test_sqlite_is_a_file(url: str) -> None:
    store = open_store(url)
    assert isinstance(store, SqliteStore)
    assert not store.opened


@pytest.mark.parametrize("url", ["redis://localhost/0", "REDISS://:p@h:1/2?namespace=x", "unix:///run/redis.sock"])
def test_redis_is_a_namespace_of_an_engine(url: str) -> None:
    store = open_store(url)
    assert isinstance(store, RedisStore)
    assert not store.opened


def test_an_engine_is_imported_only_when_it_is_wanted_and_says_what_to_install_where_it_is_missing() -> None:
    program = """
from aivideo_async import stores
from aivideo_async.core.errors import ConfigurationError
try:
    stores.open_store("redis://:hunter2@localhost/0")
except ConfigurationError as error:
    print(error)
"""
    ran = python(program, without=("redis",))
    assert ran.stdout == "a Redis store needs an extra (pip install 'aivideo-async[redis]')\n"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("redsi://localhost/0", "begins with redsi:"),
        ("aivideo.db", "has no scheme"),
        ("", "has no scheme"),
        ("memory", "has no scheme"),
        ("http://[", "begins with http:"),
        ("sqlite:aivideo.db", "three slashes"),
        ("redis:localhost", "names an engine"),
        ("memory:shared", "has no name"),
        ("memory://shared", "has no name"),
    ],
)
def test_what_names_no_store_is_refused(url: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        open_store(url)


@pytest.mark.parametrize("url", ["resid://user:hunter2@host/0", "//user:hunter2@host/0", "user:hunter2@host"])
def test_a_password_in_a_url_is_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_store(url)
    assert "hunter2" not in repr(caught.value) + str(caught.value)


def test_what_may_be_written_instead_is_said() -> None:
    with pytest.raises(ConfigurationError, match="memory:, sqlite:"):
        open_store("redsi://localhost/0")


def test_every_public_name_is_there() -> None:
    assert all(hasattr(stores, name) for name in stores.__all__)
