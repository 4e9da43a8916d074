from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from aivideo_async.core.errors import StoreError
from aivideo_async.core.lifecycle import SERVICE
from aivideo_async.core.models import TaskRecord, TaskStatus, moment
from aivideo_async.core.retry import DEADLINE
from aivideo_async.stores import sqlite_rows
from aivideo_async.stores.base import Query
from aivideo_async.stores.sqlite_schema import DatabaseFile, Turn
from tests.doubles import ManualClock
from tests.stores.made import ORIGIN, accepted, completion, everything, intent, refusal

KEEP = 10_000_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(DatabaseFile(tmp_path / "aivideo.db").open()) as db:
        db.execute("BEGIN IMMEDIATE")
        yield db


@pytest.fixture
def turn(db: sqlite3.Connection, clock: ManualClock) -> Turn:
    return Turn(db, clock)


def put(turn: Turn, *records: TaskRecord) -> None:
    for record in records:
        sqlite_rows.put(turn, record, KEEP)


def found(turn: Turn, *names: str) -> dict[str, str]:
    return {name: record.id for name, record in sqlite_rows.find(turn, names).items()}


def all_ids(turn: Turn) -> list[str]:
    records, _ = sqlite_rows.page(turn, Query(), None)
    return [record.id for record in records]


def test_the_next_check_is_kept_beside_the_body_and_comes_back_with_it(turn: Turn) -> None:
    record = replace(everything("av_1", 1.5), status=TaskStatus.PENDING, next_check=moment(1_790_000_000.123457))
    put(turn, record)
    (body, next_check) = turn.db.execute("SELECT body, next_check FROM tasks").fetchone()
    assert b"next_check" not in body
    assert next_check == 1_790_000_000_123_457
    assert sqlite_rows.find(turn, ["av_1"]) == {"av_1": record}


def test_a_claim_and_due_move_the_check_that_is_read_back(turn: Turn, clock: ManualClock) -> None:
    put(turn, accepted("av_1", "svc-1", next_check=clock()))
    claimed = sqlite_rows.claim(turn, ORIGIN, 1, 30.0, KEEP)
    assert [record.next_check for record in claimed] == [moment(clock() + 30)]
    assert list(sqlite_rows.find(turn, ["av_1"]).values()) == claimed
    sqlite_rows.due(turn, "av_1", 5.25)
    assert sqlite_rows.find(turn, ["av_1"])["av_1"].next_check == moment(clock() + 5.25)


def test_what_changed_is_told_with_ever_higher_revisions(turn: Turn, clock: ManualClock) -> None:
    put(turn, accepted("av_1", "svc-1", next_check=clock()), accepted("av_2", "svc-2"), accepted("av_1", "svc-1"))
    sqlite_rows.claim(turn, ORIGIN, 1, 30.0, KEEP)
    put(turn, completion("av_1", "svc-1", clock()))
    assert turn.changed == [(1, "av_1"), (2, "av_2"), (3, "av_1")]


def test_a_name_means_an_id_before_a_service_id_before_a_key(turn: Turn, clock: ManualClock) -> None:
    put(turn, intent("av_key", clock(), key="name"))
    assert found(turn, "name", "av_key") == {"name": "av_key", "av_key": "av_key"}
    put(turn, accepted("av_service", "name"))
    assert found(turn, "name") == {"name": "av_service"}
    put(turn, accepted("name", "svc"))
    assert found(turn, "name", "unknown") == {"name": "name"}


def test_a_key_that_goes_on_leads_to_one_task_only(turn: Turn, clock: ManualClock) -> None:
    put(turn, intent("av_1", clock(), key="k"), refusal("av_1", clock()), intent("av_2", clock(), key="k"))
    assert turn.db.execute("SELECT id, key FROM tasks ORDER BY id").fetchall() == [("av_1", None), ("av_2", "k")]


