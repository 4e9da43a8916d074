from __future__ import annotations

import asyncio
import pickle
import socket

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from aivideo_async.core.errors import AIVideoError, ConfigurationError, EventsLostError, StoreError
from aivideo_async.stores.postgres_server import (
    NAMESPACE,
    Server,
    code_of,
    cut,
    cut_after,
    gone,
    ours,
    worth_repeating,
)
from tests.engines.launching import free_port
from tests.engines.postgres import PASSWORD, USER, shared_url
from tests.stores.postgres_engine import asked, connected, with_options

HERE = "postgresql://user:hunter2@host/db"

# URLs


@pytest.mark.parametrize(
    ("url", "namespace"),
    [
        (HERE, NAMESPACE),
        (f"{HERE}?namespace=ns", "ns"),
        (f"{HERE}?sslmode=require&namespace=a.b-c_1&connect_timeout=4", "a.b-c_1"),
        ("postgres://host/db?namespace=ns", "ns"),
        ("postgresql://a:1,b:2/db?namespace=%6es", "ns"),
        ("postgresql:///db?host=/var/run", NAMESPACE),
    ],
)
def test_a_namespace_is_taken_out_of_the_url(url: str, namespace: str) -> None:
    server = Server(url)
    assert server.namespace == namespace
    assert "namespace" not in server._conninfo


async def test_of_several_hosts_one_that_answers_is_found() -> None:
    here = shared_url().partition("@")[2].partition("/")[0]
    connection = await Server(shared_url().replace(here, f"127.0.0.1:{free_port()},{here}")).connect()
    await connection.close()


