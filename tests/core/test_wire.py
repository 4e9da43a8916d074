from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, JsonValue

from aivideo_async.core.errors import (
    AIVideoError,
    APIConnectionError,
    AuthenticationError,
    InternalServerError,
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
)
from aivideo_async.core.models import BodyForm, Credits, GenerationRequest, Kind, TaskReport, TaskStatus
from aivideo_async.core.wire import (
    CreateOutcome,
    HttpRequest,
    HttpResponse,
    create_outcome,
    create_request,
    credits_request,
    read_create,
    read_credits,
    read_task_response,
    task_request,
)
from tests.samples import FOLDER, sample

ID = "0b9f4c52-5d0e-4f0e-9c39-0a3f5b1d7e21"
NOW = 1_760_000_400.0
CALLBACK = "https://example.com/webhooks/aivideo"
PROMPT = "A realistic handheld shot of a city cafe at sunrise"


class Clip(GenerationRequest, frozen=True):
    kind: Kind = "video"
    model: str = "sora-2"
    prompt: str = PROMPT
    duration: int = 8
    size: str | None = "1280x720"
    image_urls: list[str] | None = None

    def body_forms(self) -> tuple[BodyForm, ...]:
        return ("flat", "nested")


class Free(GenerationRequest, frozen=True):
    kind: Kind = "music"
    model: str = "suno-v5"
    input: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])

    def fields(self) -> dict[str, JsonValue]:
        return self.input


def answer(body: bytes, status: int = 200, **headers: str) -> HttpResponse:
    return HttpResponse(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def body_of(request: HttpRequest) -> JsonValue:
    assert request.body is not None
    body: JsonValue = json.loads(request.body)
    return body


# Requests


def test_the_flat_form_is_the_documented_one() -> None:
    request = create_request(Clip(), form="flat", callback_url=CALLBACK)

    assert (request.method, request.path) == ("POST", "/v1/videos/generations")
    assert request.body == sample("wire/body_flat.json")


def test_the_nested_form_is_the_documented_one() -> None:
    clip = Clip(image_urls=["https://example.com/first.png"])

    body = body_of(create_request(clip, form="nested", callback_url=CALLBACK))

    assert body == json.loads(sample("wire/body_nested.json"))


@pytest.mark.parametrize(("size", "ratio"), [("1280x720", "16:9"), ("720x1280", "9:16")])
def test_the_nested_form_says_the_size_as_a_ratio(size: str, ratio: str) -> None:
    body = body_of(create_request(Clip(size=size), form="nested", callback_url=None))

    assert body == {"model": "sora-2", "input": {"prompt": PROMPT, "duration": 8, "aspect_ratio": ratio}}


@pytest.mark.parametrize("size", [None, "1024x1024"])
def test_a_size_without_a_ratio_stays_as_it_is(size: str | None) -> None:
    body = body_of(create_request(Clip(size=size), form="nested", callback_url=None))

    assert isinstance(body, dict)
    assert body["input"] == Clip(size=size).fields()


def test_the_size_of_a_model_with_one_form_is_its_own_affair() -> None:
    body = body_of(create_request(Free(input={"size": "1280x720"}), form="nested", callback_url=None))

    assert body == {"model": "suno-v5", "input": {"size": "1280x720"}}


@pytest.mark.parametrize("form", ["flat", "nested"])
def test_model_and_callback_url_are_never_a_fields(form: BodyForm) -> None:
    request = Free(input={"model": "another", "callback_url": "https://another.example", "prompt": "x"})

    body = body_of(create_request(request, form=form, callback_url=CALLBACK))

    assert isinstance(body, dict)
    assert (body["model"], body["callback_url"]) == ("suno-v5", CALLBACK)


@pytest.mark.parametrize(
    ("kind", "path"),
    [("video", "/v1/videos/generations"), ("image", "/v1/images/generations"), ("music", "/v1/music/generations")],
)
def test_the_kind_chooses_the_endpoint(kind: Kind, path: str) -> None:
    assert create_request(Free(kind=kind), form="nested", callback_url=None).path == path


def test_text_of_the_world_goes_out_as_utf_8() -> None:
    request = create_request(Free(input={"prompt": "ein Café, 日の出"}), form="nested", callback_url=None)

    assert "日の出".encode() in (request.body or b"")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_json_cannot_say_is_refused(value: JsonValue) -> None:
    with pytest.raises(InvalidRequestError, match="cannot be written as JSON") as caught:
        create_request(Free(input={"seed": value}), form="nested", callback_url=None)

    assert caught.value.status is None


def test_a_task_is_asked_for_by_its_id() -> None:
    assert task_request(ID) == HttpRequest("GET", f"/v1/tasks/{ID}")
    assert credits_request() == HttpRequest("GET", "/v1/credits")


@pytest.mark.parametrize("wrong", ["", "../credits", "a/b", "a?b", "ä", "a\n", "a" * 129])
def test_no_path_is_made_of_what_is_no_id(wrong: str) -> None:
    with pytest.raises(InvalidRequestError, match="not a task id"):
        task_request(wrong)


@given(st.text())
def test_a_path_is_made_of_an_id_or_not_at_all(text: str) -> None:
    try:
        path = task_request(text).path
    except InvalidRequestError:
        return
    assert path == f"/v1/tasks/{text}"
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


# What became of a create


@pytest.mark.parametrize(
    "name", ["create_ok.json", "create_data_id.json", "create_bare_task_id.json", "create_bare_id.json"]
)
@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_yes_with_an_id_is_accepted(name: str, status: int) -> None:
    assert read_create(answer(sample(f"wire/{name}"), status), now=NOW) == CreateOutcome("accepted", ID)


@pytest.mark.parametrize(
    "body",
    [
        sample("wire/create_code_not_200.json"),
        sample("wire/create_without_id.json"),
        sample("wire/create_null_data.json"),
        b'{"data":{"taskId":null,"id":7}}',
        b'{"data":{"taskId":"../../v1/credits"}}',
        b'{"data":{"taskId":""}}',
        b'{"code":"200","data":{"taskId":"a"}}',
        b'["%s"]' % ID.encode(),
        b'{"data":{"taskId":"0b9f',
        b"<html>Welcome</html>",
        b"\xff\xfe",
        b"",
    ],
)
def test_a_yes_without_an_id_or_with_another_code_is_in_doubt(body: bytes) -> None:
    outcome = read_create(answer(body), now=NOW)

    assert (outcome.kind, outcome.service_id) == ("in_doubt", None)
    assert isinstance(outcome.error, InvalidResponseError)
    assert outcome.error.charged == "unknown"


@pytest.mark.parametrize("status", [301, 302, 307, 304])
def test_a_redirected_create_is_in_doubt(status: int) -> None:
    outcome = read_create(answer(b"", status, location="https://elsewhere.example"), now=NOW)

    assert outcome.kind == "in_doubt"
    assert isinstance(outcome.error, InvalidResponseError)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("error_400_invalid_request", "refused"),
        ("error_401_invalid_api_key", "refused"),
        ("error_402_insufficient_credits", "refused"),
        ("error_403_ip_not_allowed", "refused"),
        ("error_404_model_not_found", "refused"),
        ("error_404_task_not_found", "refused"),
        ("error_429_rate_limit_exceeded", "not_accepted"),
        ("error_429_spend_limit_exceeded", "refused"),
        ("error_500_internal_error", "in_doubt"),
        ("error_503_upstream_error", "refused"),
    ],
)
def test_an_error_of_the_service_decides_as_the_table_says(name: str, kind: str) -> None:
    outcome = read_create(answer(sample(f"wire/{name}.json"), int(name.split("_")[1])), now=NOW)

    assert (outcome.kind, outcome.service_id) == (kind, None)
    assert outcome.error is not None


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 413, 418, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("body", [b"<html>Sorry</html>", b"", b'{"message":"Sorry"}', b'{"error":"Sorry"}'])
def test_a_no_that_is_not_the_services_is_in_doubt(status: int, body: bytes) -> None:
    outcome = read_create(answer(body, status), now=NOW)

    assert outcome.kind == "in_doubt"
    assert outcome.error is not None
    assert (outcome.error.status, outcome.error.charged) == (status, "unknown")


