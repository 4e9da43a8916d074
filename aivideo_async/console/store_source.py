"""Any ``Store`` as a ``Source``, read-only: tasks, their timelines from ``history``, spend by model and by label.

The newest records are read together and kept for a moment, so that a page costs one scan however many views it has and
however many people look at it. A task that is older is still found by its id.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from aivideo_async.catalog import request_to_data
from aivideo_async.console.music import tracks_in
from aivideo_async.console.parts import MOODS, pretty
from aivideo_async.console.source import (
    ENDED,
    Page,
    Purse,
    Spend,
    Step,
    Tally,
    TaskDetail,
    TaskLine,
    Wanted,
)
from aivideo_async.core import lifecycle
from aivideo_async.core.models import HistoryEntry, TaskRecord, TaskStatus, without_query
from aivideo_async.settings import BASE_URL
from aivideo_async.stores.base import Query, Store
from aivideo_async.transport import Timeouts

NEWEST = 2_000
"""Records that are read together."""
KEPT_FOR = 2.0
"""Seconds for which they are not read again."""
HEARTBEAT = 15.0
PAUSE = 1.0
"""Seconds between two pieces of news."""
TITLES = {"made_anew": "Record made anew from a callback", "hinted": "Unsigned callback", "in_doubt": "In doubt"}


class StoreSource:
    """Reads ``store``, which whoever made it opens and closes. ``at_most`` records are held.

    ``clock`` gives seconds that never go back. A page that is open hears something every ``heartbeat`` seconds, and
    of changes at most every ``pause`` seconds.
    """

    title = "Dashboard"
    own = ""
    base_url = BASE_URL
    callbacks = None
    requests = None
    ledger = None
    keys = None
    switchboard = None
    workshop = None

    def __init__(
        self,
        store: Store,
        *,
        at_most: int = NEWEST,
        clock: Callable[[], float] = time.monotonic,
        heartbeat: float = HEARTBEAT,
        pause: float = PAUSE,
    ) -> None:
        self._heartbeat, self._pause = heartbeat, pause
        self._store, self._at_most, self._clock = store, at_most, clock
        self._records: Sequence[TaskRecord] = ()
        self._read_at: float | None = None
        self._reading: asyncio.Lock | None = None
        self._changes = 0
        self.note: str = f"Read from a store and never written to. Lists and sums are of its newest {at_most:,} tasks."

    def now(self) -> datetime:
        """The machine's clock."""
        return datetime.now(UTC)

    async def refresh(self) -> None:
        """Read the newest records, unless it was done just now. Raises StoreError."""
        self._reading = self._reading or asyncio.Lock()
        async with self._reading:
            if self._read_at is None or self._clock() - self._read_at >= KEPT_FOR:
                query = Query(limit=self._at_most)
                self._records = [record async for record in self._store.scan(query)]
                self._read_at = self._clock()

    def tasks(self, wanted: Wanted, first: int, most: int) -> Page[TaskLine]:
        """Up to ``most`` tasks that are wanted, from the ``first`` (0 is the newest)."""
        now = self.now()
        found = [record for record in self._records if _fits(wanted, record, now)]
        lines = [line_of(record, now) for record in found[first : first + most]]
        return Page(lines, len(found), at_least=len(self._records) >= self._at_most)

    async def task(self, id: str) -> TaskDetail | None:
        """One task, by either id. Raises StoreError."""
        record = (await self._store.get([id])).get(id)
        return None if record is None or record.key == id else detail_of(record, self.now())

    def tally(self) -> Tally:
        """How many there are of which sort."""
        now = self.now()
        models = Counter(record.model or "unknown" for record in self._records)
        statuses = Counter(_status(record, now) for record in self._records)
        return Tally(statuses=statuses, models=dict(models.most_common()))

    def purse(self) -> Purse:
        """What was spent, by the estimates that the records hold."""
        spends: dict[tuple[str, str], tuple[int, Decimal]] = {}
        total = Decimal(0)
        for record in self._records:
            amount = _paid(record)
            if amount is None:
                continue
            total += amount
            for place in (("model", record.model or "unknown"), *((f"label {name}", value) for name, value in
                                                                    record.labels.items())):  # fmt: skip
                number, before = spends.get(place, (0, Decimal(0)))
                spends[place] = number + 1, before + amount
        lines = [
            Spend(name=name, tasks=number, credits=amount, group=group)
            for (group, name), (number, amount) in spends.items()
        ]
        lines.sort(key=lambda spend: (spend.group != "model", spend.group, -spend.credits))
        return Purse(balance=None, purchased=None, consumed=total, spends=lines, estimated=True)

    def revision(self) -> str:
        """How many changes were heard of."""
        return f"{id(self):x}-{self._changes}"

    async def revisions(self, since: str) -> AsyncGenerator[str]:
        """The newest revision whenever the store hints at a change, and every fifteen seconds.

        Raises StoreError. Cancelling it ends it.
        """
        while True:
            async with self._store.changes() as hints:
                self._changes += 1  # whatever happened while nobody listened
                while True:
                    if self.revision() != since:
                        since = self.revision()
                        yield since
                        await asyncio.sleep(self._pause)
                    try:
                        async with asyncio.timeout(self._heartbeat):
                            await anext(hints)
                    except TimeoutError:
                        yield since
                    except StopAsyncIteration:
                        break
                    else:
                        self._changes += 1
            await asyncio.sleep(self._pause)


