from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from aivideo_async.core.audit import NAMED, Audit, Mark, Reckoning
from aivideo_async.core.models import Estimate, Failure, TaskRecord, TaskStatus, moment
from tests.doubles import NOW, a_record

FREE = Failure(message="no", charged="no")
UNKNOWN = Failure(message="503", charged="unknown")


def price(low: int, high: int | None = None) -> Estimate:
    bound = None if high == -1 else Decimal(low if high is None else high)
    return Estimate(low=Decimal(low), high=bound, exact=False, source="test", dated="2026-11-22")


def a_task(status: TaskStatus, *, sent: float = 10, ended: float | None = None, **more: object) -> TaskRecord:
    made: dict[str, object] = {"estimate": price(100), **more}
    ended_at = None if ended is None else moment(NOW + ended)
    return a_record(f"av_{sent}", status, sent_at=moment(NOW + sent), ended_at=ended_at, **made)


def audit(records: Sequence[TaskRecord], consumed: int) -> Audit:
    reckoning = Reckoning(Mark(moment(NOW), Decimal(50)), Mark(moment(NOW + 100), Decimal(50 + consumed)))
    for record in records:
        reckoning.add(record)
    return reckoning.audit()


@pytest.mark.parametrize(
    ("record", "low", "high"),
    [
        (a_task(TaskStatus.COMPLETED, ended=20), 100, 100),
        (a_task(TaskStatus.PROCESSING), 100, 100),
        (a_task(TaskStatus.FAILED, ended=20), 0, 0),
        (a_task(TaskStatus.FAILED, ended=200), 100, 100),
        (a_task(TaskStatus.FAILED, sent=-10, ended=20), -100, -100),
        (a_task(TaskStatus.COMPLETED, sent=-10, ended=20), 0, 0),
        (a_task(TaskStatus.COMPLETED, sent=110), 0, 0),
        (a_task(TaskStatus.IN_DOUBT), 0, 100),
        (a_task(TaskStatus.EXPIRED), 0, 100),
        (a_task(TaskStatus.REFUSED, failure=FREE), 0, 0),
        (a_task(TaskStatus.REFUSED, failure=UNKNOWN), 0, 100),
        (a_task(TaskStatus.COMPLETED, estimate=price(100, 300)), 100, 300),
        (a_task(TaskStatus.COMPLETED, estimate=None), 0, 0),
        (a_record(status=TaskStatus.SUBMITTING, estimate=price(100)), 0, 0),
    ],
)
def test_a_task_is_charged_at_its_create_and_given_back_when_it_fails(record: TaskRecord, low: int, high: int) -> None:
    result = audit([record], 0)
    assert (int(result.expected_low), int(result.expected_high)) == (low, high)


def test_where_both_sides_agree_there_is_nothing_to_say() -> None:
    result = audit([a_task(TaskStatus.COMPLETED), a_task(TaskStatus.FAILED, ended=20)], 100)
    assert (int(result.difference), result.findings, result.tasks) == (0, (), 1)


@pytest.mark.parametrize(
    ("consumed", "difference", "said"),
    [
        (100, 0, "what is in doubt was not charged: av_7"),
        (200, 0, "what is in doubt was charged: av_7"),
        (150, 0, "of 100 credits in doubt 50 were charged"),
        (300, 100, "100 credits more were consumed than the records explain"),
        (300, 100, "that is the price of one sora-2: one was charged twice"),
        (240, 40, "or the price of sora-2 has moved: 120 credits for each of 2"),
        (60, -40, "40 credits less were consumed than the records say"),
    ],
)
def test_a_difference_is_named(consumed: int, difference: int, said: str) -> None:
    result = audit([a_task(TaskStatus.COMPLETED), a_task(TaskStatus.IN_DOUBT, sent=7)], consumed)
    assert int(result.difference) == difference
    assert any(finding.startswith(said) for finding in result.findings), result.findings
    assert result.doubtful == ("av_7",)


def test_several_models_and_none_leave_more_than_one_reason() -> None:
    both = [a_task(TaskStatus.COMPLETED), a_task(TaskStatus.COMPLETED, sent=11, model="veo-3")]
    assert audit(both, 700).findings[-1] == "or a price has moved, or somebody else uses this account"
    assert audit([], 5).findings[-1].endswith("somebody else uses this account")


def test_a_task_without_a_known_price_is_told() -> None:
    result = audit([a_task(TaskStatus.COMPLETED, estimate=price(1, -1))], 1)
    assert result.findings[0].startswith("1 tasks have no known price")


def test_no_more_are_named_than_anybody_reads() -> None:
    result = audit([a_task(TaskStatus.IN_DOUBT, sent=n / 10) for n in range(1, NAMED + 50)], 0)
    assert len(result.doubtful) == NAMED
