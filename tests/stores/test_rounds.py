from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from aivideo_async.core.errors import EventsLostError
from aivideo_async.core.models import TaskRecord
from aivideo_async.stores.rounds import deliveries, pages, until_none_is_left
from tests.stores.made import accepted

RECORDS = [accepted(f"av_{number}", f"svc-{number}") for number in range(5)]


class Book:
    """Two records on a page."""

    def __init__(self) -> None:
        self.turned = 0

    async def page(self, below: int | None) -> tuple[Sequence[TaskRecord], int | None]:
        self.turned += 1
        start = below or 0
        return RECORDS[start : start + 2], start + 2 if start + 2 < len(RECORDS) else None


@pytest.mark.parametrize(("limit", "count", "turned"), [(None, 5, 3), (3, 3, 2), (2, 2, 1), (0, 0, 0), (9, 5, 3)])
async def test_no_more_pages_are_turned_than_are_wanted(limit: int | None, count: int, turned: int) -> None:
    book = Book()
    assert [record async for record in pages(book.page, limit)] == RECORDS[:count]
    assert book.turned == turned


@dataclass
class Given:
    record: TaskRecord

    async def ack(self) -> None:
        """Nothing."""


class Feed:
    """Gives, or raises, one after the other; counts the changes that were waited for."""

    def __init__(self, *taken: Given | EventsLostError | float) -> None:
        self.left = list(taken)
        self.waited = 0

    async def take(self) -> Given | EventsLostError | float:
        return self.left.pop(0)

    @asynccontextmanager
    async def changes(self) -> AsyncGenerator[AsyncIterator[frozenset[str]]]:
        yield self._hints()

    async def _hints(self) -> AsyncGenerator[frozenset[str]]:
        while True:
            self.waited += 1
            yield frozenset({"av_1"})


async def test_where_there_is_nothing_the_next_change_is_waited_for() -> None:
    first, second = Given(RECORDS[0]), Given(RECORDS[1])
    feed = Feed(first, 30.0, 30.0, second)
    given = deliveries(feed.changes(), feed.take)
    assert [await anext(given), await anext(given), feed.waited] == [first, second, 2]


async def test_or_the_time_until_there_may_be_something() -> None:
    feed = Feed(0, given := Given(RECORDS[0]))
    assert await anext(deliveries(feed.changes(), feed.take)) is given


async def test_what_is_lost_is_raised() -> None:
    feed = Feed(EventsLostError("3 endings"))
    with pytest.raises(EventsLostError):
        await anext(deliveries(feed.changes(), feed.take))


async def test_some_are_forgotten_until_none_is_left() -> None:
    left = [(500, True), (500, True), (7, False)]

    async def forget() -> tuple[int, bool]:
        return left.pop(0)

    assert await until_none_is_left(forget) == 1_007
    assert left == []
