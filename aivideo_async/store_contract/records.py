"""Records as the rooms around a store put them: made up, and complete enough to tell two of them apart."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from aivideo_async.catalog import Sora2
from aivideo_async.core.lifecycle import record_of
from aivideo_async.core.models import (
    Estimate,
    Failure,
    HistoryEntry,
    Output,
    SavedFile,
    TaskRecord,
    TaskReport,
    TaskStatus,
    moment,
)

ORIGIN = "https://api.example.com"
ELSEWHERE = "https://other.example.com"
REQUEST = Sora2(prompt="a cat", duration=4)


def intent(id: str, now: float, *, key: str | None = None, labels: dict[str, str] | None = None) -> TaskRecord:
    """What is recorded before the POST."""
    return TaskRecord(
        id=id,
        origin=ORIGIN,
        key=key,
        model=REQUEST.model,
        request=REQUEST,
        labels=labels or {},
        created_at=moment(now),
        history=(HistoryEntry(moment(now), "submitted"),),
    )


def accepted(id: str, service_id: str, *, next_check: float | None = None, origin: str = ORIGIN) -> TaskRecord:
    """The create's answer."""
    check = None if next_check is None else moment(next_check)
    return TaskRecord(id=id, origin=origin, status=TaskStatus.PENDING, service_id=service_id, next_check=check)


def refusal(id: str, now: float, *, charged: bool = False) -> TaskRecord:
    """An ending of ours after a create that was refused."""
    why = Failure(message="refused", status=402, charged="unknown" if charged else "no")
    return TaskRecord(id=id, origin=ORIGIN, status=TaskStatus.REFUSED, ended_at=moment(now), failure=why)


def expiry(id: str, now: float) -> TaskRecord:
    """An ending of ours after the deadline."""
    return TaskRecord(id=id, origin=ORIGIN, status=TaskStatus.EXPIRED, ended_at=moment(now))


def hint(id: str, now: float, service_id: str | None = None) -> TaskRecord:
    """An unsigned callback."""
    at = moment(now)
    return TaskRecord(id=id, origin=ORIGIN, hinted_at=at, hinted_id=service_id, next_check=at)


def completion(id: str, service_id: str, now: float, *, asked: bool = False) -> TaskRecord:
    """A completed task, from a signed callback or from a GET."""
    report = TaskReport(
        service_id=service_id,
        status=TaskStatus.COMPLETED,
        urls=(f"https://cdn.example.com/{service_id}.mp4?sig={now:.0f}",),
        metadata={"duration": 4, "seed": 7},
    )
    at = moment(now)
    return record_of(report, id=id, origin=ORIGIN, now=at, fetched_at=at if asked else None)


def failure(id: str, service_id: str, now: float) -> TaskRecord:
    """A failed task, from a signed callback."""
    report = TaskReport(service_id=service_id, status=TaskStatus.FAILED, failure=Failure(message="sensitive"))
    return record_of(report, id=id, origin=ORIGIN, now=moment(now))


def everything(id: str, now: float) -> TaskRecord:
    """A record with something in every field."""
    at: datetime = moment(now)
    output = Output(
        task_id=id,
        urls=("https://cdn.example.com/1.mp4?sig=é", "https://cdn.example.com/2.mp4"),
        last_frame_url="https://cdn.example.com/last.png",
        metadata={"ratio": "16:9", "tracks": [{"title": "é\U0001f600", "duration": 1.5}], "seed": None},
        fetched_at=at,
        expires_at=at + timedelta(hours=24),
    )
    return TaskRecord(
        id=id,
        origin=ORIGIN,
        status=TaskStatus.COMPLETED,
        service_id="svc-full",
        hinted_id="svc-full",
        key="order/42 é",
        model=REQUEST.model,
        request=REQUEST,
        estimate=Estimate(low=Decimal("10.50"), high=None, exact=False, source="a page", dated="2026-01-01"),
        labels={"user": "7", "note": "é\U0001f600\n"},
        sender="s",
        created_at=at - timedelta(microseconds=1),
        sent_at=at,
        hinted_at=at,
        ended_at=at,
        checks=3,
        progress=0.75,
        output=output,
        failure=Failure(message="m", code="c", status=503, charged="unknown"),
        files=(
            SavedFile(0, "/clips/é.mp4", 7, "ab" * 32),
            SavedFile(0, "s3://clips/1.mp4", 7, "ab" * 32, mirrored=True),
        ),
        history=(HistoryEntry(at, "submitted"), HistoryEntry(at + timedelta(seconds=1), "odd", "é")),
    )
