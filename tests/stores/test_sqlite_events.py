from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aivideo_async.core.errors import EventsLostError
from aivideo_async.stores import sqlite_rows
from aivideo_async.stores.feeds import Ending
from aivideo_async.stores.sqlite_events import acknowledge, take
from aivideo_async.stores.sqlite_schema import DatabaseFile, Turn
from tests.doubles import ManualClock
from tests.stores.made import completion

LEASE = 30.0
KEEP = 10**12


class Feed:
    """Endings in a database, a second after each other, and a clock."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.clock = ManualClock()
        self.count = 0

    def end(self, count: int) -> None:
        """So many tasks end."""
        for _ in range(count):
            number, self.count = self.count, self.count + 1
            sqlite_rows.put(self.turn, completion(f"av_{number}", f"svc-{number}", self.clock()), KEEP)
            self.clock.advance(1)

    def forget(self, count: int) -> None:
        """The oldest are forgotten, so that only ``count`` are left."""
        sqlite_rows.forget(self.turn, round((self.clock() - count) * 1e6))

    def take(self, group: str = "mail") -> str | float:
        """The id of what the group is given, the message of an error, or seconds."""
        taken = take(self.turn, group, LEASE)
        if isinstance(taken, Ending):
            return taken.record.id
        return str(taken) if isinstance(taken, EventsLostError) else taken

    @property
    def turn(self) -> Turn:
        return Turn(self.db, self.clock)


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[Feed]:
    with closing(DatabaseFile(tmp_path / "aivideo.db").open()) as db:
        yield Feed(db)


def test_an_ending_has_its_number_and_its_moment(feed: Feed) -> None:
    at = feed.clock()
    feed.end(1)
    taken = take(feed.turn, "mail", LEASE)
    assert isinstance(taken, Ending)
    assert (taken.number, taken.at) == (1, at)


def test_each_group_is_given_everything_in_order(feed: Feed) -> None:
    feed.end(2)
    assert [feed.take(), feed.take("bill"), feed.take(), feed.take("bill")] == ["av_0", "av_0", "av_1", "av_1"]


def test_nothing_new_says_when_there_may_be_something(feed: Feed) -> None:
    assert feed.take() == LEASE
    feed.end(1)
    feed.take()
    feed.clock.advance(10)
    assert feed.take() == LEASE - 10


def test_what_was_not_acknowledged_comes_again_before_what_is_new_the_longest_given_first(feed: Feed) -> None:
    feed.end(3)
    assert [feed.take(), feed.take()] == ["av_0", "av_1"]
    feed.clock.advance(LEASE)
    assert [feed.take(), feed.take(), feed.take()] == ["av_0", "av_1", "av_2"]


def test_what_was_acknowledged_does_not_come_again(feed: Feed) -> None:
    feed.end(2)
    feed.take()
    for _ in range(2):
        acknowledge(feed.turn, "mail", 1)
    feed.clock.advance(LEASE)
    assert feed.take() == "av_1"


def test_to_acknowledge_for_one_group_is_nothing_to_another(feed: Feed) -> None:
    feed.end(1)
    assert [feed.take(), feed.take("bill")] == ["av_0", "av_0"]
    acknowledge(feed.turn, "mail", 1)
    feed.clock.advance(LEASE)
    assert [feed.take(), feed.take("bill")] == [LEASE, "av_0"]


@pytest.mark.parametrize(
    ("taken", "acknowledged", "left", "lost"), [(1, 0, 1, 3), (1, 1, 1, 2), (2, 1, 2, 1), (1, 0, 0, 4), (4, 2, 0, 2)]
)
def test_what_was_forgotten_before_a_group_had_dealt_with_it_is_said_once(
    feed: Feed, taken: int, acknowledged: int, left: int, lost: int
) -> None:
    feed.end(4)
    for _ in range(taken):
        feed.take()
    for number in range(acknowledged):
        acknowledge(feed.turn, "mail", number + 1)
    feed.forget(left)
    assert feed.take() == f"{lost} endings are forgotten that the group 'mail' has not dealt with"
    assert feed.take() == (f"av_{4 - left}" if left else LEASE)


def test_a_group_that_had_dealt_with_everything_has_lost_nothing(feed: Feed) -> None:
    feed.end(1)
    feed.take()
    acknowledge(feed.turn, "mail", 1)
    feed.forget(0)
    assert feed.take() == LEASE
    feed.end(1)
    assert feed.take() == "av_1"


def test_a_new_group_begins_with_the_oldest_that_is_kept(feed: Feed) -> None:
    feed.end(3)
    feed.forget(2)
    assert feed.take("new") == "av_1"
