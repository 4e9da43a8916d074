"""What follows what: the ranks, the merge of two reports of one task, and what ends a wait (flow.md §2).

``merge`` takes the higher rank and folds the other fields one by one, so that doubled, late and reordered reports
converge: over reports that name no two ids of the service and at most one distinct ending of the service, it is
idempotent, commutative and associative. Of two different endings of the service the first argument's stands; stores
pass what they hold first.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TypeVar

from aivideo_async.core.errors import Charged
from aivideo_async.core.models import (
    FILES_LIMIT,
    HISTORY_LIMIT,
    Failure,
    GenerationRequest,
    HistoryEntry,
    JsonObject,
    Output,
    SavedFile,
    TaskRecord,
    TaskReport,
    TaskStatus,
)

C = TypeVar("C", datetime, float)

RANK: dict[TaskStatus, int] = {
    TaskStatus.SUBMITTING: 0,
    TaskStatus.IN_DOUBT: 1,
    TaskStatus.PENDING: 2,
    TaskStatus.PROCESSING: 3,
    TaskStatus.REFUSED: 4,
    TaskStatus.EXPIRED: 4,
    TaskStatus.FAILED: 5,
    TaskStatus.COMPLETED: 5,
}
OURS = frozenset({TaskStatus.REFUSED, TaskStatus.EXPIRED})
"""Endings that we declared; anything that the service says later outranks them."""
SERVICE = frozenset({TaskStatus.FAILED, TaskStatus.COMPLETED})
"""Endings that the service declared; the first one stands."""
ENDED = OURS | SERVICE
"""What ends a wait."""

NOBODY = "nobody"
"""As ``sender``: who comes first with it has decided that the create is never sent. Whoever meets it may record the
refusal, and the key goes on."""

DOUBT_AFTER = timedelta(seconds=30)
"""How long after the create's total deadline a task without an answer reads as in doubt."""


def merge(a: TaskRecord, b: TaskRecord) -> TaskRecord:
    """One record out of two reports of the same task. Returns ``a`` itself when ``b`` brings nothing new.

    A report that names another of the service's ids is about another task, and brings nothing.
    """
    if names_another(a, b):
        return a
    if contradicts(a, b):
        b = dataclasses.replace(b, status=a.status, output=None, failure=None, ended_at=None)
    status = _higher(a, b).status
    merged = TaskRecord(
        id=a.id,
        origin=a.origin or b.origin,
        status=status,
        service_id=b.service_id if a.service_id is None else a.service_id,
        hinted_id=_hinted_id(a, b),
        key=b.key if a.key is None else a.key,
        model=b.model if a.model is None else a.model,
        request=b.request if a.request is None else a.request,
        estimate=b.estimate if a.estimate is None else a.estimate,
        labels=a.labels or b.labels,
        sender=b.sender if a.sender is None else a.sender,
        created_at=_fold(min, a.created_at, b.created_at),
        sent_at=_fold(max, a.sent_at, b.sent_at),
        hinted_at=_fold(max, a.hinted_at, b.hinted_at),
        ended_at=_ended_at(a, b),
        next_check=None if status in SERVICE else _fold(min, a.next_check, b.next_check),
        checks=max(a.checks, b.checks),
        progress=_fold(max, a.progress, b.progress),
        output=_output(a, b),
        failure=_failure(status, a, b),
        files=_files(a.files, b.files),
        history=_history(a.history, b.history),
    )
    return a if merged == a else merged


def names_another(a: TaskRecord, b: TaskRecord) -> bool:
    """Whether ``b`` names another of the service's ids than the one that is known for certain."""
    named = b.service_id or b.hinted_id
    return a.service_id is not None and named is not None and a.service_id != named


def contradicts(a: TaskRecord, b: TaskRecord) -> bool:
    """Whether the two carry different endings of the service."""
    return a.status in SERVICE and b.status in SERVICE and a.status is not b.status


def won(before: TaskRecord | None, after: TaskRecord) -> bool:
    """Whether going from ``before`` to ``after`` is an ending that nobody has seen yet."""
    return after.status in ENDED and (before is None or before.status is not after.status)


