from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivideo_async.core.models import moment
from aivideo_async.stores.feeds import COMPACT_AT, DueQueue, Ending, EventFeed, Subscription
from tests.stores.made import completion

ENDED = [completion(f"av_{number}", f"svc-{number}", 0.0) for number in range(6)]


def always(_at: datetime, _id: str) -> bool:
    return True


def never(_at: datetime, _id: str) -> bool:
    return False


# What is due


@given(st.lists(st.integers(0, 20)))
def test_what_is_due_comes_the_earliest_first_and_never_too_early(times: list[int]) -> None:
    queue = DueQueue()
    for number, at in enumerate(times):
        queue.push(moment(at), f"av_{number}", counts=always)
    given_out: list[float] = []
    while (entry := queue.pop_until(moment(10))) is not None:
        given_out.append(entry[0].timestamp())
    assert given_out == sorted(at for at in times if at <= 10)
    assert len(queue) == len([at for at in times if at > 10])


@pytest.mark.parametrize(("counts", "left"), [(never, 0), (always, COMPACT_AT)])
def test_only_what_no_longer_counts_goes_when_there_is_much(counts: Callable[[datetime, str], bool], left: int) -> None:
    queue = DueQueue()
    for number in range(COMPACT_AT):
        queue.push(moment(number), "av_1", counts=counts)
    assert len(queue) == left


def test_the_same_entry_twice_is_one_after_tidying_up() -> None:
    queue = DueQueue()
    for _ in range(COMPACT_AT):
        queue.push(moment(1), "av_1", counts=always)
    assert len(queue) == 1


# Who is told


async def test_a_subscription_collects_ids_until_they_are_read() -> None:
    loop = asyncio.get_running_loop()
    subscription = Subscription(loop)
    for id in ("av_1", "av_2", "av_1"):
        assert subscription.tell(id, loop)
    assert await anext(aiter(subscription)) == {"av_1", "av_2"}
    subscription.tell("av_3", loop)
    assert await anext(subscription) == {"av_3"}


async def test_more_than_it_can_hold_means_read_again() -> None:
    loop = asyncio.get_running_loop()
    subscription = Subscription(loop, at_most=2)
    for number in range(5):
        subscription.tell(f"av_{number}", loop)
    assert await anext(subscription) == frozenset()
    subscription.tell("av_9", loop)
    assert await anext(subscription) == {"av_9"}


async def test_ids_that_were_missed_mean_read_again() -> None:
    loop = asyncio.get_running_loop()
    subscription = Subscription(loop)
    for id in ("av_1", None, "av_2"):
        assert subscription.tell(id, loop)
    assert await anext(subscription) == frozenset()
    subscription.tell("av_3", loop)
    assert await anext(subscription) == {"av_3"}


async def test_a_cancelled_reader_loses_nothing() -> None:
    loop = asyncio.get_running_loop()
    subscription = Subscription(loop)
    reading = asyncio.ensure_future(anext(subscription))
    await asyncio.sleep(0)
    subscription.tell("av_1", loop)
    reading.cancel()
    await asyncio.wait([reading])
    assert reading.cancelled()
    assert await anext(subscription) == {"av_1"}


async def test_another_thread_wakes_the_reader() -> None:
    subscription = Subscription(asyncio.get_running_loop())

    async def tell() -> bool:
        return subscription.tell("av_1", asyncio.get_running_loop())

    reading = asyncio.ensure_future(anext(subscription))
    assert await asyncio.to_thread(lambda: asyncio.run(tell()))
    assert await reading == {"av_1"}


async def test_a_closed_loop_is_told_nothing_and_said_so() -> None:
    closed = asyncio.new_event_loop()
    closed.close()
    assert not Subscription(closed).tell("av_1", asyncio.get_running_loop())


# Which endings were given


def taken(feed: EventFeed, group: str, now: float) -> str | None:
    ending = feed.take(group, now)
    return ending.record.id if isinstance(ending, Ending) else None if ending is None else ending.message


def a_feed(count: int, *, at_most: int = 100) -> EventFeed:
    feed = EventFeed(at_most=at_most, lease=10.0)
    for number in range(count):
        feed.append(ENDED[number], now=float(number))
    return feed


def test_each_group_is_given_every_ending_once_and_in_order() -> None:
    feed = a_feed(2)
    assert [taken(feed, "mail", 0) for _ in range(3)] == ["av_0", "av_1", None]
    assert [taken(feed, "bill", 0) for _ in range(3)] == ["av_0", "av_1", None]


def test_what_is_not_acknowledged_comes_again_when_its_lease_is_over() -> None:
    feed = a_feed(2)
    first, second = feed.take("mail", 0), feed.take("mail", 5)
    assert isinstance(first, Ending)
    assert isinstance(second, Ending)
    feed.acknowledge("mail", second.number)
    assert taken(feed, "mail", 9.9) is None
    assert taken(feed, "mail", 10) == "av_0"
    assert taken(feed, "mail", 19.9) is None
    feed.acknowledge("mail", first.number)
    assert taken(feed, "mail", 100) is None


def test_what_was_given_longest_ago_comes_again_first() -> None:
    feed = a_feed(2)
    assert [taken(feed, "mail", 0), taken(feed, "mail", 5)] == ["av_0", "av_1"]
    assert [taken(feed, "mail", now) for now in (10, 15, 20, 24)] == ["av_0", "av_1", "av_0", None]


def test_to_acknowledge_what_was_never_given_does_nothing() -> None:
    feed = a_feed(1)
    feed.acknowledge("mail", 0)
    assert taken(feed, "mail", 0) == "av_0"


def lost(count: int) -> str:
    return f"{count} endings are forgotten that the group 'mail' has not dealt with"


def test_only_so_many_endings_are_kept_and_a_group_is_told_once_what_it_lost() -> None:
    feed = a_feed(2, at_most=3)
    assert [taken(feed, "mail", 0) for _ in range(2)] == ["av_0", "av_1"]
    for record in ENDED[2:6]:
        feed.append(record, now=0)
    assert [taken(feed, "mail", 100) for _ in range(5)] == [lost(3), "av_3", "av_4", "av_5", None]


def test_pruned_endings_are_not_given() -> None:
    feed = a_feed(4)
    assert taken(feed, "mail", 0) == "av_0"
    feed.prune(2.0)
    assert [taken(feed, "mail", 100) for _ in range(4)] == [lost(2), "av_2", "av_3", None]
    feed.prune(100.0)
    assert taken(feed, "late", 100) is None