def test_another_503_of_the_service_is_in_doubt() -> None:
    body = sample("wire/error_503_upstream_error.json").replace(b"upstream_error", b"maintenance")

    outcome = read_create(answer(body, 503), now=NOW)

    assert outcome.kind == "in_doubt"
    assert isinstance(outcome.error, InternalServerError)


def test_a_create_without_an_answer_may_be_repeated_only_if_nothing_was_sent() -> None:
    unsent, lost = APIConnectionError("refused", sent="no"), APIConnectionError("broken", sent="maybe")

    assert create_outcome(unsent) == CreateOutcome("not_accepted", error=unsent)
    assert create_outcome(lost) == CreateOutcome("in_doubt", error=lost)


# Tasks


@pytest.mark.parametrize("name", ["task_processing.json", "task_wrapped.json"])
def test_a_task_is_read_bare_and_in_an_envelope(name: str) -> None:
    report = read_task_response(answer(sample(f"wire/{name}")), now=NOW)

    assert (report.service_id, report.status, report.model) == (ID, TaskStatus.PROCESSING, "sora-2")


def test_asking_for_an_unknown_task_says_not_found() -> None:
    with pytest.raises(NotFoundError) as caught:
        read_task_response(answer(sample("wire/error_404_task_not_found.json"), 404), now=NOW)

    assert caught.value.code == "task_not_found"


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"null",
        b"{}",
        b'{"code":404,"msg":"no","data":null}',
        b'{"code":500,"data":{"id":"a","status":"failed"}}',
    ],
)
def test_a_yes_that_is_no_task_is_an_invalid_response(body: bytes) -> None:
    with pytest.raises(InvalidResponseError):
        read_task_response(answer(body), now=NOW)


# Credits


