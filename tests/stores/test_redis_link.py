from __future__ import annotations

import asyncio

import pytest
from redis import exceptions as theirs

from aivideo_async.core.errors import AIVideoError, ConfigurationError, StoreError
from aivideo_async.stores.redis_link import Address, Link, is_away, is_unknown_script, ours, translated_in_use
from tests.engines.valkey import Valkey
from tests.loopback import refused_port, serving
from tests.stores.redis_engine import fresh

SOMEWHERE = Address(host="redis.example.com")


# URLs


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://localhost", Address()),
        ("redis://localhost/", Address()),
        ("REDIS://localhost:6380/3", Address(port=6380, database=3)),
        ("redis://:p%40ss@h/0", Address(host="h", password="p@ss")),
        ("redis://me:p@h?namespace=web-1", Address(host="h", user="me", password="p", namespace="web-1")),
        ("redis://[::1]:1/0", Address(host="::1", port=1)),
        ("rediss://h:6380", Address(host="h", port=6380, encrypted=True)),
        ("unix:///run/a%20b.sock?db=2&namespace=x", Address(path="/run/a b.sock", database=2, namespace="x")),
        ("unix://me:p@/run/redis.sock", Address(path="/run/redis.sock", user="me", password="p")),
    ],
)
def test_a_url_says_where_the_engine_is(url: str, address: Address) -> None:
    assert Address.parse(url) == address


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("redis:", "names an engine"),
        ("redis://", "names an engine"),
        ("redis:///0", "names an engine"),
        ("redis://h#x", "names an engine"),
        ("unix://h/run/redis.sock", "names an engine"),
        ("unix://", "names an engine"),
        ("redis://u:hunter2@h:port/0", "cannot be read"),
        ("redis://u:hunter2@[h/0", "cannot be read"),
        ("redis://u:hunter2@h:99999", "cannot be read"),
        ("redis://u:hunter2@h/0?namespace", "cannot be read"),
        ("redis://u:hunter2@h/zero", "is a number"),
        ("redis://u:hunter2@h/-1", "is a number"),
        ("redis://u:hunter2@h/0/1", "is a number"),
        ("unix:///run/redis.sock?db=x", "is a number"),
        ("redis://u:hunter2@h?db=1", "option that is not known"),
        ("redis://u:hunter2@h?ssl_cert_reqs=none", "option that is not known"),
        ("redis://u:hunter2@h?namespace=a&namespace=b", "option that is not known"),
        ("redis://u:hunter2@h?namespace=", "1 to 64 letters"),
        ("redis://u:hunter2@h?namespace={a}", "1 to 64 letters"),
        ("redis://u:hunter2@h?namespace=" + "a" * 65, "1 to 64 letters"),
    ],
)
def test_a_url_that_names_no_engine_is_refused_without_its_password(url: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        Address.parse(url)
    assert "hunter2" not in repr(caught.value) + str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("redis://me:hunter2@h:1/2?namespace=x", "redis://h:1/2"),
        ("rediss://:hunter2@[::1]/0", "rediss://[::1]:6379/0"),
        ("unix://:hunter2@/run/redis.sock", "unix:///run/redis.sock?db=0"),
    ],
)
def test_an_address_shows_no_password(url: str, text: str) -> None:
    address = Address.parse(url)
    assert str(address) == text
    assert "hunter2" not in repr(address)


# Connecting


async def test_a_connection_asks_and_is_answered(redis_url: str) -> None:
    link = await Link.open(fresh(redis_url))
    assert await link.ask("ECHO", "é") == "é".encode()
    with pytest.raises(theirs.ResponseError):
        await link.ask("NONSENSE")
    assert link.usable
    await link.close()
    assert not link.usable


async def test_a_question_that_is_cancelled_closes_the_connection(redis_url: str) -> None:
    link = await Link.open(fresh(redis_url))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await link.ask("BLPOP", "nothing", 20)
    assert not link.usable


