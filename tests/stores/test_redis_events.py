from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from aivideo_async.core.errors import EventsLostError, StoreError
from aivideo_async.core.models import moment
from aivideo_async.stores.redis_connections import Connections
from aivideo_async.stores.redis_events import Given, acknowledge, take
from aivideo_async.stores.redis_link import Address
from aivideo_async.stores.redis_records import Terms, forget, put
from tests.stores.lossy import lossy
from tests.stores.made import completion
from tests.stores.redis_engine import RedisEngine, engine_says

LEASE = 30.0
KEEP = 10**12


class Feed:
    """Endings in a namespace, a second after each other, and a clock."""

    def __init__(self, url: str) -> None:
        self.engine = RedisEngine(url)
        self.address: Address = self.engine.address
        self.connections = Connections(self.address)
        self.places: dict[str, bytes] = {}
        self.count = 0
        self.lease = LEASE

    async def end(self, count: int) -> None:
        """So many tasks end."""
        for _ in range(count):
            number, self.count = self.count, self.count + 1
            record = completion(f"av_{number}", f"svc-{number}", self.engine.now())
            await put(self.connections, record, Terms(self.engine.clock, KEEP))
            self.engine.clock.advance(1)

    async def forget(self, count: int) -> None:
        """The oldest are forgotten, so that only ``count`` are left."""
        await forget(self.connections, moment(self.engine.now() - count))

    async def take(self, group: str = "mail") -> str:
        """The id of what the group is given, the message of an error, or seconds."""
        try:
            taken = await take(self.connections, group, self.lease)
        except EventsLostError as lost:
            return str(lost)
        if not isinstance(taken, Given):
            return f"{taken:.0f}"
        self.places[taken.record.id] = taken.place
        return taken.record.id

    async def acknowledge(self, id: str, group: str = "mail") -> None:
        await acknowledge(self.connections, self.address, group, self.places[id])


NOTHING = f"{LEASE:.0f}"


@pytest.fixture
async def feed(redis_url: str) -> AsyncGenerator[Feed]:
    feed = Feed(redis_url)
    yield feed
    await feed.connections.close()


async def test_an_ending_has_its_place_by_its_moment(feed: Feed) -> None:
    at = feed.engine.now()
    await feed.end(1)
    taken = await take(feed.connections, "mail", LEASE)
    assert isinstance(taken, Given)
    assert taken.place == f"{at * 1000:.0f}-0".encode()


async def test_endings_of_a_moment_or_of_a_clock_that_went_back_keep_their_order(feed: Feed) -> None:
    await feed.end(1)
    for _ in range(3):
        feed.engine.clock.advance(-1000)
        await feed.end(1)
    assert [await feed.take() for _ in range(4)] == ["av_0", "av_1", "av_2", "av_3"]


async def test_each_group_is_given_everything_in_order(feed: Feed) -> None:
    await feed.end(2)
    given = [await feed.take(), await feed.take("bill"), await feed.take(), await feed.take("bill")]
    assert given == ["av_0", "av_0", "av_1", "av_1"]


async def test_nothing_new_says_when_there_may_be_something(feed: Feed) -> None:
    assert await feed.take() == NOTHING
    await feed.end(1)
    await feed.take()
    await feed.engine.advance(10)
    assert float(await feed.take()) <= LEASE - 10


async def test_what_was_not_acknowledged_comes_again_before_what_is_new(feed: Feed) -> None:
    await feed.end(3)
    assert [await feed.take(), await feed.take()] == ["av_0", "av_1"]
    await feed.engine.advance(LEASE)
    assert [await feed.take(), await feed.take(), await feed.take()] == ["av_0", "av_1", "av_2"]


async def test_what_was_acknowledged_does_not_come_again(feed: Feed) -> None:
    await feed.end(2)
    await feed.take()
    for _ in range(2):
        await feed.acknowledge("av_0")
    await feed.engine.advance(LEASE)
    assert await feed.take() == "av_1"


async def test_to_acknowledge_for_one_group_is_nothing_to_another(feed: Feed) -> None:
    await feed.end(1)
    assert [await feed.take(), await feed.take("bill")] == ["av_0", "av_0"]
    await feed.acknowledge("av_0")
    await feed.engine.advance(LEASE)
    assert [await feed.take(), await feed.take("bill")] == [NOTHING, "av_0"]


@pytest.mark.parametrize(
    ("taken", "acknowledged", "left", "lost"), [(1, 0, 1, 3), (1, 1, 1, 2), (2, 1, 2, 1), (1, 0, 0, 4), (4, 2, 0, 2)]
)
async def test_what_was_forgotten_before_a_group_had_dealt_with_it_is_said_once(
    feed: Feed, taken: int, acknowledged: int, left: int, lost: int
) -> None:
    await feed.end(4)
    for _ in range(taken):
        await feed.take()
    for number in range(acknowledged):
        await feed.acknowledge(f"av_{number}")
    await feed.forget(left)
    assert await feed.take() == f"{lost} endings are forgotten that the group 'mail' has not dealt with"
    assert await feed.take() == (f"av_{4 - left}" if left else NOTHING)


async def test_a_group_that_had_dealt_with_everything_has_lost_nothing(feed: Feed) -> None:
    await feed.end(1)
    await feed.take()
    await feed.acknowledge("av_0")
    await feed.forget(0)
    assert await feed.take() == NOTHING
    await feed.end(1)
    assert await feed.take() == "av_1"


async def test_a_new_group_begins_with_the_oldest_that_is_kept(feed: Feed) -> None:
    await feed.end(3)
    await feed.forget(2)
    assert await feed.take("new") == "av_1"


async def test_what_somebody_deleted_by_hand_is_lost_too(feed: Feed) -> None:
    await feed.end(2)
    await feed.take()
    await engine_says(feed.address, "XDEL", f"{feed.address.prefix}events", feed.places["av_0"])
    feed.lease = 0.001
    await asyncio.sleep(2 * feed.lease)
    assert await feed.take() == "1 endings are forgotten that the group 'mail' has not dealt with"
    feed.lease = LEASE
    assert await feed.take() == "av_1"


async def test_a_loss_is_told_although_the_answer_was_lost_that_said_so(feed: Feed) -> None:
    await feed.end(2)
    await feed.take()
    await feed.forget(0)
    async with lossy(feed.address) as way:
        connections, way.losing = Connections(way.address), 3
        with pytest.raises(EventsLostError, match="2 endings"):
            await take(connections, "mail", LEASE)
        await connections.close()
    assert await feed.take() == NOTHING


async def test_an_ending_that_cannot_be_read_is_an_error_of_the_store(feed: Feed) -> None:
    await engine_says(feed.address, "XADD", f"{feed.address.prefix}events", "1-1", "body", "{")
    with pytest.raises(StoreError, match="cannot be read"):
        await feed.take()
