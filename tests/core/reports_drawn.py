"""Reports of one task as hypothesis draws them: everything that submitting, callbacks and asking can bring."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from aivideo_async.core.lifecycle import record_of
from aivideo_async.core.models import (
    Failure,
    GenerationRequest,
    HistoryEntry,
    SavedFile,
    TaskRecord,
    TaskReport,
    TaskStatus,
    moment,
)

ID, SERVICE_ID, ORIGIN = "av_1", "svc-1", "https://api.example.com"
START = 1_790_000_000


class Clip(GenerationRequest, frozen=True):
    """A request as the catalog's classes make them."""

    duration: int | None = None
    size: str | None = None
    aspect_ratio: str | None = None


BLANK = TaskRecord(id=ID, origin=ORIGIN)
REQUEST = Clip(kind="video", model="m", duration=4)
TIMES = st.integers(0, 6).map(lambda seconds: moment(START + seconds))
FAILURES = st.builds(
    Failure,
    message=st.sampled_from(["busy", "cancelled"]),
    code=st.sampled_from([None, "refused"]),
    charged=st.sampled_from(["no", "unknown"]),
)
ENTRIES = st.builds(HistoryEntry, TIMES, st.sampled_from(["submitted", "hinted", "not_found", "pending", "completed"]))


@st.composite
def of_the_create(draw: st.DrawFn) -> TaskRecord:
    """What submitting writes before and after the POST."""
    intent = replace(BLANK, key="k", model="m", request=REQUEST, labels={"user": "7"}, created_at=draw(TIMES))
    answers = (
        replace(intent, next_check=draw(TIMES)),
        replace(BLANK, sender="s", sent_at=draw(TIMES)),
        replace(BLANK, status=TaskStatus.IN_DOUBT, failure=draw(FAILURES)),
        replace(BLANK, status=TaskStatus.PENDING, service_id=SERVICE_ID, next_check=draw(TIMES)),
    )
    return draw(st.sampled_from(answers))


@st.composite
def of_the_way(draw: st.DrawFn) -> TaskRecord:
    """Progress, hints, and what asking notes."""
    at, checks = draw(TIMES), draw(st.integers(0, 3))
    progress = replace(BLANK, status=TaskStatus.PROCESSING, service_id=SERVICE_ID, progress=float(checks))
    hint = replace(BLANK, hinted_at=at, hinted_id=draw(st.sampled_from([None, SERVICE_ID])), next_check=at)
    note = replace(BLANK, checks=checks, history=(HistoryEntry(at, "not_found"),))
    place = draw(st.sampled_from(["/clips/1.mp4", "s3://clips/1.mp4"]))
    saved = replace(BLANK, files=(SavedFile(draw(st.integers(0, 40)), place, 7, "ab", place[0] == "s"),))
    return draw(st.sampled_from((progress, hint, note, saved)))


@st.composite
def our_endings(draw: st.DrawFn) -> TaskRecord:
    """Refused and expired, for whatever reason."""
    status = draw(st.sampled_from([TaskStatus.REFUSED, TaskStatus.EXPIRED]))
    return replace(BLANK, status=status, ended_at=draw(TIMES), failure=draw(FAILURES))


@st.composite
def endings(draw: st.DrawFn, status: TaskStatus) -> TaskRecord:
    """One and the same ending of the service, as a callback brings it or as a GET of some moment does."""
    callback = TaskReport(
        service_id=SERVICE_ID,
        status=status,
        model="m",
        urls=("https://cdn.example.com/1?sig=callback",),
        metadata={"seed": 7},
        failure=Failure(message="sensitive"),
    )
    now, asked = draw(TIMES), draw(st.booleans())
    fetched = replace(callback, urls=(f"https://cdn.example.com/1?sig={now.second}",), expires_at=now)
    return record_of(
        fetched if asked else callback,
        id=ID,
        origin=ORIGIN,
        now=now,
        fetched_at=now if asked else None,
        checks=draw(st.integers(0, 3)),
    )


@st.composite
def reports(draw: st.DrawFn) -> list[TaskRecord]:
    """Up to eleven reports in some order, with at most one distinct ending of the service; often with one."""
    service = draw(st.sampled_from([None, TaskStatus.COMPLETED, TaskStatus.FAILED]))
    lists = [
        draw(st.lists(of_the_create() | of_the_way(), min_size=1, max_size=5)),
        draw(st.lists(our_endings(), max_size=3)),
    ]
    if service is not None:
        lists.append(draw(st.lists(endings(service), min_size=1, max_size=3)))
    timed = [replace(report, history=(*report.history, draw(ENTRIES))) for one in lists for report in one]
    return draw(st.permutations(timed))
