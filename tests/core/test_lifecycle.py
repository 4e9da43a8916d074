from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from functools import reduce
from random import Random

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from aivideo_async.core.lifecycle import (
    ENDED,
    OURS,
    RANK,
    SERVICE,
    claimable,
    contradicts,
    frees_key,
    merge,
    mismatches,
    names_another,
    oddities,
    record_of,
    status_at,
    won,
)
from aivideo_async.core.models import (
    HISTORY_LIMIT,
    Failure,
    HistoryEntry,
    JsonObject,
    Output,
    TaskRecord,
    TaskReport,
    TaskStatus,
    moment,
)
from tests.core.reports_drawn import BLANK, ID, ORIGIN, REQUEST, SERVICE_ID, START, Clip, endings, reports

S = TaskStatus
NOW = moment(START)
FREE, UNCLEAR = Failure(message="no credits", charged="no"), Failure(message="upstream", charged="unknown")


def later(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def completion(
    url: str = "https://cdn.example.com/1?sig=a", *, fetched: float | None = None, said: JsonObject | None = None
) -> TaskRecord:
    """A completed task as a callback, or a GET ``fetched`` seconds later, reports it."""
    at = None if fetched is None else NOW + later(fetched)
    report = TaskReport(
        service_id=SERVICE_ID, status=S.COMPLETED, completed_at=NOW, urls=(url,), metadata=said or {}, expires_at=at
    )
    return record_of(report, id=ID, origin=ORIGIN, now=at or NOW, fetched_at=at)


FAILED = record_of(
    TaskReport(service_id=SERVICE_ID, status=S.FAILED, failure=FREE), id=ID, origin=ORIGIN, now=NOW + later(9)
)


# The ranks


def test_every_status_has_a_rank_and_an_ending_has_one_owner() -> None:
    assert set(RANK) == set(TaskStatus)
    assert OURS | SERVICE == ENDED
    assert not OURS & SERVICE


def test_the_ranks_are_those_of_the_specification() -> None:
    assert sorted(RANK, key=RANK.__getitem__)[:4] == [S.SUBMITTING, S.IN_DOUBT, S.PENDING, S.PROCESSING]
    assert RANK[S.PROCESSING] < RANK[S.REFUSED] == RANK[S.EXPIRED] < RANK[S.FAILED] == RANK[S.COMPLETED]


@pytest.mark.parametrize(("low", "high"), [(a, b) for a, b in itertools.product(S, S) if RANK[a] < RANK[b]])
def test_the_higher_rank_wins_in_either_order(low: TaskStatus, high: TaskStatus) -> None:
    a, b = replace(BLANK, status=low), replace(BLANK, status=high)
    assert merge(a, b).status is merge(b, a).status is high


# Merging whatever comes, in whatever order


def merged(several: list[TaskRecord]) -> TaskRecord:
    return reduce(merge, several)


def merged_as_a_tree(several: list[TaskRecord], random: Random) -> TaskRecord:
    """Merged in a random grouping, as replicas would that met each other by chance."""
    rest = list(several)
    while len(rest) > 1:
        place = random.randrange(len(rest) - 1)
        rest[place : place + 2] = [merge(rest[place], rest[place + 1])]
    return rest[0]


@given(reports())
def test_merging_is_idempotent(several: list[TaskRecord]) -> None:
    assert all(merge(report, report) is report for report in several)
    whole = merged(several)
    assert all(merge(whole, report) is whole for report in several)


@given(reports(), st.data())
def test_merging_is_commutative(several: list[TaskRecord], data: st.DataObject) -> None:
    whole = merged(several)
    event(f"ends as {whole.status.value}")
    event(f"{len({report.output.urls for report in several if report.output})} sets of URLs")
    assert merged(data.draw(st.permutations(several))) == whole


@given(reports(), st.randoms(use_true_random=False))
def test_merging_is_associative(several: list[TaskRecord], random: Random) -> None:
    assert merged_as_a_tree(several, random) == merged(several)


@given(reports())
def test_what_the_service_said_last_of_all_is_where_every_order_ends(several: list[TaskRecord]) -> None:
    said = {report.status for report in several if report.status in SERVICE}
    event(f"{len(said)} endings of the service")
    whole = merged(several)
    assert whole.status in (said or set(TaskStatus) - SERVICE)
    assert (whole.next_check is None) or not said


HISTORIES = st.lists(
    st.builds(
        HistoryEntry,
        st.integers(0, 60).map(lambda seconds: moment(START + seconds)),
        st.sampled_from(["hinted", "not_found", "pending", "completed"]),
        st.sampled_from(["", "odd"]),
    ).map(lambda entry: replace(BLANK, history=(entry,))),
    min_size=HISTORY_LIMIT,
    max_size=2 * HISTORY_LIMIT,
)


@settings(max_examples=40)
@given(HISTORIES, st.randoms(use_true_random=False))
def test_the_history_is_bounded_and_the_same_in_every_order(several: list[TaskRecord], random: Random) -> None:
    whole = merged(several)
    event("entries were dropped" if len(whole.history) >= HISTORY_LIMIT - 4 else "all were kept")
    shuffled = random.sample(several, len(several))
    assert merged_as_a_tree(shuffled, random) == whole
    assert len(whole.history) <= HISTORY_LIMIT
    assert list(whole.history) == sorted(whole.history, key=lambda entry: (entry.at, entry.kind, entry.detail))


@given(st.data())
def test_whatever_contradicts_the_first_ending_changes_nothing_of_it(data: st.DataObject) -> None:
    first, second = data.draw(st.permutations([S.COMPLETED, S.FAILED]))
    a, b = data.draw(endings(first)), data.draw(endings(second))
    both = merge(a, b)
    assert (both.status, both.output, both.failure, both.ended_at) == (a.status, a.output, a.failure, a.ended_at)
    assert contradicts(a, b)
    assert not won(a, both)


# Single rules of merging


def test_a_report_that_brings_nothing_gives_back_the_very_record() -> None:
    record = merge(completion(), BLANK)
    assert merge(record, completion()) is record
    assert merge(record, replace(BLANK, status=S.PENDING)) is record


def test_what_is_known_of_the_order_stays() -> None:
    order = replace(BLANK, key="k", model="m", request=REQUEST, labels={"user": "7"}, created_at=NOW, sender="s")
    done = merge(completion(), order)
    assert (done.key, done.model, done.request, done.sender) == ("k", "m", REQUEST, "s")
    assert (done.labels, done.created_at, done.service_id) == ({"user": "7"}, NOW, SERVICE_ID)


def test_an_ending_of_the_service_needs_no_more_asking_and_one_of_ours_may() -> None:
    due = replace(BLANK, next_check=NOW)
    assert merge(due, completion()).next_check is None
    assert merge(due, replace(BLANK, status=S.EXPIRED, ended_at=NOW)).next_check == NOW


def test_the_sooner_check_the_later_hint_and_the_greater_progress_count() -> None:
    early = replace(BLANK, next_check=NOW, hinted_at=NOW, hinted_id="a", progress=0.5, checks=3, sent_at=NOW)
    late = NOW + later(1)
    both = merge(early, replace(BLANK, next_check=late, hinted_at=late, hinted_id="b", progress=0.1, sent_at=late))
    assert (both.next_check, both.hinted_at, both.hinted_id) == (NOW, late, "b")
    assert (both.progress, both.checks, both.sent_at) == (0.5, 3, late)


def test_a_later_get_replaces_the_urls_and_when_they_were_fetched_and_expire() -> None:
    first = merge(completion(), BLANK)
    again = merge(first, completion("https://cdn.example.com/1?sig=b", fetched=60, said={"seed": 8}))
    assert first.output is not None
    fresh = replace(
        first.output,
        urls=("https://cdn.example.com/1?sig=b",),
        fetched_at=NOW + later(60),
        expires_at=NOW + later(60),
    )
    assert again == replace(first, output=fresh)
    assert not won(first, again)


@pytest.mark.parametrize("fetched", [None, 1.0])
def test_neither_a_second_callback_nor_an_older_get_replaces_urls(fetched: float | None) -> None:
    first = completion("https://cdn.example.com/1?sig=new", fetched=None if fetched is None else 2.0)
    second = completion("https://cdn.example.com/1?sig=z", fetched=fetched)
    assert merge(first, second).output == first.output


def test_an_output_that_only_one_of_them_has_is_kept() -> None:
    bare = replace(BLANK, status=S.COMPLETED, ended_at=NOW)
    assert merge(bare, completion()).output == merge(completion(), bare).output == completion().output


def test_of_two_failures_that_the_service_tells_the_first_stands() -> None:
    other = replace(FAILED, failure=UNCLEAR)
    assert merge(FAILED, other).failure == FREE
    assert merge(other, FAILED).failure == UNCLEAR


def test_of_two_refusals_the_one_counts_that_may_have_been_charged() -> None:
    free, unclear = (replace(BLANK, status=S.REFUSED, ended_at=NOW, failure=why) for why in (FREE, UNCLEAR))
    assert merge(free, unclear).failure == merge(unclear, free).failure == UNCLEAR


def test_of_our_two_endings_the_order_does_not_decide() -> None:
    refused = replace(BLANK, status=S.REFUSED, ended_at=NOW, failure=FREE)
    expired = replace(BLANK, status=S.EXPIRED, ended_at=NOW + later(1), failure=UNCLEAR)
    assert merge(refused, expired) == merge(expired, refused) == refused


def test_an_ending_of_ours_does_not_lend_its_failure_to_the_services() -> None:
    refused = replace(BLANK, status=S.REFUSED, ended_at=NOW, failure=UNCLEAR)
    assert merge(refused, completion()).failure is None


@pytest.mark.parametrize("named", [{"service_id": "svc-2"}, {"hinted_id": "svc-2", "hinted_at": NOW}])
def test_a_report_that_names_another_id_of_the_service_brings_nothing(named: dict[str, str]) -> None:
    record = replace(BLANK, status=S.PENDING, service_id=SERVICE_ID)
    other = replace(BLANK, status=S.PROCESSING, progress=0.5, **named)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - fields by name
    assert names_another(record, other)
    assert merge(record, other) is record


def test_a_hint_gives_way_to_the_id_that_is_known_for_certain() -> None:
    hinted = replace(BLANK, hinted_id="svc-2", hinted_at=NOW)
    assert merge(hinted, completion()).service_id == SERVICE_ID


def test_a_word_of_the_service_stands_once_in_the_history_and_odd_ones_each() -> None:
    record = BLANK
    for second in range(3):
        for kind, detail in (("processing", ""), ("processing", "unknown status 'x'"), ("hinted", "")):
            entry = HistoryEntry(NOW + later(second), kind, detail)
            record = merge(record, replace(BLANK, history=(entry,)))
    kinds = [(entry.kind, entry.detail) for entry in record.history]
    assert kinds.count(("processing", "")) == 1
    assert len(kinds) == 1 + 3 + 3
    assert record.history[0].at == record.history[1].at == NOW


def test_a_full_history_keeps_the_ending_and_drops_the_oldest_of_the_rest() -> None:
    notes = [HistoryEntry(NOW + later(n), "ask_failed", str(n)) for n in range(100)]
    record = merged([completion(), *(replace(BLANK, history=(note,)) for note in notes)])
    kept = [entry for entry in record.history if entry.kind == "ask_failed"]
    assert record.history[0].kind == "completed"
    assert kept == notes[-len(kept) :]
    assert 20 < len(kept) < HISTORY_LIMIT


# What ends, what may be asked, what frees a key


def test_only_the_first_time_that_an_ending_is_reached_it_is_won() -> None:
    refused = replace(BLANK, status=S.REFUSED, ended_at=NOW)
    assert won(None, completion())
    assert won(BLANK, completion())
    assert won(refused, completion())
    assert not won(completion(), completion())
    assert not won(None, BLANK)


@pytest.mark.parametrize("status", S)
def test_what_has_not_ended_may_be_asked_for_and_nothing_else_without_a_hint(status: TaskStatus) -> None:
    assert claimable(replace(BLANK, status=status, ended_at=NOW)) is (status not in ENDED)


@pytest.mark.parametrize(
    ("status", "hinted", "may"),
    [
        (S.REFUSED, -1, True),
        (S.REFUSED, 1, True),
        (S.EXPIRED, -1, False),
        (S.EXPIRED, 0, True),
        (S.EXPIRED, 1, True),
        (S.FAILED, 1, False),
        (S.COMPLETED, 1, False),
    ],
)
def test_a_hint_makes_an_ending_of_ours_claimable(status: TaskStatus, hinted: int, may: bool) -> None:
    record = replace(BLANK, status=status, ended_at=NOW, hinted_at=NOW + later(hinted))
    assert claimable(record) is may


def test_an_expiry_without_a_moment_does_not_outdate_a_hint() -> None:
    assert claimable(replace(BLANK, status=S.EXPIRED, hinted_at=NOW))


@pytest.mark.parametrize(
    ("record", "frees"),
    [
        (replace(BLANK, status=S.REFUSED, failure=FREE), True),
        (replace(BLANK, status=S.REFUSED, failure=UNCLEAR), False),
        (replace(BLANK, status=S.REFUSED), False),
        (replace(BLANK, status=S.REFUSED, failure=FREE, service_id=SERVICE_ID), False),
        (replace(BLANK, status=S.REFUSED, failure=FREE, hinted_at=NOW), False),
        (replace(BLANK, status=S.EXPIRED, failure=FREE), False),
        (FAILED, False),
    ],
)
def test_only_a_refusal_that_provably_cost_nothing_frees_its_key(record: TaskRecord, frees: bool) -> None:
    assert frees_key(record) is frees


# How a status reads


@pytest.mark.parametrize(
    ("record", "age", "reads"),
    [
        (BLANK, 1e6, S.SUBMITTING),
        (replace(BLANK, sent_at=NOW), 90, S.SUBMITTING),
        (replace(BLANK, sent_at=NOW), 90.001, S.IN_DOUBT),
        (replace(BLANK, sent_at=NOW, service_id=SERVICE_ID), 1e6, S.SUBMITTING),
        (replace(BLANK, sent_at=NOW, status=S.PENDING), 1e6, S.PENDING),
    ],
)
def test_a_create_without_an_answer_reads_as_in_doubt_after_its_deadline(
    record: TaskRecord, age: float, reads: TaskStatus
) -> None:
    assert status_at(record, NOW + later(age), create_deadline=60) is reads


# Reports as records


def test_a_completion_becomes_a_record_with_an_output() -> None:
    report = TaskReport(
        service_id=SERVICE_ID,
        status=S.COMPLETED,
        model="m",
        completed_at=NOW,
        urls=("https://cdn.example.com/1",),
        last_frame_url="https://cdn.example.com/last.png",
        metadata={"seed": 7},
        expires_at=NOW + later(60),
    )
    record = record_of(report, id=ID, origin=ORIGIN, now=NOW + later(5), fetched_at=NOW + later(5), checks=2)
    assert record.output == Output(
        task_id=ID,
        urls=report.urls,
        last_frame_url=report.last_frame_url,
        metadata={"seed": 7},
        fetched_at=NOW + later(5),
        expires_at=NOW + later(60),
    )
    assert (record.status, record.service_id, record.model) == (S.COMPLETED, SERVICE_ID, "m")
    assert (record.ended_at, record.checks, record.failure) == (NOW, 2, None)
    assert record.history == (HistoryEntry(NOW + later(5), "completed"),)


def test_a_failure_becomes_a_record_with_its_reason_and_without_an_output() -> None:
    assert (FAILED.status, FAILED.failure, FAILED.output) == (S.FAILED, FREE, None)
    assert FAILED.ended_at == NOW + later(9)


def test_progress_becomes_a_record_that_has_not_ended() -> None:
    report = TaskReport(service_id=SERVICE_ID, status=S.PROCESSING, progress=0.5, failure=FREE, remark="odd")
    record = record_of(report, id=ID, origin=ORIGIN, now=NOW)
    assert (record.progress, record.ended_at, record.output, record.failure) == (0.5, None, None, None)
    assert record.history == (HistoryEntry(NOW, "processing", "odd"),)


# What is not as it was asked for


@pytest.mark.parametrize(
    ("request_", "said", "expected"),
    [
        (Clip(kind="video", model="m", duration=12), {"duration": 4}, ("duration: asked for 12, got 4",)),
        (Clip(kind="video", model="m", duration=12), {"duration": 12.04}, ()),
        (Clip(kind="video", model="m", duration=12), {"duration": "12"}, ()),
        (Clip(kind="video", model="m", duration=12), {"duration": "4"}, ("duration: asked for 12, got 4",)),
        (Clip(kind="video", model="m", size="720x1280"), {"ratio": "16:9"}, ("ratio: asked for 9:16, got 16:9",)),
        (Clip(kind="video", model="m", size="1280x720"), {"ratio": "16:9"}, ()),
        (Clip(kind="video", model="m", aspect_ratio="1:1"), {"ratio": "16:9"}, ("ratio: asked for 1:1, got 16:9",)),
        (Clip(kind="video", model="m", aspect_ratio="Adaptive"), {"ratio": "16:9"}, ()),
        (Clip(kind="video", model="m"), {"ratio": "16:9", "duration": 4}, ()),
        (Clip(kind="video", model="m", duration=12, aspect_ratio="1:1"), {}, ()),
        (None, {"duration": 4}, ()),
    ],
)
def test_duration_and_ratio_are_compared_with_the_request(
    request_: Clip | None, said: JsonObject, expected: tuple[str, ...]
) -> None:
    assert mismatches(request_, said) == expected


def test_a_second_ending_that_differs_is_odd() -> None:
    report = TaskReport(service_id=SERVICE_ID, status=S.FAILED)
    (oddity,) = oddities(completion(), report, first=False)
    assert oddity == "it ended as completed and is now said to be failed: the first stands"


def test_a_report_about_another_task_is_no_second_ending() -> None:
    report = TaskReport(service_id="svc-2", status=S.FAILED)
    assert oddities(replace(BLANK, status=S.PROCESSING), report, first=False) == ()


def test_an_answer_that_cannot_be_right_is_odd() -> None:
    report = TaskReport(service_id=SERVICE_ID, status=S.PROCESSING, remark="unknown status 'x'")
    assert oddities(BLANK, report, first=False) == ("unknown status 'x'",)


@pytest.mark.parametrize(("first", "count"), [(True, 1), (False, 0)])
def test_a_result_that_was_not_asked_for_is_odd_the_first_time(first: bool, count: int) -> None:
    record = replace(completion(said={"duration": 12}), request=REQUEST)
    report = TaskReport(service_id=SERVICE_ID, status=S.COMPLETED)
    assert len(oddities(record, report, first=first)) == count
