from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from aivideo_async.core.errors import StoreError
from aivideo_async.core.models import TaskRecord, TaskStatus, moment
from aivideo_async.stores import redis_records
from aivideo_async.stores.redis_connections import Connections
from aivideo_async.stores.redis_link import Address, Reply, Word
from aivideo_async.stores.redis_lua import Script
from aivideo_async.stores.redis_records import Terms, claim, due, find, put, to_record
from tests.doubles import ManualClock
from tests.stores.made import ELSEWHERE, ORIGIN, accepted, completion, everything, hint, intent, refusal
from tests.stores.redis_engine import engine_says

DAY = 86_400_000_000
CLOCK = ManualClock()
TERMS = Terms(CLOCK, 7 * DAY)


class CountedConnections(Connections):
    """Counts round trips, and does something before one of them."""

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self.count = 0
        self.others: list[Callable[[], Awaitable[object]]] = []

    async def run(self, script: Script, *words: Word) -> Reply:
        self.count += 1
        if self.others:
            await self.others.pop()()
        return await super().run(script, *words)


@pytest.fixture
async def connections(address: Address) -> AsyncGenerator[CountedConnections]:
    connections = CountedConnections(address)
    yield connections
    await connections.close()


async def held(connections: Connections, name: str) -> TaskRecord:
    return (await find(connections, (name,)))[name]


# Putting


async def test_a_first_put_is_one_round_trip_and_a_merge_two(connections: CountedConnections) -> None:
    counts: list[int] = []
    for record in (intent("av_1", 0.0), accepted("av_1", "svc-1"), accepted("av_1", "svc-1")):
        await put(connections, record, TERMS)
        counts.append(connections.count)
    assert counts == [1, 3, 4]


async def test_what_changes_between_reading_and_writing_is_merged_too(
    connections: CountedConnections, address: Address
) -> None:
    other = Connections(address)
    await put(connections, intent("av_1", 0.0), TERMS)

    async def come_between() -> None:
        await put(other, hint("av_1", 5.0, "svc-1"), TERMS)

    connections.others = [come_between, lambda: asyncio.sleep(0)]
    record = (await put(connections, accepted("av_1", "svc-1"), TERMS)).record
    assert (record.status, record.hinted_at) == (TaskStatus.PENDING, moment(5.0))
    assert await held(connections, "av_1") == record
    await other.close()


@pytest.mark.parametrize("move", ["claim", "due"])
async def test_a_put_does_not_take_back_a_next_check_that_was_moved_meanwhile(
    connections: CountedConnections, address: Address, move: str
) -> None:
    other, late = Connections(address), CLOCK() + 1_000
    await put(connections, accepted("av_1", "svc-1", next_check=CLOCK()), TERMS)

    async def come_between() -> None:
        if move == "claim":
            assert len(await claim(other, ORIGIN, 1, 1_000.0, TERMS)) == 1
        else:
            await due(other, "av_1", 1_000.0, TERMS)

    connections.others = [come_between, lambda: asyncio.sleep(0)]
    progress = replace(accepted("av_1", "svc-1"), progress=0.5)
    record = (await put(connections, progress, TERMS)).record
    assert record.next_check == moment(late)
    assert await held(connections, "av_1") == record
    assert await claim(connections, ORIGIN, 1, 30.0, TERMS) == []
    await other.close()


async def test_a_key_that_is_freed_goes_on_only_while_its_holder_stays_as_it_was(
    connections: CountedConnections, address: Address
) -> None:
    other = Connections(address)
    await put(connections, intent("av_1", 0.0, key="order-42"), TERMS)
    await put(connections, refusal("av_1", 0.0), TERMS)

    async def come_between() -> None:
        await put(other, hint("av_1", 5.0), TERMS)  # the service has it after all

    connections.others = [come_between, lambda: asyncio.sleep(0)]
    result = await put(connections, intent("av_2", 0.0, key="order-42"), TERMS)
    assert (result.record.id, result.changed) == ("av_1", False)
    assert await find(connections, ("av_2",)) == {}
    await other.close()


async def test_a_record_that_others_change_all_the_time_is_given_up(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_records, "MERGES_AT_MOST", 8)
    connections, other = CountedConnections(address), Connections(address)
    await put(other, intent("av_1", 0.0), TERMS)
    moments = iter(range(1, 100))

    async def come_between() -> None:
        await put(other, hint("av_1", float(next(moments))), TERMS)

    connections.others = [come_between] * 20
    with pytest.raises(StoreError, match="changed by others all the time") as caught:
        await put(connections, accepted("av_1", "svc-1"), TERMS)
    assert caught.value.retryable
    await asyncio.gather(connections.close(), other.close())


