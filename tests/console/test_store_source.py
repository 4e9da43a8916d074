"""A store through the console's eyes: read, never written to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from aivideo_async.catalog import PRICES, estimate
from aivideo_async.console.source import Wanted
from aivideo_async.console.store_source import StoreSource, line_of
from aivideo_async.core.models import Failure, HistoryEntry, Output, SavedFile, TaskRecord, TaskStatus
from aivideo_async.stores import MemoryStore, Query
from tests.console.asking import AT, SORA, at

DONE = TaskRecord(
    id="av_1",
    origin="o",
    status=TaskStatus.COMPLETED,
    service_id="s-1",
    key="order-42",
    model="sora-2",
    request=SORA,
    estimate=estimate(SORA, PRICES),
    labels={"team": "red"},
    created_at=AT,
    ended_at=at(60),
    output=Output(task_id="s-1", urls=("https://cdn.example/a.mp4?signature=secret",)),
    files=(SavedFile(index=0, place="/data/a.mp4", bytes=10, sha256="0"),),
    history=(HistoryEntry(AT, "submitted"), HistoryEntry(at(1), "accepted", "s-1"), HistoryEntry(at(60), "completed")),
)
FAILED = replace(
    DONE, id="av_2", service_id="s-2", key=None, status=TaskStatus.FAILED, output=None, files=(), labels={},
    failure=Failure(message="no"), history=(HistoryEntry(AT, "made_anew"), HistoryEntry(at(9), "failed", "no")),
)  # fmt: skip
BARE = TaskRecord(id="av_3", origin="o", created_at=AT)


class Counting(MemoryStore):
    """Counts its scans."""

    scans = 0

    def scan(self, query: Query, /) -> AsyncIterator[TaskRecord]:
        self.scans += 1
        return super().scan(query)


async def filled(store: MemoryStore) -> StoreSource:
    for record in (DONE, FAILED, BARE):
        await store.put(record)
    source = StoreSource(store)
    await source.refresh()
    return source


async def test_records_are_lines_with_their_estimates() -> None:
    async with MemoryStore() as store:
        source = await filled(store)
        lines = {line.id: line for line in source.tasks(Wanted(), 0, 9).items}
    assert (lines["av_1"].status, lines["av_1"].credits, lines["av_1"].paid) == ("completed", Decimal(100), True)
    assert (lines["av_2"].problem, lines["av_2"].paid) == ("no", False)
    assert (lines["av_3"].model, lines["av_3"].credits) == ("unknown model", None)


@pytest.mark.parametrize(("seconds", "told"), [(-0.4, False), (0.0, False), (0.9, False), (1.0, True)])
def test_an_end_that_is_too_near_to_be_told_from_the_beginning_is_not_told(seconds: float, told: bool) -> None:
    line = line_of(replace(DONE, ended_at=AT + timedelta(seconds=seconds)), at(90))
    assert (line.ended_at is not None, line.status) == (told, "completed")


async def test_they_are_found_by_key_label_and_words() -> None:
    async with MemoryStore() as store:
        source = await filled(store)
        for text in ("order-42", "RED", "s-1"):
            assert [line.id for line in source.tasks(Wanted(text=text), 0, 9).items] == ["av_1"]
        assert source.tasks(Wanted(text="a city", status="failed"), 0, 9).total == 1
        assert source.tally().statuses == {"completed": 1, "failed": 1, "submitting": 1}


async def test_a_timeline_is_the_history_and_secrets_are_cut() -> None:
    async with MemoryStore() as store:
        source = await filled(store)
        detail = await source.task("av_1")
        assert detail is not None
        assert [step.title for step in detail.steps] == ["Submitted", "Accepted", "Completed"]
        assert "secret" not in "".join(step.raw for step in detail.steps)
        assert detail.facts["Saved 1"] == "/data/a.mp4 (10 bytes)"
        assert not detail.can_resend
        anew = await source.task("s-2")
        assert anew is not None
        assert anew.steps[0].title == "Record made anew from a callback"
        assert await source.task("av_9") is None
        assert await source.task("order-42") is None


async def test_spending_is_told_by_model_and_by_label() -> None:
    async with MemoryStore() as store:
        purse = (await filled(store)).purse()
    assert (purse.balance, purse.consumed, purse.estimated) == (None, Decimal(100), True)
    assert [(spend.group, spend.name, spend.credits) for spend in purse.spends] == [
        ("model", "sora-2", Decimal(100)), ("label team", "red", Decimal(100)),
    ]  # fmt: skip


async def test_a_page_costs_one_scan_however_many_look() -> None:
    moments = [0.0]
    async with Counting() as store:
        source = StoreSource(store, clock=lambda: moments[0])
        await asyncio.gather(*(source.refresh() for _ in range(9)))
        assert store.scans == 1
        moments[0] = 3.0
        await source.refresh()
        assert store.scans == 2


async def test_of_very_many_the_newest_are_held() -> None:
    async with MemoryStore() as store:
        for number in range(5):
            await store.put(replace(BARE, id=f"av_{number}", created_at=at(number)))
        source = StoreSource(store, at_most=3)
        await source.refresh()
        page = source.tasks(Wanted(), 0, 9)
    assert ([line.id for line in page.items], page.at_least) == (["av_4", "av_3", "av_2"], True)


async def test_a_change_in_the_store_is_a_new_revision() -> None:
    async with MemoryStore() as store:
        source = StoreSource(store, pause=0)
        async with aclosing(source.revisions(source.revision())) as revisions, asyncio.timeout(10):
            first = await anext(revisions)
            await store.put(BARE)
            assert await anext(revisions) not in {first, ""}


async def test_where_nothing_changes_there_is_a_sign_of_life() -> None:
    async with MemoryStore() as store:
        source = StoreSource(store, pause=0, heartbeat=0.01)
        async with aclosing(source.revisions("")) as revisions, asyncio.timeout(10):
            assert len({await anext(revisions) for _ in range(3)}) == 1


async def test_a_subscription_that_ends_is_made_again() -> None:
    class Short(MemoryStore):
        @asynccontextmanager
        async def changes(self) -> AsyncGenerator[AsyncIterator[frozenset[str]]]:
            async def one() -> AsyncGenerator[frozenset[str]]:
                yield frozenset({"av_1"})

            yield one()

    async with Short() as store:
        source = StoreSource(store, pause=0)
        async with aclosing(source.revisions("")) as revisions, asyncio.timeout(10):
            assert len({await anext(revisions) for _ in range(5)}) == 5


def test_a_failure_that_was_charged_is_spending() -> None:
    charged = replace(FAILED, failure=Failure(message="no", charged="yes"))
    assert [line_of(record, AT).paid for record in (FAILED, charged, BARE)] == [False, True, False]
