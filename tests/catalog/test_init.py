from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

import aivideo_async.catalog
from aivideo_async.catalog import (
    MODELS,
    PRICES,
    GenericRequest,
    NanoBanana2,
    Sora2,
    SunoV55,
    TypedRequest,
    estimate,
    parse_request,
    request_to_data,
    usual_seconds,
)
from aivideo_async.core.errors import InvalidRequestError
from aivideo_async.core.models import GenerationRequest
from tests.catalog.drawing import JSON, requests_of


class Home(GenerationRequest, frozen=True):
    """A request class of somebody else's."""

    prompt: str


MINE = Home(kind="image", model="home-made", prompt="x")


def test_every_documented_model_has_a_class() -> None:
    assert len(MODELS) == 22
    assert {name.split("-")[0] for name in MODELS} == {
        *("sora", "doubao", "kling", "veo", "happyhorse", "wan", "grok", "nano", "gpt", "suno")
    }


@pytest.mark.parametrize(("model", "request_class"), MODELS.items(), ids=MODELS)
def test_every_class_is_exported_and_has_its_kind_and_model(model: str, request_class: type[TypedRequest]) -> None:
    assert getattr(aivideo_async.catalog, request_class.__name__) is request_class
    assert request_class.model_fields["model"].default == model
    assert request_class.model_fields["kind"].default in {"video", "image", "music"}
    assert request_class.usual_seconds > 0


def test_the_public_names_are_sorted_and_there() -> None:
    names = aivideo_async.catalog.__all__
    assert sorted(names, key=lambda name: (not name.isupper(), name)) == names
    assert all(hasattr(aivideo_async.catalog, name) for name in names)


def test_flat_json_becomes_a_typed_request() -> None:
    data: dict[str, JsonValue] = {"kind": "video", "model": "sora-2", "prompt": "a cat", "duration": 4}
    assert parse_request(data) == Sora2(prompt="a cat", duration=4)


def test_json_with_an_input_becomes_a_generic_request() -> None:
    data: dict[str, JsonValue] = {"kind": "music", "model": "new-1", "input": {"prompt": "x"}}
    assert parse_request(data) == GenericRequest(kind="music", model="new-1", input={"prompt": "x"})


@pytest.mark.parametrize(
    ("data", "field", "meant"),
    [
        ({}, "model", None),
        ({"model": None}, "model", None),
        ({"model": ["sora-2"]}, "model", None),
        ({"model": "sora2"}, "model", "sora-2"),
        ({"model": "abc"}, "model", None),
        ({"model": "sora-2", "input": {}}, "kind", None),
        ({"model": "sora-2", "prompt": "x", "image_url": "x"}, "image_url", "image_urls"),
    ],
)
def test_json_that_is_no_request_is_refused(data: dict[str, JsonValue], field: str, meant: str | None) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse_request(data)
    assert [(problem.field, problem.meant) for problem in caught.value.errors] == [(field, meant)]


@pytest.mark.parametrize("request_class", MODELS.values(), ids=MODELS)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_typed_request_survives_the_way_to_json_and_back(
    request_class: type[TypedRequest], data: st.DataObject
) -> None:
    request = data.draw(requests_of(request_class))
    assert parse_request(request_to_data(request)) == request
    assert estimate(request).low > 0


@settings(deadline=None)
@given(
    kind=st.sampled_from(["video", "image", "music"]),
    model=st.sampled_from(["new-1", "sora-2"]),
    fields=st.dictionaries(st.text(max_size=5), JSON, max_size=4),
)
def test_any_generic_request_survives_the_way_to_json_and_back(
    kind: str, model: str, fields: dict[str, JsonValue]
) -> None:
    request = GenericRequest.made_of({"kind": kind, "model": model, "input": fields})
    data = request_to_data(request)
    assert data["input"] == fields
    assert parse_request(data) == request


def test_a_class_of_somebody_elses_reads_back_as_what_will_be_sent() -> None:
    data = request_to_data(MINE)
    assert parse_request(data) == GenericRequest(kind="image", model="home-made", input={"prompt": "x"})


def test_an_estimate_is_by_the_catalogs_prices_or_by_ones_own() -> None:
    own = PRICES.override({"sora-2": {"second": Decimal(10)}, "home-made": {"task": Decimal(3)}})
    assert (estimate(Sora2(prompt="x")).high, estimate(Sora2(prompt="x"), own).high) == (Decimal(200), Decimal(80))
    assert (estimate(MINE).high, estimate(MINE, own).high) == (None, Decimal(3))


def test_usual_seconds_go_by_request_or_kind() -> None:
    requests = [Sora2(prompt="x"), NanoBanana2(prompt="x"), SunoV55(prompt="x")]
    assert [usual_seconds(request) for request in requests] == [360.0, 30.0, 120.0]
    assert [usual_seconds("video"), usual_seconds("image"), usual_seconds("music")] == [360.0, 30.0, 120.0]
    assert usual_seconds(GenericRequest(kind="music", model="new", input={})) == 120.0
    assert usual_seconds(MINE) == 30.0


def test_importing_the_catalog_loads_nothing_that_does_io() -> None:
    code = "import sys, aivideo_async.catalog; print(*sorted({n.split('.')[0] for n in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()  # noqa: S603 - our own line of code
    assert not {"aiohttp", "asyncio", "anyio", "sqlite3", "logging"} & set(loaded)