async def test_a_socket_in_the_file_system_will_do() -> None:
    with Valkey(password="p/w") as engine:
        link = await Link.open(Address.parse(f"unix://:p%2Fw@{engine.socket}?db=1"))
        assert await link.ask("PING") == b"PONG"
        await link.close()


async def test_an_encrypted_connection_is_encrypted() -> None:
    seen: list[bytes] = []

    async def hang_up(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.read(3))

    async with serving(hang_up) as url:
        with pytest.raises(theirs.ConnectionError):
            await Link.open(Address(host="127.0.0.1", port=int(url.rpartition(":")[2]), encrypted=True))
    assert seen[0].startswith(b"\x16\x03")  # a TLS handshake


async def test_where_nobody_listens_the_engine_is_away() -> None:
    with pytest.raises(theirs.ConnectionError) as caught:
        await Link.open(Address(host="127.0.0.1", port=refused_port()))
    assert is_away(caught.value)


# Errors


@pytest.mark.parametrize(
    ("error", "kind", "message", "retryable"),
    [
        (theirs.AuthenticationError("no"), ConfigurationError, "refuses this user and password", False),
        (theirs.AuthorizationError("no"), ConfigurationError, "refuses this user and password", False),
        (theirs.NoPermissionError("no"), ConfigurationError, "may not do what a store does", False),
        (TimeoutError(), StoreError, "does not answer in time", True),
        (theirs.TimeoutError("t"), StoreError, "does not answer in time", True),
        (theirs.ConnectionError("c"), StoreError, "cannot be reached", True),
        (theirs.BusyLoadingError("l"), StoreError, "cannot be reached", True),
        (OSError("o"), StoreError, "cannot be reached", True),
        (theirs.OutOfMemoryError("command not allowed"), StoreError, "refuses: command not allowed", True),
        (theirs.ReadOnlyError("r"), StoreError, "refuses: r", True),
        (theirs.ResponseError("BUSY a script"), StoreError, "refuses: BUSY", True),
        (theirs.ResponseError("WRONGTYPE"), StoreError, "refuses: WRONGTYPE", False),
        (theirs.DataError("d"), StoreError, "cannot keep this value", False),
        (ValueError("v"), StoreError, "cannot keep this value", False),
        (OverflowError("v"), StoreError, "cannot keep this value", False),
    ],
)
def test_every_foreign_error_becomes_ours(
    error: Exception, kind: type[AIVideoError], message: str, retryable: bool
) -> None:
    mapped = ours(error, SOMEWHERE)
    assert type(mapped) is kind
    assert str(mapped).startswith("redis://redis.example.com:6379/0: ")
    assert message in str(mapped)
    assert mapped.retryable is retryable


def test_every_class_of_theirs_becomes_ours() -> None:
    def all_of(cls: type[Exception]) -> set[type[Exception]]:
        return {cls}.union(*(all_of(sub) for sub in cls.__subclasses__()))

    for cls in all_of(theirs.RedisError):
        error = cls.__new__(cls, "said")
        assert isinstance(ours(error, SOMEWHERE), StoreError | ConfigurationError), cls


def test_what_is_ours_or_a_mistake_in_the_program_stays_as_it_is() -> None:
    for error in (StoreError("s"), ConfigurationError("c"), TypeError("t"), KeyError("k")):
        assert ours(error, SOMEWHERE) is error


def test_a_refusal_in_use_is_an_error_of_the_store() -> None:
    with pytest.raises(StoreError, match="refuses this user"), translated_in_use(SOMEWHERE):
        raise theirs.AuthenticationError("no")
    with pytest.raises(TypeError), translated_in_use(SOMEWHERE):
        raise TypeError


def test_only_a_forgotten_script_is_one() -> None:
    assert is_unknown_script(theirs.NoScriptError("n"))
    assert not is_unknown_script(theirs.ResponseError("n"))