async def test_an_origin_that_becomes_known_later_makes_it_due_there(connections: CountedConnections) -> None:
    await put(connections, replace(accepted("av_1", "svc-1", next_check=0.0), origin=""), TERMS)
    await put(connections, accepted("av_1", "svc-1", origin=ELSEWHERE), TERMS)
    assert await claim(connections, "", 1, 30.0, TERMS) == []
    assert [record.id for record in await claim(connections, ELSEWHERE, 1, 30.0, TERMS)] == ["av_1"]


@pytest.mark.parametrize("name", ["", "=", "a:b", "{x}", "*", "\n", "é\U0001f600", "x" * 1_000])
async def test_any_key_and_any_id_will_do(connections: CountedConnections, name: str) -> None:
    await put(connections, replace(intent("av_1", 0.0, key=f"k{name}"), service_id=f"s{name}"), TERMS)
    await put(connections, intent("av_empty", 0.0, key=""), TERMS)
    assert (await put(connections, intent("av_2", 0.0, key=f"k{name}"), TERMS)).record.id == "av_1"
    assert (await put(connections, intent("av_3", 0.0, key=""), TERMS)).record.id == "av_empty"
    assert {record.id for record in (await find(connections, (f"k{name}", f"s{name}"))).values()} == {"av_1"}


async def test_a_record_survives_with_every_field_and_to_the_microsecond(connections: CountedConnections) -> None:
    at = moment(1e9) + timedelta(microseconds=123_457)
    for id, check in (("av_1", at), ("av_2", moment(-5.25)), ("av_3", moment(2e11))):
        record = replace(everything(id, 0.0), service_id=None, hinted_id=None, key=None, next_check=check)
        record = replace(record, status=TaskStatus.EXPIRED)
        await put(connections, record, TERMS)
        assert await held(connections, id) == record


# What cannot be read


async def test_what_is_due_and_cannot_be_read_does_not_keep_the_others_from_being_claimed(
    connections: CountedConnections, address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        await put(connections, accepted(f"av_{number}", f"svc-{number}", next_check=float(number)), TERMS)
    newer = '{"v":99,"output":{"urls":["https://cdn.example.com/a.mp4?sig=secret"]}}'
    await engine_says(address, "HSET", f"{address.prefix}t:av_0", "body", newer)
    await engine_says(address, "DEL", f"{address.prefix}t:av_1")
    with caplog.at_level(logging.WARNING):
        assert [record.id for record in await claim(connections, ORIGIN, 1, 30.0, TERMS)] == []
        assert [record.id for record in await claim(connections, ORIGIN, 1, 30.0, TERMS)] == ["av_2"]
    assert "av_0 is due" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("damage", [("body", "{"), ("body", '{"v":99}'), ("next", "soon"), ("next", "9" * 30)])
async def test_what_cannot_be_read_is_an_error_of_the_store(
    connections: CountedConnections, address: Address, damage: tuple[str, str]
) -> None:
    await put(connections, accepted("av_1", "svc-1"), TERMS)
    await engine_says(address, "HSET", f"{address.prefix}t:av_1", *damage)
    with pytest.raises(StoreError):
        await find(connections, ("av_1",))
    with pytest.raises(StoreError):
        await put(connections, completion("av_1", "svc-1", 0.0), TERMS)


async def test_a_holder_that_is_no_record_is_an_error_of_the_store(
    connections: CountedConnections, address: Address
) -> None:
    await put(connections, accepted("av_1", "svc-1"), TERMS)
    await engine_says(address, "HDEL", f"{address.prefix}t:av_1", "body")
    with pytest.raises(StoreError, match="cannot be read"):
        await put(connections, accepted("av_2", "svc-1"), TERMS)


def test_a_next_check_is_read_exactly() -> None:
    at = moment(0.0) + timedelta(microseconds=-1)
    assert to_record(b'{"v":1,"id":"a","origin":"b"}', b"-1").next_check == at
    assert to_record(b'{"v":1,"id":"a","origin":"b"}', b"").next_check is None


def test_without_a_clock_the_engine_is_asked() -> None:
    assert Terms(None, 1).now == ""
    assert Terms(lambda: 1.5, 1).now == "1500000"