def claimable(record: TaskRecord) -> bool:
    """Whether an asker may be given the record when it is due.

    Ended by the service: never. Ended by us: only when a callback hinted at it. A callback for a task that we took for
    refused proves that the service has it, so that one counts whenever it came; of an expired task only one that came
    afterwards, since what came before was asked after.
    """
    if record.status not in ENDED:
        return True
    if record.status in SERVICE or record.hinted_at is None:
        return False
    return record.status is TaskStatus.REFUSED or record.ended_at is None or record.hinted_at >= record.ended_at


def frees_key(record: TaskRecord) -> bool:
    """Whether a key may go on to a new task: its task was refused, and provably nothing was charged for it.

    A service's id or a callback would prove that the service has it after all.
    """
    if record.status is not TaskStatus.REFUSED or record.service_id is not None or record.hinted_at is not None:
        return False
    return record.failure is not None and record.failure.charged == "no"


def status_at(record: TaskRecord, now: datetime, create_deadline: float) -> TaskStatus:
    """The status as it reads at ``now``.

    A create that was sent longer than its total deadline (``create_deadline`` seconds) and half a minute ago, and
    has no answer, is in doubt. This is derived and never written: another process may still be sending it.
    """
    since = doubtful_from(record, create_deadline)
    return TaskStatus.IN_DOUBT if since is not None and now > since else record.status


def doubtful_from(record: TaskRecord, create_deadline: float) -> datetime | None:
    """From when on a create that was sent and has no answer reads as in doubt; ``None`` for every other record."""
    if record.status is not TaskStatus.SUBMITTING or record.sent_at is None or record.service_id is not None:
        return None
    return record.sent_at + timedelta(seconds=create_deadline) + DOUBT_AFTER


def record_of(
    report: TaskReport, *, id: str, origin: str, now: datetime, fetched_at: datetime | None = None, checks: int = 0
) -> TaskRecord:
    """A report of the service as a record to be merged. ``fetched_at`` is set for authenticated answers to a GET."""
    ended = report.status in SERVICE
    output = None
    if report.status is TaskStatus.COMPLETED:
        output = Output(
            task_id=id,
            urls=report.urls,
            last_frame_url=report.last_frame_url,
            metadata=report.metadata,
            fetched_at=fetched_at,
            expires_at=report.expires_at,
        )
    return TaskRecord(
        id=id,
        origin=origin,
        status=report.status,
        service_id=report.service_id,
        model=report.model,
        ended_at=(report.completed_at or now) if ended else None,
        checks=checks,
        progress=report.progress,
        output=output,
        failure=report.failure if report.status is TaskStatus.FAILED else None,
        history=(HistoryEntry(now, report.status.value, report.remark or ""),),
    )


def mismatches(request: GenerationRequest | None, metadata: JsonObject) -> tuple[str, ...]:
    """Where the result differs from what was asked for, a sentence each: duration and ratio (flow.md §3)."""
    if request is None:
        return ()
    if not metadata.keys() & {"duration", "ratio"}:
        return ()
    duration, size, ratio = request.asked("duration", "size", "aspect_ratio")
    asked_ratio = _RATIO_OF_SIZE.get(str(size), ratio)
    pairs = (
        ("duration", duration, metadata.get("duration")),
        ("ratio", None if str(asked_ratio).lower() in _FREE_RATIOS else asked_ratio, metadata.get("ratio")),
    )
    return tuple(
        f"{name}: asked for {asked}, got {got}"
        for name, asked, got in pairs
        if asked is not None and got is not None and not _same(asked, got)
    )


def oddities(record: TaskRecord, report: TaskReport, *, first: bool) -> tuple[str, ...]:
    """What is worth a WARNING after ``report`` went into ``record``, a sentence each.

    A second ending that differs, an answer that cannot be right, and, the ``first`` time, a result that is not what
    was asked for.
    """
    said = [report.remark] if report.remark else []
    if report.status in SERVICE and record.status in SERVICE and record.status is not report.status:
        said.append(f"it ended as {record.status.value} and is now said to be {report.status.value}: the first stands")
    if first and record.output is not None:
        said += mismatches(record.request, record.output.metadata)
    return tuple(said)


