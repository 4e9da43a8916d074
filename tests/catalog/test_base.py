from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, MutableMapping
from decimal import Decimal
from typing import Annotated, Any, cast

import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from aivideo_async.catalog.base import (
    PriceBook,
    RequestPart,
    TypedRequest,
    media_url_problem,
    refuse_private_media,
)
from aivideo_async.catalog.generic import GenericRequest
from aivideo_async.catalog.kling import Kling3, KlingElement, KlingShot
from aivideo_async.catalog.nano_banana import NanoBanana2
from aivideo_async.catalog.sora import Sora2
from aivideo_async.catalog.suno import SunoV5
from aivideo_async.core.errors import ConfigurationError, InvalidRequestError

IMAGE = "https://cdn.example.com/bot123:secret/cat.png?sig=secret"
BOOK = PriceBook(prices={"sora-2": {"second": Decimal(25)}}, dated="2026-11-22", source="a test")


def reason(url: str) -> str | None:
    problem = media_url_problem("image", url)
    return None if problem is None else problem.message


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example.com/a.png",
        "HTTP://cdn.example.com:8080",
        "http://127.0.0.1/a",
        "https://b\u00fccher.example/\u00e9",
    ],
)
def test_http_urls_with_a_host_are_input_media(url: str) -> None:
    assert reason(url) is None
    assert Sora2(prompt="x", image_urls=[url]).image_urls == (url,)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("data:image/png;base64,AAAA", "cannot be a data: URL"),
        ("DATA:,x", "cannot be a data: URL"),
        ("cat.png", "must be an http(s) URL"),
        ("file:///etc/passwd", "must be an http(s) URL"),
        ("//cdn.example.com/a.png", "must be an http(s) URL"),
        ("https:///a.png", "names no host"),
        ("https://user@cdn.example.com/", "user name or password"),
        ("https://@cdn.example.com/", "user name or password"),
        ("https://cdn.example.com:99999/", "not a well-formed URL"),
        ("https://[::1/", "not a well-formed URL"),
        ("https://cdn.example.com/a b", "white space"),
        ("https://cdn.exam\nple.com/", "white space"),
        ("https://cdn.example.com\\@127.0.0.1/", "backslash"),
        ("https://cdn.example.com/\x00", "control character"),
    ],
)
def test_anything_else_is_refused_with_a_sentence(url: str, why: str) -> None:
    assert why in (reason(url) or "")
    with pytest.raises(InvalidRequestError, match=r"image_urls\.0"):
        Sora2(prompt="x", image_urls=[url])


def test_positional_values_are_refused_clearly() -> None:
    make = cast("Callable[..., Sora2]", Sora2)
    with pytest.raises(InvalidRequestError, match="takes its fields by name"):
        make("a cat")


def test_a_request_is_frozen_hashable_and_pickles() -> None:
    request = Kling3(multi_shots=True, multi_prompt=[KlingShot(prompt="x", duration=3)], image_urls=[IMAGE])
    assert hash(request) == hash(copy.deepcopy(request))
    assert pickle.loads(pickle.dumps(request)) == request
    with pytest.raises(ValidationError):
        request.mode = "pro"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue] - the mistake under test


def test_lists_that_were_given_cannot_reach_into_a_request() -> None:
    urls = [IMAGE]
    request = Sora2(prompt="x", image_urls=urls)
    urls.append("https://example.com")
    assert request.image_urls == (IMAGE,)


def test_the_repr_keeps_tokens_in_urls_to_itself() -> None:
    shown = [
        repr(Sora2(prompt=f"like {IMAGE}", image_urls=[IMAGE])),
        repr(GenericRequest(kind="image", model="new", input={"image": {"url": IMAGE}, "n": 1})),
    ]
    assert all("secret" not in text and "https://cdn.example.com/…" in text for text in shown)


def test_fields_are_sent_with_their_defaults_and_without_what_is_empty() -> None:
    assert Sora2(prompt="x").fields() == {"prompt": "x", "duration": 8, "size": "1280x720"}
    assert Sora2(prompt="x", image_urls=[IMAGE]).fields()["image_urls"] == [IMAGE]


@pytest.mark.parametrize("update", [{"duration": 6}, {"image_url": IMAGE}, {"model": "sora"}, {"prompt": None}])
def test_a_wrong_copy_is_found_by_check(update: dict[str, object]) -> None:
    request = Sora2(prompt="x").model_copy(update=update)
    with pytest.raises(InvalidRequestError):
        request.check()


def test_what_model_construct_made_is_checked_down_to_its_parts() -> None:
    element = KlingElement.model_construct(name="cat", description="a cat", element_input_urls=["cat.png", IMAGE])
    with pytest.raises(InvalidRequestError, match=r"kling_elements\.0\.element_input_urls\.0"):
        Kling3.model_construct(prompt="x", kling_elements=[element]).check()


def test_a_good_copy_passes_check() -> None:
    Sora2(prompt="x").model_copy(update={"duration": 12, "image_urls": [IMAGE]}).check()


def test_media_urls_are_found_in_nested_fields() -> None:
    element = KlingElement(name="cat", description="a cat", element_input_urls=[IMAGE, "https://example.com/2"])
    assert Kling3(prompt="x", image_urls=[IMAGE], kling_elements=[element]).media_urls() == (
        ("image_urls.0", IMAGE),
        ("kling_elements.0.element_input_urls.0", IMAGE),
        ("kling_elements.0.element_input_urls.1", "https://example.com/2"),
    )