def test_the_rest_is_left_to_libpq() -> None:
    given = conninfo_to_dict(Server(f"{HERE}?namespace=ns&sslmode=require&application_name=x")._conninfo)
    assert (given["host"], given["sslmode"], given["application_name"]) == ("host", "require", "x")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (f"{HERE}?namespace=", "one name"),
        (f"{HERE}?namespace=a/b", "one name"),
        (f"{HERE}?namespace={'a' * 65}", "one name"),
        (f"{HERE}?namespace=a&namespace=b", "one name"),
        (f"{HERE}?nonsense=1", "no URL"),
        ("host=host password=hunter2", "no URL"),
        ("mysql://user:hunter2@host/db", "no URL"),
        ("postgresql://user:hunter2@host:hunter2/db", "no URL"),
        ("postgresql://user:hunter2/@host/db", "%2F"),
        ("postgresql://user:a@hunter2@host/db", "%40"),
        ("postgresql://user:hunter2%zz@host/db", "no URL"),
        ("postgresql://user:hunter2@[host/db", "no URL"),
    ],
)
def test_what_is_no_such_url_is_refused_and_not_repeated(url: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        Server(url)
    assert "hunter2" not in str(caught.value) + repr(caught.value)
    assert caught.value.__cause__ is None


# Why it does not open


async def refusal_at(url: str) -> Exception:
    """Why one cannot connect, as somebody who opens the store is told."""
    server = Server(url)
    with pytest.raises((psycopg.Error, OSError)) as caught:
        await server.connect()
    return await server.refusal(caught.value)


@pytest.mark.parametrize(
    ("what", "by", "said"),
    [
        (f":{PASSWORD}@", ":hunter2@", "password authentication failed"),
        (f":{PASSWORD}@", "@", "no password supplied"),
        (f"//{USER}:", "//nobody-knows-me:", "password authentication failed"),
        ("/postgres?", "/no-such-database?", "does not exist"),
    ],
)
async def test_a_server_that_does_not_let_us_in_is_a_matter_of_configuration(what: str, by: str, said: str) -> None:
    error = await refusal_at(with_options(shared_url(), namespace="ns").replace(what, by))
    assert isinstance(error, ConfigurationError)
    assert str(error).startswith("PostgreSQL does not let us in (")
    assert said in str(error)
    assert PASSWORD not in repr(error) + str(error)
    assert "hunter2" not in repr(error) + str(error)


async def test_a_server_that_is_away_is_one_clear_sentence() -> None:
    error = await refusal_at(f"postgresql://user:hunter2@127.0.0.1:{free_port()}/db")
    assert isinstance(error, StoreError)
    assert error.retryable
    assert str(error).startswith("PostgreSQL cannot be reached (")
    assert "hunter2" not in repr(error) + str(error)
    assert "\n" not in str(error)


async def test_a_server_that_says_nothing_is_not_waited_for_for_long() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = Server(f"postgresql://user@127.0.0.1:{silent.getsockname()[1]}/db")
        with pytest.raises(TimeoutError) as caught:
            await server.connect(within=0.05)
    assert str(await server.refusal(caught.value)) == "PostgreSQL does not answer in time"


async def test_a_server_that_has_come_up_meanwhile_is_one_to_try_again() -> None:
    error = await Server(shared_url()).refusal(psycopg.OperationalError("connection failed: Connection refused"))
    assert isinstance(error, StoreError)
    assert error.retryable


async def test_a_server_without_room_is_one_to_try_again() -> None:
    full = psycopg.OperationalError("connection failed: FATAL:  sorry, too many clients already")
    error = await Server(shared_url()).refusal(full)
    assert isinstance(error, StoreError)
    assert error.retryable


async def test_what_the_server_refuses_for_lack_of_rights_is_a_matter_of_configuration() -> None:
    with pytest.raises(psycopg.Error) as caught:
        await asked(shared_url(), "SET ROLE pg_monitor; SELECT * FROM pg_authid")
    error = await Server(shared_url()).refusal(caught.value)
    assert isinstance(error, ConfigurationError)
    assert str(error) == "this user lacks a permission (permission denied for table pg_authid)"


# What errors mean


@pytest.mark.parametrize(
    ("foreign", "message", "retryable"),
    [
        (psycopg.OperationalError("server closed the connection"), "cannot be reached", True),
        (psycopg.errors.AdminShutdown("bye"), "cannot be reached", True),
        (psycopg.errors.CannotConnectNow("starting up"), "cannot be reached", True),
        (ConnectionResetError("reset"), "cannot be reached", True),
        (TimeoutError(), "does not answer in time", True),
        (psycopg.errors.QueryCanceled("statement timeout"), "does not answer in time", True),
        (psycopg.errors.DiskFull("full"), "refuses", True),
        (psycopg.errors.DeadlockDetected("deadlock"), "refuses", True),
        (psycopg.errors.ReadOnlySqlTransaction("standby"), "cannot be written to", True),
        (psycopg.errors.InsufficientPrivilege("no"), "lacks a permission", False),
        (psycopg.errors.UndefinedTable("gone"), "refuses", False),
        (psycopg.DataError("NUL"), "cannot keep", False),
        (psycopg.errors.NumericValueOutOfRange("too big"), "cannot keep", False),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates"), "cannot keep", False),
    ],
)
def test_every_foreign_error_becomes_ours(foreign: Exception, message: str, retryable: bool) -> None:
    error = ours(foreign)
    assert type(error) is StoreError
    assert message in str(error)
    assert error.retryable is retryable
    assert error.__cause__ is foreign
    assert pickle.loads(pickle.dumps(error)).args == error.args


def test_ours_stay_and_so_do_mistakes() -> None:
    for error in (EventsLostError("lost"), ConfigurationError("wrong"), KeyError("mistake")):
        assert ours(error) is error


@pytest.mark.parametrize("error", [psycopg.errors.SerializationFailure(), psycopg.errors.UniqueViolation()])
def test_what_somebody_elses_turn_caused_is_worth_repeating(error: psycopg.Error) -> None:
    assert worth_repeating(error)
    assert not gone(error)


def test_what_nobody_said_has_no_code() -> None:
    assert code_of(ValueError()) is None
    assert not worth_repeating(ValueError())
    assert isinstance(ours(psycopg.InterfaceError("")), AIVideoError)


# Cutting


async def test_what_takes_too_long_is_cut() -> None:
    async with connected(shared_url()) as connection:
        with pytest.raises(TimeoutError), cut_after(connection, 0.05):
            await connection.execute("SELECT pg_sleep(60)")
        assert connection.closed


async def test_what_ends_in_time_is_not() -> None:
    async with connected(shared_url()) as connection:
        with cut_after(connection, 0.05):
            await connection.execute("SELECT 1")
        await asyncio.sleep(0.1)
        with pytest.raises(psycopg.errors.DivisionByZero), cut_after(connection, 5.0):
            await connection.execute("SELECT 1 / 0")
        assert not connection.closed


async def test_a_connection_that_is_closed_may_be_cut() -> None:
    async with connected(shared_url()) as connection:
        await connection.close()
        cut(connection)
