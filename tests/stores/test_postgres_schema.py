from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator

import pytest

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.stores.postgres_schema import (
    NOW,
    PREPARING,
    VERSION,
    Turn,
    channel_of,
    lock_of,
    prepare,
    storable,
)
from tests.engines.postgres import shared_url
from tests.stores.postgres_engine import asked, connected, with_options


@pytest.fixture
async def url() -> AsyncGenerator[str]:
    """A schema of its own, still empty."""
    name = f"s_{secrets.token_hex(8)}"
    await asked(shared_url(), f"CREATE SCHEMA {name}")
    yield with_options(shared_url(), options=f"-csearch_path%3D{name}", namespace="ns")
    await asked(shared_url(), f"DROP SCHEMA {name} CASCADE")


async def prepared(url: str, namespace: str = "ns") -> None:
    async with connected(url) as connection:
        turn = Turn(connection, namespace)
        await turn.begin([PREPARING])
        await prepare(turn)
        await connection.execute("COMMIT")


def test_locks_and_channels_are_of_what_is_named() -> None:
    locks = {lock_of("ab", "c"), lock_of("a", "bc"), lock_of("ab", "c", ""), lock_of("ab", "d")}
    assert len(locks) == 4
    assert all(-(2**63) <= lock < 2**63 for lock in locks)
    assert channel_of("a") != channel_of("b")


def test_what_postgresql_cannot_hold_is_known() -> None:
    assert [storable(name) for name in ("av_1", "é\U0001f600", "a\0", "\ud800")] == [True, True, False, False]


async def test_tables_are_made_once_also_by_several_at_once(url: str) -> None:
    await asyncio.gather(*(prepared(url, namespace) for namespace in ("a", "a", "b", "c")))
    assert await asked(url, "SELECT * FROM aivideo_schema") == [(VERSION,)]
    assert await asked(url, "SELECT ns FROM aivideo_state ORDER BY ns") == [("a",), ("b",), ("c",)]


async def test_a_newer_version_is_refused_and_left_alone(url: str) -> None:
    await prepared(url)
    await asked(url, "UPDATE aivideo_schema SET version = version + 1")
    with pytest.raises(ConfigurationError, match=f"version {VERSION + 1} of the tables .* knows {VERSION}"):
        await prepared(url, "another")
    assert await asked(url, "SELECT ns FROM aivideo_state") == [("ns",)]


async def test_a_turn_sees_what_was_committed_meanwhile_whatever_the_databases_default_is(url: str) -> None:
    await prepared(url)
    stricter = url.replace("-csearch", "-cdefault_transaction_isolation%3Dserializable%20-csearch")
    async with connected(stricter) as connection:
        turn = Turn(connection, "ns")
        await turn.begin([])
        assert await turn.row("SELECT count(*) FROM aivideo_notes") == (0,)
        await asked(url, "INSERT INTO aivideo_notes VALUES ('ns', 'a', 'b')")
        assert await turn.row("SELECT count(*) FROM aivideo_notes") == (1,)
        await connection.execute("ROLLBACK")


async def test_nothing_is_set_for_longer_than_a_transaction() -> None:
    async with connected(shared_url()) as connection:
        before = await Turn(connection, "ns").row("SHOW statement_timeout")
        await Turn(connection, "ns").begin([])
        assert await Turn(connection, "ns").row("SHOW statement_timeout") == ("5s",)
        await connection.execute("COMMIT")
        assert await Turn(connection, "ns").row("SHOW statement_timeout") == before


async def test_now_is_the_engines_clock_unless_another_is_given() -> None:
    async with connected(shared_url()) as connection:
        (ours,) = await Turn(connection, "ns", lambda: 1.5).row(f"SELECT {NOW}") or (None,)
        both = f"SELECT {NOW}, extract(epoch FROM statement_timestamp())::float8"  # noqa: S608 - our own words
        row = await Turn(connection, "ns").row(both)
    assert ours == 1_500_000
    assert row is not None
    assert abs(row[0] / 1e6 - row[1]) < 0.001
