from __future__ import annotations

import json
from decimal import Decimal
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from aivideo_async.catalog import GenericRequest, Seedance2, Sora2
from aivideo_async.core.errors import StoreError
from aivideo_async.core.lifecycle import record_of
from aivideo_async.core.models import (
    Estimate,
    Failure,
    HistoryEntry,
    JsonObject,
    Output,
    TaskRecord,
    TaskStatus,
    moment,
)
from aivideo_async.core.reports import read_task
from aivideo_async.stores.codec import record_from_json, record_to_json

MOMENTS = st.none() | st.integers(0, 4_000_000_000_000_000).map(lambda micros: moment(micros / 1e6))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
REQUESTS = st.sampled_from(
    [
        None,
        Sora2(prompt="a kite", image_urls=["https://example.com/a.png"]),
        Seedance2(prompt="waves", resolution="1080p", seed=7),
        GenericRequest(kind="music", model="new", input={"prompt": "x", "weights": [1, 2.5, None]}),
    ]
)
RECORDS = st.builds(
    TaskRecord,
    id=TEXTS,
    origin=TEXTS,
    status=st.sampled_from(TaskStatus),
    service_id=st.none() | TEXTS,
    key=st.none() | TEXTS,
    request=REQUESTS,
    estimate=st.none()
    | st.builds(
        Estimate,
        low=st.decimals(0, 1000, places=2),
        high=st.none() | st.decimals(0, 1000, places=2),
        exact=st.booleans(),
        source=TEXTS,
        dated=TEXTS,
    ),
    labels=st.dictionaries(TEXTS, TEXTS, max_size=3),
    created_at=MOMENTS,
    next_check=MOMENTS,
    checks=st.integers(0, 100),
    progress=st.none() | st.floats(0, 100),
    output=st.none()
    | st.builds(
        Output,
        task_id=TEXTS,
        urls=st.lists(TEXTS, max_size=3).map(tuple),
        metadata=st.dictionaries(TEXTS, st.integers(-(2**53), 2**53) | TEXTS | st.booleans() | st.none(), max_size=3),
        fetched_at=MOMENTS,
    ),
    failure=st.none() | st.builds(Failure, message=TEXTS, code=st.none() | TEXTS, status=st.none() | st.just(402)),
    history=st.lists(st.builds(HistoryEntry, at=MOMENTS.filter(bool), kind=TEXTS, detail=TEXTS), max_size=3).map(tuple),
)


@given(RECORDS)
def test_what_comes_back_equals_what_went_in(record: TaskRecord) -> None:
    assert record_from_json(record_to_json(record)) == record


def test_what_the_service_said_comes_back_although_it_is_frozen() -> None:
    metadata: JsonObject = {"duration": 4, "tracks": [{"title": "é"}]}
    output: JsonValue = {"urls": ["https://cdn.example.com/1.mp4"], "metadata": dict(metadata)}
    report = read_task({"id": "svc-1", "status": "completed", "output": output})
    record = record_of(report, id="av_1", origin="o", now=moment(0))
    assert record.output is not None
    assert record.output.metadata == metadata
    assert record_from_json(record_to_json(record)) == record


def test_labels_may_be_frozen() -> None:
    record = TaskRecord(id="av_1", origin="o", labels=MappingProxyType({"user": "7"}))
    assert record_from_json(record_to_json(record)) == record


def test_what_is_at_its_default_takes_no_room() -> None:
    assert json.loads(record_to_json(TaskRecord(id="av_1", origin="o"))) == {"v": 1, "id": "av_1", "origin": "o"}


def test_credits_keep_every_digit() -> None:
    estimate = Estimate(low=Decimal("2.40"), high=None, exact=False, source="s", dated="d")
    record = record_from_json(record_to_json(TaskRecord(id="av_1", origin="o", estimate=estimate)))
    assert str(record.estimate and record.estimate.low) == "2.40"


def test_a_request_that_the_catalog_no_longer_allows_comes_back_as_it_was_sent() -> None:
    text = record_to_json(TaskRecord(id="av_1", origin="o", request=Sora2(prompt="x", duration=8)))
    record = record_from_json(text.replace(b'"duration":8', b'"duration":20'))
    assert record.request is not None
    assert (record.request.model, record.request.fields()["duration"]) == ("sora-2", 20)


@pytest.mark.parametrize("text", [b"", b"[]", b'{"v":2,"id":"a"}', b'{"v":1}', b'{"id":"a","origin":"o"}', b"\xff"])
def test_what_cannot_be_read_is_a_store_error(text: bytes) -> None:
    with pytest.raises(StoreError):
        record_from_json(text)
