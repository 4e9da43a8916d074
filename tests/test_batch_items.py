from __future__ import annotations

from decimal import Decimal

import pytest

from aivideo_async.attempts import Attempt
from aivideo_async.batch_items import BatchItem, Counts, Ending, item_key, standing_of
from aivideo_async.catalog import Sora2
from aivideo_async.core.errors import (
    AIVideoError,
    BudgetExceededError,
    DownloadError,
    SubmissionInDoubtError,
    TaskFailedError,
    TaskTimeoutError,
)
from aivideo_async.core.models import Estimate, Output, TaskStatus
from tests.doubles import a_record

CLIP = Sora2(prompt="a cat on a roof", duration=4)
PRICE = Estimate(low=Decimal(100), high=Decimal(100), exact=True, source="test", dated="2026-11-22")
DONE = Output(task_id="av_1", urls=("https://cdn.example.com/a.mp4",))


def an_attempt(status: TaskStatus | None = None, error: AIVideoError | None = None) -> Attempt:
    record = None if status is None else a_record(status=status, estimate=PRICE)
    return Attempt(request=CLIP, record=record, error=error, output=None if error else DONE)


def an_item(*attempts: Attempt, download_error: Exception | None = None) -> BatchItem:
    return BatchItem(index=0, request=CLIP, attempts=attempts, download_error=download_error)


COMPLETED = an_attempt(TaskStatus.COMPLETED)
FAILED = an_attempt(TaskStatus.FAILED, TaskFailedError("failed"))
EXPIRED = an_attempt(TaskStatus.EXPIRED, TaskTimeoutError("late", code="expired"))
IN_DOUBT = an_attempt(TaskStatus.SUBMITTING, SubmissionInDoubtError("nobody knows"))
TOO_DEAR = an_attempt(None, BudgetExceededError("too dear"))


@pytest.mark.parametrize(
    ("attempts", "ending", "credits"),
    [
        ((COMPLETED,), "completed", 100),
        ((FAILED,), "failed", 0),
        ((EXPIRED,), "failed", 0),
        ((IN_DOUBT,), "in_doubt", 0),
        ((TOO_DEAR,), "over_budget", 0),
        ((FAILED, COMPLETED), "completed", 100),
        ((FAILED, TOO_DEAR), "failed", 0),
    ],
)
def test_an_item_is_what_its_attempts_came_to(attempts: tuple[Attempt, ...], ending: Ending, credits: int) -> None:  # noqa: A002
    item = an_item(*attempts)
    assert (item.ending, int(item.credits)) == (ending, credits)
    assert (item.output is None) == (item.error is not None)


def test_a_result_without_its_file_is_completed_and_has_an_error() -> None:
    item = an_item(COMPLETED, download_error=DownloadError("expired"))
    assert (item.ending, str(item.error)) == ("completed", "expired")


@pytest.mark.parametrize(
    ("attempt", "standing"),
    [
        (COMPLETED, "spent"),
        (FAILED, "released"),
        (EXPIRED, "uncertain"),
        (IN_DOUBT, "uncertain"),
        (TOO_DEAR, "released"),
    ],
)
def test_credits_stand_where_the_attempt_has_come_to(attempt: Attempt, standing: str) -> None:
    assert standing_of(attempt) == standing


def test_an_item_is_known_by_the_batchs_name_its_place_and_its_content() -> None:
    key = item_key("cats", 7, CLIP)
    assert key == item_key("cats", 7, Sora2(duration=4, prompt="a cat on a roof"))
    assert key.startswith("cats/7/")
    others = {item_key("dogs", 7, CLIP), item_key("cats", 8, CLIP), item_key("cats", 7, Sora2(prompt="a"))}
    assert len(others | {key}) == 4


def test_the_time_left_is_told_by_the_pace_of_what_was_not_there_already() -> None:
    counts = Counts(total=10)
    assert counts.progress(5.0).left is None
    counts.end(an_item(COMPLETED))
    counts.end(BatchItem(index=1, request=CLIP, attempts=(COMPLETED,), resumed=True))
    assert counts.progress(5.0).left == 40.0
    assert Counts(total=None).progress(5.0).left is None
