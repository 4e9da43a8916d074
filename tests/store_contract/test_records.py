"""What the contract puts is what the rooms around a store put."""

from __future__ import annotations

from dataclasses import fields

from aivideo_async.core import lifecycle
from aivideo_async.core.models import TaskRecord
from aivideo_async.store_contract.records import accepted, completion, everything, expiry, failure, hint, refusal


def test_the_record_with_everything_has_something_in_every_field_that_an_ended_one_has() -> None:
    record, bare = everything("av_1", 1e9), TaskRecord(id="", origin="")
    same = {field.name for field in fields(TaskRecord) if getattr(record, field.name) == getattr(bare, field.name)}
    assert same == {"next_check"}


def test_the_endings_are_endings_and_only_a_free_refusal_frees_its_key() -> None:
    ended = [completion("av_1", "s", 0.0), failure("av_1", "s", 0.0), expiry("av_1", 0.0), refusal("av_1", 0.0)]
    assert all(record.status in lifecycle.ENDED for record in ended)
    assert [lifecycle.frees_key(record) for record in ended] == [False, False, False, True]
    assert not lifecycle.frees_key(refusal("av_1", 0.0, charged=True))


def test_a_hint_is_due_when_it_comes() -> None:
    assert hint("av_1", 7.0).next_check == hint("av_1", 7.0).hinted_at
    assert accepted("av_1", "svc-1").next_check is None