@pytest.mark.parametrize("host", ["localhost", "127.1", "10.0.0.1", "[::1]", "nas.local", "169.254.169.254"])
def test_private_media_are_refused_apart_from_the_class(host: str) -> None:
    request = Sora2(prompt="x", image_urls=[f"http://{host}:8000/a.png"])
    with pytest.raises(InvalidRequestError) as caught:
        refuse_private_media(request)
    assert [problem.field for problem in caught.value.errors] == ["image_urls.0"]


def test_public_media_are_not_refused() -> None:
    refuse_private_media(Sora2(prompt="x", image_urls=[IMAGE]))


def test_a_url_without_a_readable_host_is_not_public() -> None:
    request = GenericRequest.model_construct(kind="image", model="new", input={"image_url": "http://[broken"})
    with pytest.raises(InvalidRequestError):
        refuse_private_media(request)


def made(data: dict[str, object]) -> object:
    try:
        request = Kling3.made_of(data)
        request.check()
    except InvalidRequestError as error:
        return error.errors
    return request


ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.text())


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*Kling3.model_fields, "x"]), ANYTHING | st.dictionaries(st.text(), ANYTHING)))
def test_whatever_is_given_there_is_a_request_or_our_error_with_its_problems(data: dict[str, object]) -> None:
    assert made(data)


@pytest.mark.parametrize("request_class", [Sora2, NanoBanana2, SunoV5])
def test_each_kind_has_its_usual_seconds(request_class: type[TypedRequest]) -> None:
    usual = {"video": 360.0, "image": 30.0, "music": 120.0}
    assert request_class.usual_seconds == usual[request_class.model_fields["kind"].default]


class Limited(RequestPart, frozen=True):
    count: Annotated[int, Field(ge=1)]


def test_under_pydantic_the_error_is_pydantics_own() -> None:
    for adapter in (TypeAdapter(Limited).validate_python, Limited.model_validate):
        with pytest.raises(ValidationError) as caught:
            adapter({"count": 0})
        context = caught.value.errors()[0].get("ctx", {})
        assert isinstance(context["error"], InvalidRequestError)


async def answer(app: FastAPI, body: bytes) -> tuple[int, bytes]:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, "query_string": b""}
    await app(scope, receive, send)
    return sent[0]["status"], sent[1]["body"]


def clip_app() -> FastAPI:
    app = FastAPI()

    @app.post("/")
    async def make(clip: Kling3) -> dict[str, int]:
        return {"seconds": clip.duration}

    return app


async def test_a_wrong_fastapi_body_is_answered_422_with_the_field_that_was_meant() -> None:
    status, body = await answer(clip_app(), b'{"prompt": "a cat", "image_url": "https://example.com/a.png"}')
    assert status == 422
    assert b"did you mean image_urls" in body


async def test_a_good_fastapi_body_is_a_request() -> None:
    status, body = await answer(clip_app(), b'{"prompt": "a cat", "duration": 7, "multi_prompt": []}')
    assert (status, body) == (200, b'{"seconds":7}')


def test_a_fastapi_app_can_describe_its_bodies() -> None:
    properties = clip_app().openapi()["components"]["schemas"]["Kling3"]["properties"]
    assert properties["duration"]["maximum"] == 15
    assert properties["image_urls"]["maxItems"] == 2


def test_an_estimate_is_the_price_times_the_seconds() -> None:
    estimate = Sora2(prompt="x", duration=12).estimate(BOOK)
    assert (estimate.low, estimate.high, estimate.exact) == (Decimal(300), Decimal(300), True)
    assert (estimate.source, estimate.dated) == ("a test", "2026-11-22")


def test_a_model_without_a_price_has_no_upper_bound() -> None:
    estimate = NanoBanana2(prompt="x").estimate(BOOK)
    assert (estimate.low, estimate.high, estimate.exact) == (Decimal(0), None, False)


def test_a_book_with_prices_of_ones_own_leaves_the_first_one_alone() -> None:
    own = BOOK.override({"sora-2": {"second": Decimal("20.5")}, "mine": {"task": Decimal(3)}})
    assert (own.price("sora-2", "second"), own.price("mine", "task")) == (Decimal("20.5"), Decimal(3))
    assert (BOOK.price("sora-2", "second"), BOOK.price("mine", "task")) == (Decimal(25), None)
    assert own.dated == BOOK.dated
    assert "your own" in own.source


def test_an_override_can_have_its_own_date_source_and_rate() -> None:
    own = BOOK.override({}, dated="2027-01-01", source="a contract", dollars_per_credit=Decimal("0.003"))
    assert (own.dated, own.source, own.dollars(Decimal(100))) == ("2027-01-01", "a contract", Decimal("0.300"))
    assert BOOK.dollars(Decimal(100)) == Decimal("0.400")


@pytest.mark.parametrize("price", ["-1", "NaN", "Infinity"])
def test_a_price_that_cannot_be_is_refused(price: str) -> None:
    with pytest.raises(ConfigurationError):
        BOOK.override({"sora-2": {"second": Decimal(price)}})
    with pytest.raises(ConfigurationError):
        BOOK.override({}, dollars_per_credit=Decimal(price))


def test_a_books_prices_cannot_be_changed_in_place() -> None:
    prices = {"mine": {"task": Decimal(3)}}
    book = PriceBook(prices=prices, dated="2026-11-22", source="a test")
    prices["mine"]["task"] = Decimal(0)
    assert book.price("mine", "task") == 3