def line_of(record: TaskRecord, now: datetime) -> TaskLine:
    """The record in a list."""
    output, request = record.output, record.request
    fields = {} if request is None else request.fields()
    prompt = fields.get("prompt")
    guess = record.estimate
    return TaskLine(
        id=record.id,
        kind="video" if request is None else request.kind,
        model=record.model or "unknown model",
        status=_status(record, now),
        prompt=prompt if isinstance(prompt, str) else "",
        created_at=record.created_at,
        ended_at=_end_of(record),
        credits=None if guess is None else guess.high if guess.high is not None else guess.low,
        paid=_paid(record) is not None,
        progress=record.progress,
        files=() if output is None else output.urls,
        tracks=() if output is None else tracks_in(output.metadata),
        problem="" if record.failure is None else record.failure.message,
        labels=record.labels,
    )


def detail_of(record: TaskRecord, now: datetime) -> TaskDetail:
    """Everything of the record."""
    fields = {} if record.request is None else record.request.fields()
    facts = {name: str(value) for name, value in fields.items() if name != "prompt"}
    facts = {name: without_query(value) if "://" in value else value for name, value in facts.items()}
    named = {
        "Service's id": record.service_id,
        "Key": record.key,
        "Asked": str(record.checks) if record.checks else None,
    }
    saved = {f"Saved {file.index + 1}": f"{file.place} ({file.bytes:,} bytes)" for file in record.files}
    known = {name: value for name, value in named.items() if value}
    return TaskDetail(
        line=line_of(record, now),
        request=record.request,
        facts={**facts, **known, **saved},
        steps=[_step(entry, record) for entry in record.history],
    )


def _step(entry: HistoryEntry, record: TaskRecord) -> Step:
    title = TITLES.get(entry.kind, entry.kind.replace("_", " ").capitalize())
    mood = MOODS.get(entry.kind, "good" if entry.kind in {"submitted", "accepted", "saved"} else "plain")
    raw, raw_title = "", ""
    if entry.kind == "submitted" and record.request is not None:
        raw, raw_title = pretty(request_to_data(record.request)), "Request"
    elif entry.kind == record.status.value and entry.kind in ENDED and record.output is not None:
        output = record.output
        raw_title = "Output"
        raw = pretty({"urls": [without_query(url) for url in output.urls], "metadata": dict(output.metadata)})
    return Step(at=entry.at, title=title, detail=entry.detail, mood=mood, raw=raw, raw_title=raw_title)


def _end_of(record: TaskRecord) -> datetime | None:
    """When the task ended; ``None`` where that is no later than a second after it began: the service tells whole
    seconds, cut off, so that the time between the two would be wrong by all of it.
    """
    end, began = record.ended_at, record.created_at
    return None if end is None or (began is not None and (end - began).total_seconds() < 1) else end


def _status(record: TaskRecord, now: datetime) -> str:
    return lifecycle.status_at(record, now, Timeouts().total).value


def _fits(wanted: Wanted, record: TaskRecord, now: datetime) -> bool:
    if wanted.everything:
        return True
    prompt = record.request.fields().get("prompt") if wanted.text and record.request is not None else ""
    texts = (record.id, record.service_id or "", record.key or "", str(prompt or ""), *record.labels.values())
    return wanted.fits(_status(record, now), record.model or "unknown", *texts)


def _paid(record: TaskRecord) -> Decimal | None:
    """What the task probably cost; ``None`` where nothing was charged or nobody knows."""
    free = record.status in {TaskStatus.FAILED, TaskStatus.REFUSED} and (
        record.failure is None or record.failure.charged == "no"
    )
    if record.estimate is None or free:
        return None
    return record.estimate.low if record.estimate.high is None else record.estimate.high
