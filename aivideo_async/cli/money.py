"""``aivideo audit`` and ``aivideo doubt``: the bill, and what nobody knows whether it is on it."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import JsonValue

from aivideo_async import doubts
from aivideo_async.cli.exits import Exit
from aivideo_async.cli.output import Screen, number
from aivideo_async.cli.session import opened
from aivideo_async.cli.shown import task_object
from aivideo_async.cli.store import opened_store
from aivideo_async.core.audit import Audit
from aivideo_async.core.models import TaskRecord
from aivideo_async.transport import Timeouts


async def audit(screen: Screen, *, mark: bool) -> Exit:
    """Show the account beside the records. Exit code 1 where they differ. Raises the errors of a GET, StoreError."""
    async with opened(screen, waiting=False) as client:
        found = await client.audit(mark=mark)
    screen.object(_object(found))
    if found.since == found.until:
        screen.line("the mark is made: from here on the next audit counts")
        return Exit.OK
    expected = f"{found.expected_low:,f}"
    if found.expected_high != found.expected_low:
        expected += f" to {found.expected_high:,f}"
    screen.line(f"from {found.since:%Y-%m-%d %H:%M} to {found.until:%Y-%m-%d %H:%M %Z}")
    screen.line(f"consumed by the account: {found.consumed:,f} credits")
    screen.line(f"estimated by {found.tasks} records: {expected} credits")
    screen.line(f"difference: {found.difference:+,f} credits" if found.difference else "no difference")
    for finding in found.findings:
        screen.line(finding)
    return Exit.ERROR if found.difference else Exit.OK


async def doubt_list(screen: Screen) -> Exit:
    """List the creates in doubt. Asks no service. Raises StoreError."""
    now = datetime.now(UTC)
    async with opened_store() as store:
        records = [record async for record in doubts.in_doubt(store, now=now, create_deadline=Timeouts().total)]
    for record in records:
        screen.object(task_object(record))
    if records:
        screen.table(("id", "model", "credits", "sent", "key"), [_row(record) for record in records])
    else:
        screen.say("nothing is in doubt")
    return Exit.OK


async def doubt_bind(screen: Screen, id: str, service_id: str) -> Exit:
    """Say which task of the service it is. Raises what ``Client.bind`` raises."""
    async with opened(screen, waiting=False) as client:
        record = await client.bind(id, service_id)
    screen.line(f"{record.id} is {record.service_id}; aivideo wait {record.id} goes on with it")
    screen.object(task_object(record))
    return Exit.OK


async def doubt_abandon(screen: Screen, id: str) -> Exit:
    """Give it up. Asks no service. Raises what ``doubts.abandon`` raises."""
    async with opened_store() as store:
        record = await doubts.abandon(store, id, now=datetime.now(UTC), create_deadline=Timeouts().total)
    screen.line(f"{record.id} is given up; a batch that is resumed sends it again")
    screen.object(task_object(record))
    return Exit.OK


def _row(record: TaskRecord) -> tuple[str, ...]:
    price = None if record.estimate is None else record.estimate.high
    sent = "" if record.sent_at is None else f"{record.sent_at:%Y-%m-%d %H:%M:%S}"
    return record.id, record.model or "", "" if price is None else f"{price:f}", sent, record.key or ""


def _object(found: Audit) -> dict[str, JsonValue]:
    return {
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "tasks": found.tasks,
        "consumed": number(found.consumed),
        "expected_low": number(found.expected_low),
        "expected_high": number(found.expected_high),
        "difference": number(found.difference),
        "doubtful": list(found.doubtful),
        "findings": list(found.findings),
    }