_RATIO_OF_SIZE = {"1280x720": "16:9", "720x1280": "9:16"}
_FREE_RATIOS = frozenset({"none", "auto", "adaptive"})
_CHARGED: tuple[Charged, ...] = ("no", "unknown", "yes")
_WORDS = frozenset({TaskStatus.PENDING.value, TaskStatus.PROCESSING.value, *(status.value for status in SERVICE)})
_ROOM_FOR_OTHERS = HISTORY_LIMIT - len(_WORDS)


def _same(asked: object, got: object) -> bool:
    if isinstance(asked, int | float) and isinstance(got, int | float):
        return abs(asked - got) < 0.5
    return str(asked) == str(got)


def _higher(a: TaskRecord, b: TaskRecord) -> TaskRecord:
    """The one of the higher rank; between our own two endings the word decides, so that the order does not."""
    if a.status is b.status:
        return a
    return max((a, b), key=lambda record: (RANK[record.status], record.status))


def _fold(choose: Callable[[Iterable[C]], C], a: C | None, b: C | None) -> C | None:
    if a is None or b is None:
        return b if a is None else a
    return choose((a, b))


def _hinted_id(a: TaskRecord, b: TaskRecord) -> str | None:
    if a.hinted_id is None and b.hinted_id is None:
        return None
    hints = [(r.hinted_at, r.hinted_id) for r in (a, b) if r.hinted_at is not None and r.hinted_id is not None]
    return max(hints)[1] if hints else None


def _ended_at(a: TaskRecord, b: TaskRecord) -> datetime | None:
    if a.status is b.status:
        return _fold(min, a.ended_at, b.ended_at)
    return _higher(a, b).ended_at


def _failure(status: TaskStatus, a: TaskRecord, b: TaskRecord) -> Failure | None:
    """Why it has this status. Of the service's word the first stands; of ours the one that promises least."""
    if a.failure is None and b.failure is None:
        return None
    failures = [record.failure for record in (a, b) if record.status is status and record.failure is not None]
    if status in SERVICE or len(failures) < 2:
        return next(iter(failures), None)
    return max(failures, key=_promises_least)


def _promises_least(failure: Failure) -> tuple[int, str, str, int]:
    return _CHARGED.index(failure.charged), failure.message, failure.code or "", failure.status or 0


def _output(a: TaskRecord, b: TaskRecord) -> Output | None:
    """The first output, with the URLs of the one that was fetched last: of two that were not fetched, the first's."""
    if a.output is None or b.output is None:
        return a.output or b.output
    newest = max((a.output, b.output), key=_freshness)
    return dataclasses.replace(a.output, urls=newest.urls, fetched_at=newest.fetched_at, expires_at=newest.expires_at)


def _freshness(output: Output) -> tuple[datetime, tuple[str, ...]] | tuple[()]:
    return () if output.fetched_at is None else (output.fetched_at, output.urls)


def _files(a: tuple[SavedFile, ...], b: tuple[SavedFile, ...]) -> tuple[SavedFile, ...]:
    return a if not b or a == b else tuple(sorted({*a, *b})[:FILES_LIMIT])


def _history(a: tuple[HistoryEntry, ...], b: tuple[HistoryEntry, ...]) -> tuple[HistoryEntry, ...]:
    """The timeline: when the service first said each of its words, and the latest of everything else.

    A word that is said again, by a redelivery or by a later GET, makes no entry: it would push others out.
    """
    if not b or a == b:
        return a
    if len(b) == 1 and len(a) < 4 and _is_plain(a + b):
        return a + b  # nearly always: a create's answer, an ending
    entries = sorted({*a, *b}, key=_place)
    first_said = {entry.kind: entry for entry in reversed(entries) if _is_word(entry)}
    others = [entry for entry in entries if not _is_word(entry)][-_ROOM_FOR_OTHERS:]
    return tuple(sorted((*first_said.values(), *others), key=_place))


def _is_plain(history: tuple[HistoryEntry, ...]) -> bool:
    """Whether it is in order, and nothing but its last entry is a word."""
    return all(_place(one) < _place(next_) and not _is_word(one) for one, next_ in pairwise(history))


def _is_word(entry: HistoryEntry) -> bool:
    return entry.kind in _WORDS and not entry.detail


def _place(entry: HistoryEntry) -> tuple[datetime, str, str]:
    return entry.at, entry.kind, entry.detail