@pytest.mark.parametrize("status", TaskStatus)
def test_due_leaves_alone_what_the_service_has_ended(turn: Turn, status: TaskStatus) -> None:
    put(turn, TaskRecord(id="av_1", origin=ORIGIN, status=status))
    sqlite_rows.due(turn, "av_1", 5.0)
    assert (sqlite_rows.find(turn, ["av_1"])["av_1"].next_check is None) is (status in SERVICE)


def test_a_record_that_cannot_be_read_is_not_claimed_and_holds_up_no_other(turn: Turn, clock: ManualClock) -> None:
    put(turn, *(accepted(f"av_{n}", f"svc-{n}", next_check=clock() - 2 + n) for n in range(2)))
    turn.db.execute("UPDATE tasks SET body = '{}' WHERE id = 'av_0'")
    assert [record.id for record in sqlite_rows.claim(turn, ORIGIN, 1, 30.0, KEEP)] == []
    assert [record.id for record in sqlite_rows.claim(turn, ORIGIN, 1, 30.0, KEEP)] == ["av_1"]
    with pytest.raises(StoreError, match="version"):
        sqlite_rows.find(turn, ["av_0"])


def test_every_query_finds_its_rows_by_an_index(turn: Turn) -> None:
    for query, values in (
        (sqlite_rows.DUE, (ORIGIN, 0, 1)),
        (sqlite_rows.UNFINISHED, (1, None, None, 1)),
        (sqlite_rows.find_query(2), ("a", "b")),
    ):
        plan = turn.db.execute(f"EXPLAIN QUERY PLAN {query}", values).fetchall()
        assert not [step for *_, step in plan if step.startswith("SCAN") or "TEMP B-TREE" in step]


def test_what_ended_is_forgotten_a_while_later_and_what_did_not_a_while_after_its_deadline(
    db: sqlite3.Connection, clock: ManualClock
) -> None:
    put(Turn(db, clock), accepted("av_1", "svc-1"), completion("av_2", "svc-2", clock()))
    clock.advance(3_600)
    put(Turn(db, clock), accepted("av_3", "svc-3"))
    assert all_ids(Turn(db)) == ["av_3", "av_1"]
    clock.advance(DEADLINE)
    sqlite_rows.claim(Turn(db, clock), ORIGIN, 1, 30.0, KEEP)
    assert all_ids(Turn(db)) == ["av_3"]


def test_more_than_is_forgotten_at_once_is_forgotten_by_the_next(db: sqlite3.Connection, clock: ManualClock) -> None:
    count = 2 * sqlite_rows.FORGET_AT_ONCE + 1
    put(Turn(db, clock), *(accepted(f"av_{n}", f"svc-{n}") for n in range(count)))
    clock.advance(2 * DEADLINE)
    left: list[int] = []
    for _ in range(4):
        sqlite_rows.claim(Turn(db, clock), ORIGIN, 1, 30.0, KEEP)
        left.append(db.execute("SELECT count(*) FROM tasks").fetchone()[0])
    assert left == [count - sqlite_rows.FORGET_AT_ONCE, 1, 0, 0]
    assert db.execute("SELECT pruned_at FROM state").fetchone() == (round(clock() * 1e6),)


def test_forgetting_says_whether_there_is_more(turn: Turn, clock: ManualClock) -> None:
    count = sqlite_rows.FORGET_AT_ONCE + 1
    put(turn, *(completion(f"av_{n}", f"svc-{n}", clock()) for n in range(count)))
    before = turn.now + 1
    assert [sqlite_rows.forget(turn, before) for _ in range(2)] == [(sqlite_rows.FORGET_AT_ONCE, True), (1, False)]
    assert turn.db.execute("SELECT count(*) FROM events").fetchone() == (0,)


def test_a_note_is_kept_until_the_next(turn: Turn) -> None:
    assert sqlite_rows.noted(turn, "a") is None
    for value in ("1", "2"):
        assert sqlite_rows.note(turn, "a", value) == value
        assert sqlite_rows.noted(turn, "a") == value
