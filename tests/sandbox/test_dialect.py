from __future__ import annotations

import json
from decimal import Decimal

import pytest
from pydantic import JsonValue

from aivideo_async.sandbox.dialect import BodyForms, RefusedError, failure, number, read_create, success


def refusal(body: bytes, forms: BodyForms = "both") -> str:
    with pytest.raises(RefusedError) as caught:
        read_create(body, forms)
    assert caught.value.code == "invalid_request"
    return caught.value.message


def read(body: dict[str, JsonValue], forms: BodyForms = "both") -> dict[str, JsonValue]:
    return dict(read_create(json.dumps(body).encode(), forms).fields)


def test_the_flat_form_has_its_fields_beside_the_model() -> None:
    wanted = read_create(
        b'{"model":"sora-2","prompt":"x","size":"1280x720","callback_url":"https://a.example/b"}', "both"
    )
    assert (wanted.model, wanted.callback_url) == ("sora-2", "https://a.example/b")
    assert wanted.fields == {"prompt": "x", "size": "1280x720"}


def test_the_nested_form_has_its_fields_in_input() -> None:
    assert read({"model": "wan", "prompt": "above", "input": {"prompt": "x"}}) == {"prompt": "x"}


@pytest.mark.parametrize(("ratio", "size"), [("16:9", "1280x720"), ("9:16", "720x1280")])
def test_sora_calls_its_size_aspect_ratio_in_the_nested_form(ratio: str, size: str) -> None:
    assert read({"model": "sora-2", "input": {"aspect_ratio": ratio}}) == {"size": size}


def test_sora_does_not_know_size_in_the_nested_form() -> None:
    assert read({"model": "sora-2", "input": {"size": "720x1280"}}) == {}


def test_sora_refuses_another_aspect_ratio() -> None:
    assert "16:9, 9:16" in refusal(b'{"model":"sora-2","input":{"aspect_ratio":"1:1"}}')


def test_one_form_can_be_left_out() -> None:
    nested: dict[str, JsonValue] = {"model": "sora-2", "input": {"prompt": "x"}}
    assert read(nested, "nested") == {"prompt": "x"}
    assert read(nested, "flat") == {}
    assert refusal(b'{"model":"sora-2","prompt":"x"}', "nested") == "input is required"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"[]", b"null", b'{"a":NaN}', b"[" * 100_000, b"{}", b'{"model":7}', b'{"model":""}',
     b'{"model":"m","input":[]}'],
)  # fmt: skip
def test_what_is_no_create_is_an_invalid_request(body: bytes) -> None:
    assert refusal(body)


@pytest.mark.parametrize("url", [7, "", "ftp://a.example/", "https://", "https://[", "https://a.example:99999", "/cb"])
def test_a_callback_url_must_be_an_http_url(url: JsonValue) -> None:
    assert "callback_url" in refusal(json.dumps({"model": "sora-2", "callback_url": url}).encode())


def test_success_is_wrapped() -> None:
    assert success({"taskId": "x"}).body == {"code": 200, "msg": "success", "data": {"taskId": "x"}}


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("invalid_request", 400, "invalid_request_error"),
        ("invalid_api_key", 401, "authentication_error"),
        ("insufficient_credits", 402, "billing_error"),
        ("ip_not_allowed", 403, "permission_error"),
        ("model_not_found", 404, "invalid_request_error"),
        ("task_not_found", 404, "invalid_request_error"),
        ("rate_limit_exceeded", 429, "rate_limit_error"),
        ("spend_limit_exceeded", 429, "billing_error"),
        ("internal_error", 500, "api_error"),
        ("upstream_error", 503, "upstream_error"),
    ],
)
def test_every_error_has_the_documented_status_and_type(code: str, status: int, kind: str) -> None:
    answer = failure(code, "why")
    assert (answer.status, answer.body) == (status, {"error": {"code": code, "message": "why", "type": kind}})


def test_credits_are_whole_numbers_where_they_can_be() -> None:
    assert json.dumps([number(Decimal(9800)), number(Decimal("2.40"))]) == "[9800, 2.4]"