def test_credits_are_read() -> None:
    balance = read_credits(answer(sample("wire/credits.json")), now=NOW)

    assert balance == Credits(balance=Decimal(9800), total_purchased=Decimal(10000), total_consumed=Decimal(200))


def test_credits_are_exactly_as_written() -> None:
    balance = read_credits(answer(sample("wire/credits_fractional.json")), now=NOW)

    assert (str(balance.balance), str(balance.total_consumed)) == ("9797.6", "202.40")


def test_credits_without_an_envelope_are_read() -> None:
    body = b'{"balance":1,"total_purchased":2,"total_consumed":0.1000000000000000055511151231257827}'

    assert str(read_credits(answer(body), now=NOW).total_consumed) == "0.1000000000000000055511151231257827"


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"code":200,"data":null}',
        b'{"code":200,"data":{"balance":1,"total_purchased":2}}',
        b'{"code":200,"data":{"balance":true,"total_purchased":2,"total_consumed":3}}',
        b'{"code":200,"data":{"balance":"many","total_purchased":2,"total_consumed":3}}',
        b'{"code":200,"data":{"balance":NaN,"total_purchased":2,"total_consumed":3}}',
        b'{"code":500,"data":{"balance":1,"total_purchased":2,"total_consumed":3}}',
        b'{"balance":' + b"9" * 5000 + b',"total_purchased":2,"total_consumed":3}',
    ],
)
def test_a_balance_that_is_none_is_an_invalid_response(body: bytes) -> None:
    with pytest.raises(InvalidResponseError):
        read_credits(answer(body), now=NOW)


def test_asking_for_credits_with_a_wrong_key_says_so() -> None:
    with pytest.raises(AuthenticationError, match="AIVIDEO_API_KEY"):
        read_credits(answer(sample("wire/error_401_invalid_api_key.json"), 401), now=NOW)


# Whatever comes

JUNK: st.SearchStrategy[JsonValue] = st.sampled_from(
    (None, True, -1, 200, 1e300, "", "\x00", "https://a.example/b?c", [], [[]], {}, {"id": ID}, {"urls": 7})
)


def spoiled(value: JsonValue) -> st.SearchStrategy[JsonValue]:
    """The value, with something in it now and then replaced by junk."""
    kept: st.SearchStrategy[JsonValue] = st.just(value)
    if isinstance(value, dict):
        parts = {name: spoiled(part) for name, part in value.items()}
        kept = st.just(value) | st.fixed_dictionaries(parts).map(dict[str, JsonValue])
    return kept | kept | kept | JUNK


STATUSES = st.sampled_from([200, 201, 302, 400, 401, 402, 403, 404, 429, 500, 503])
HEADERS = st.dictionaries(st.sampled_from(["retry-after", "x-request-id"]), st.text(max_size=20))


def answers_like(path: Path) -> st.SearchStrategy[HttpResponse]:
    """Answers with a sample's body, sometimes spoiled, and its status, sometimes another."""
    status = int(path.name.split("_")[1]) if path.name.startswith("error_") else 200
    body = spoiled(json.loads(path.read_bytes())).map(lambda value: json.dumps(value).encode())
    return st.builds(HttpResponse, st.just(status) | STATUSES, HEADERS, body)


def samples(group: str) -> st.SearchStrategy[HttpResponse]:
    return st.sampled_from(sorted((FOLDER / "wire").glob(f"{group}*.json"))).flatmap(answers_like)


NOISE = st.builds(HttpResponse, STATUSES, HEADERS, st.binary(max_size=40))
RESPONSES = samples("create") | samples("task") | samples("credits") | samples("error") | NOISE
COUNTED = settings(max_examples=200, derandomize=True)  # the same draws each time, so that they can be counted


def test_whatever_answers_a_create_is_an_outcome() -> None:
    drawn: set[str] = set()

    @COUNTED
    @given(RESPONSES)
    def check(response: HttpResponse) -> None:
        outcome = read_create(response, now=NOW)
        drawn.add(outcome.kind)
        assert (outcome.service_id is not None) == (outcome.kind == "accepted")
        assert (outcome.error is None) == (outcome.kind == "accepted")

    check()
    assert drawn >= {"accepted", "refused", "in_doubt"}


def test_whatever_answers_a_get_is_a_value_or_our_error() -> None:
    drawn: set[type] = set()

    @COUNTED
    @given(RESPONSES)
    def check(response: HttpResponse) -> None:
        for read in (read_task_response, read_credits):
            what = result_of(read, response)
            drawn.add(type(what))
            if isinstance(what, AIVideoError):
                assert len(what.message) < 700
                assert what.message.isprintable()

    check()
    assert drawn >= {TaskReport, Credits, InvalidResponseError, InternalServerError}


def result_of(read: Callable[..., object], response: HttpResponse) -> object:
    try:
        return read(response, now=NOW)
    except AIVideoError as error:
        return error


def test_each_sample_names_its_source() -> None:
    readme = (FOLDER / "wire" / "README.md").read_text()

    unnamed = [path.name for path in (FOLDER / "wire").glob("*.json") if f"`{path.name}` | api.md §" not in readme]

    assert unnamed == []
