"""What a demo came to, for people, machines and as a page."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from aivideo_async import APIConnectionError, TaskFailedError
from aivideo_async.catalog import NanoBanana2, Sora2, estimate
from aivideo_async.cli.output import Screen
from aivideo_async.cli.report import Outcome, Shot, page_of, report, summary
from aivideo_async.core.models import Credits, Failure, GenerationRequest, TaskRecord, TaskStatus

STILL = NanoBanana2(prompt="a <cat>")
FRAME = "https://cdn.example/still.jpg?X-Amz-Signature=secret"
MOTION = Sora2(prompt="it jumps", duration=4, image_urls=[FRAME])


def record(request: GenerationRequest, status: TaskStatus = TaskStatus.COMPLETED) -> TaskRecord:
    failure = Failure(message="content refused") if status is TaskStatus.FAILED else None
    return TaskRecord(
        id=f"av_{request.kind}",
        origin="",
        model=request.model,
        request=request,
        estimate=estimate(request),
        status=status,
        failure=failure,
    )


def account(balance: int) -> Credits:
    return Credits(balance=Decimal(balance), total_purchased=Decimal(10_000), total_consumed=Decimal(10_000 - balance))


DONE = Outcome(
    shots=(
        Shot(request=STILL, record=record(STILL), file=Path("out/av_image-0.jpg"), took=1.26),
        Shot(request=MOTION, record=record(MOTION), file=Path("out/av_video-0.mp4"), first_frame=Path("out/a.jpg")),
    ),
    requests={"create": 2, "get_task": 0},
    callbacks={"received": 2, "verified": 2, "rejected": 0},
    before=account(10_000),
    after=account(9_884),
)
FAILED = Shot(request=MOTION, record=record(MOTION, TaskStatus.FAILED), error=TaskFailedError("content refused"))


def test_the_object_has_exactly_what_was_promised() -> None:
    assert summary(DONE) == {
        "tasks": [
            {
                "id": "av_image",
                "model": "nano-banana-2",
                "status": "completed",
                "file": "out/av_image-0.jpg",
                "duration": None,
                "size": None,
                "credits": 16,
            },
            {
                "id": "av_video",
                "model": "sora-2",
                "status": "completed",
                "file": "out/av_video-0.mp4",
                "duration": 4,
                "size": "1280x720",
                "credits": 100,
            },
        ],
        "requests": {"create": 2, "get_task": 0},
        "callbacks": {"received": 2, "verified": 2, "rejected": 0},
        "credits": {"before": 10000, "after": 9884, "spent": 116},
    }
    assert list(summary(DONE)) == ["tasks", "requests", "callbacks", "credits"]


def test_a_shot_without_a_file_says_so_and_costs_nothing() -> None:
    [told] = json.loads(json.dumps(summary(replace(DONE, shots=[FAILED]))))["tasks"]
    assert (told["status"], told["file"], told["credits"]) == ("failed", None, 0)


def test_a_shot_that_was_never_made_is_refused() -> None:
    shot = Shot(request=MOTION, error=APIConnectionError("no connection", sent="no"))
    assert (shot.status, shot.id, Shot(request=MOTION).id) == ("refused", None, None)
    assert "no connection" in page_of(replace(DONE, shots=[shot]), datetime.now(UTC))


def test_people_get_a_table_and_the_counts(capsys: pytest.CaptureFixture[str]) -> None:
    report(Screen(machine=False), replace(DONE, shots=(*DONE.shots, FAILED)), Path("out/gallery.html"))
    written = capsys.readouterr()
    assert "nano-banana-2 auto                  completed  1.3 s  16       out/av_image-0.jpg\n" in written.out
    assert "2 creates, 0 status queries; 2 of 2 callbacks verified, 0 rejected; 116 credits spent\n" in written.out
    assert written.out.endswith("gallery: out/gallery.html\n")
    assert written.err == "error: sora-2 4 s 1280x720 from the image: content refused\n"


def test_the_page_names_the_first_frame_and_no_secret() -> None:
    page = page_of(DONE, datetime.now(UTC))
    assert "<dt>first frame</dt><dd dir=auto>a.jpg</dd>" in page
    assert "secret" not in page
    assert "a &lt;cat&gt;" in page
    assert 'src="./av_video-0.mp4"' in page
