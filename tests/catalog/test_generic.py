from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import JsonValue

from aivideo_async.catalog import PRICES, GenericRequest
from tests.catalog.asking import credits_of, problems, refused_field

URL = "https://cdn.example.com/a.png"


def generic(**fields: JsonValue) -> GenericRequest:
    return GenericRequest(kind="video", model="new-1", input=fields)


def test_its_fields_are_its_input_with_nothing_left_out() -> None:
    fields: dict[str, JsonValue] = {"prompt": "x", "nothing": None, "none": [], "deep": {"a": [1, 2.5, True]}}
    assert generic(**fields).fields() == fields


def test_it_is_sent_nested() -> None:
    assert generic().body_forms() == ("nested",)


def test_the_callers_own_lists_cannot_reach_into_it() -> None:
    numbers: list[JsonValue] = [1]
    request = generic(numbers=numbers)
    numbers.append(2)
    assert request.fields() == {"numbers": [1]}


def test_media_are_found_in_fields_named_url_at_any_depth() -> None:
    request = generic(imageUrl=URL, note=URL, image_urls=[URL, {"url": URL, "name": URL}, 3], page_url="no scheme")
    assert [path for path, _ in request.media_urls()] == ["imageUrl", "image_urls.0", "image_urls.1.url"]


@pytest.mark.parametrize("url", ["data:image/png;base64,AAAA", "https://user:pw@example.com/", "http:///x"])
def test_a_url_that_the_service_cannot_take_is_refused(url: str) -> None:
    data: dict[str, object] = {"kind": "image", "model": "new", "input": {"refs": [{"image_url": url}]}}
    assert refused_field(GenericRequest, data) == "input.refs.0.image_url"


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"model": "new", "input": {}}, "kind"),
        ({"kind": "film", "model": "new", "input": {}}, "kind"),
        ({"kind": "video", "model": " ", "input": {}}, "model"),
        ({"kind": "video", "model": "new"}, "input"),
        ({"kind": "video", "model": "new", "input": "x"}, "input"),
        ({"kind": "video", "model": "new", "input": {"n": float("nan")}}, "input"),
        ({"kind": "video", "model": "new", "input": {"n": object()}}, "input.n"),
        ({"kind": "video", "model": "new", "input": {}, "prompt": "x"}, "prompt"),
    ],
)
def test_what_is_no_request_is_refused(data: dict[str, object], field: str) -> None:
    assert refused_field(GenericRequest, data) == field


def test_a_refused_input_is_not_shown() -> None:
    data: dict[str, object] = {"kind": "video", "model": "new", "input": {"key": "sk-1", "n": float("inf")}}
    assert problems(GenericRequest, data)[0].value == "an object"


def test_an_unknown_model_has_no_upper_price() -> None:
    assert credits_of(generic(duration=8)) == (Decimal(0), None)


def test_prices_of_ones_own_are_used() -> None:
    per_task = PRICES.override({"new-1": {"task": Decimal(7)}})
    per_second = PRICES.override({"new-1": {"second": Decimal("2.5")}})
    assert generic(duration=8).estimate(per_task).high == Decimal(7)
    assert generic(duration=8).estimate(per_second).high == Decimal(20)


@pytest.mark.parametrize("duration", [None, "8", True, 0, 8.5])
def test_a_price_by_the_second_needs_whole_seconds(duration: JsonValue) -> None:
    per_second = PRICES.override({"new-1": {"second": Decimal("2.5")}})
    assert generic(duration=duration).estimate(per_second).high is None


def test_what_was_asked_for_is_read_from_the_input() -> None:
    assert generic(duration=8).asked("duration", "size") == (8, None)
