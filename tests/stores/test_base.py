from __future__ import annotations

import dataclasses

import pytest

from aivideo_async.stores.base import Put, Query, Store
from aivideo_async.stores.memory import MemoryStore
from tests.stores.made import ELSEWHERE, ORIGIN, intent

RECORD = intent("av_1", 0.0, labels={"user": "7", "kind": "draft"})


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        (Query(), True),
        (Query(origin=ORIGIN), True),
        (Query(origin=ELSEWHERE), False),
        (Query(labels={"user": "7"}), True),
        (Query(labels={"user": "7", "kind": "draft"}), True),
        (Query(labels={"user": "8"}), False),
        (Query(labels={"user": "7", "more": ""}), False),
        (Query(origin=ELSEWHERE, labels={"user": "7"}), False),
    ],
)
def test_a_record_matches_when_every_condition_holds(query: Query, matches: bool) -> None:
    assert query.matches(RECORD, ended=False) is matches


@pytest.mark.parametrize(
    ("unfinished", "ended", "matches"),
    [(True, True, False), (True, False, True), (False, True, True), (False, False, True)],
)
def test_only_a_query_for_unfinished_tasks_leaves_out_what_has_ended(
    unfinished: bool, ended: bool, matches: bool
) -> None:
    assert Query(unfinished=unfinished).matches(RECORD, ended=ended) is matches


@pytest.mark.parametrize("value", [Query(), Put(RECORD, changed=False, won=False)])
def test_what_is_asked_and_answered_does_not_change(value: Query | Put) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, dataclasses.fields(value)[0].name, None)


def test_the_memory_store_fits_the_promise() -> None:
    store: Store = MemoryStore()
    promised = {name for name in vars(Store) if not name.startswith("_")}
    assert {"put", "get", "scan", "claim", "due", "changes", "events", "prune", "note"} <= promised
    assert all(hasattr(store, name) for name in promised)
