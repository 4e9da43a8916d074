from __future__ import annotations

from decimal import Decimal

from aivideo_async.auditing import audited
from aivideo_async.catalog import Sora2
from aivideo_async.client import Client
from aivideo_async.core.audit import Mark
from aivideo_async.core.models import TaskStatus, moment
from aivideo_async.stores import MemoryStore
from tests.doubles import NOW, ORIGIN, CannedTransport, a_record


async def test_the_first_audit_makes_the_mark_and_later_ones_begin_there_until_another_is_made() -> None:
    async with MemoryStore() as store:
        marks = [Mark(moment(NOW + 100 * n), Decimal(100 * n)) for n in range(4)]
        spans = [
            await audited(store, ORIGIN, now, mark=mark)
            for now, mark in zip(marks, (False, False, True, False), strict=True)
        ]
        assert [span.since for span in spans] == [marks[0].at, marks[0].at, marks[0].at, marks[2].at]
        assert [int(span.consumed) for span in spans] == [0, 100, 200, 100]


async def test_each_service_has_its_own_mark_and_records() -> None:
    async with MemoryStore() as store:
        await store.put(a_record(status=TaskStatus.COMPLETED, sent_at=moment(NOW + 5), origin="https://other.example"))
        await audited(store, ORIGIN, Mark(moment(NOW), Decimal(0)), mark=False)
        span = await audited(store, ORIGIN, Mark(moment(NOW + 10), Decimal(0)), mark=False)
        assert span.tasks == 0


async def test_a_client_asks_for_the_account_and_keeps_the_mark() -> None:
    async with Client(
        "sk-test", base_url=ORIGIN, transport=CannedTransport(), store=MemoryStore(), body_form="nested"
    ) as client:
        first = await client.audit()
        await client.submit(Sora2(prompt="a cat", duration=4))
        second = await client.audit()
    assert first.since == first.until == second.since
    assert (int(second.consumed), int(second.expected_high), int(second.difference)) == (0, 100, -100)
