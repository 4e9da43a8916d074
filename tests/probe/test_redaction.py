"""What may be written down, and what may not, whatever it stands in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from aivideo_async.probe.redaction import Redactor, redacted_url

UUID = "0b9f4c52-5d0e-4f0e-9c39-0a3f5b1d7e21"
MADE_UP = "00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    "secret",
    [
        "sk-0123456789abcdef",
        "Bearer abc.def",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "jane.doe+x@example.org",
        "203.0.113.7",
        "2001:db8:0:1::7",
        "Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZg",
        "https://u:pw@host.example/a?sig=1",
        "account 48213",
        "org_id: 77x",
        "request id: 9f31",
        UUID,
    ],
)
def test_what_is_secret_by_its_looks_goes(secret: str) -> None:
    clean = Redactor().text(f"so {secret} it is")
    assert secret.rsplit(maxsplit=1)[-1] not in clean
    assert clean.startswith("so ")
    assert clean.endswith(" it is")


@pytest.mark.parametrize(
    "text",
    [
        "/v1/videos/generations",
        "doubao-seedance-2.0-fast",
        "application/json; charset=utf-8",
        "400 invalid_request",
        "happyhorse-1.0-reference-to-video",
        "task.completed",
        MADE_UP,
        "2 requests",
    ],
)
def test_what_a_probe_is_for_stays(text: str) -> None:
    assert Redactor().text(text) == text


def test_what_is_known_goes_wherever_it_stands() -> None:
    redactor = Redactor(["hunter2", ""])
    redactor.hide_id("task_abc")
    redactor.hide_id("7")
    assert redactor.text("x?hunter2/task_abc 7") == f"x?redacted/{MADE_UP} 7"


def test_an_id_is_always_the_same_made_up_one() -> None:
    redactor = Redactor()
    assert redactor.text(f"{UUID} {UUID.upper()}") == f"{MADE_UP} {MADE_UP}"
    assert redactor.json({"id": UUID, "taskId": "short"}) == {"id": MADE_UP, "taskId": MADE_UP[:-1] + "2"}


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        (
            "https://cdn.example.com/a/b.MP4?X-Amz-Expires=86400&X-Amz-Date=20260101T000000Z&X-Amz-Signature=ff&",
            "https://cdn.example.com/redacted.mp4?X-Amz-Expires=86400&X-Amz-Date=20260101T000000Z&X-Amz-Signature=redacted",
        ),
        ("https://a1b2c3d4e5f6a7b8.r2.example.com/x", "https://redacted.r2.example.com/redacted"),
        ("https://cdn.example.com/", "https://cdn.example.com/"),
        (
            "https://cdn.example.com/x?X-Amz-Expires=abc&w!=1#f",
            "https://cdn.example.com/redacted?X-Amz-Expires=redacted&redacted=redacted",
        ),
        ("https:\\/\\/a.example\\/x", "https://redacted"),
        ("https://[", "https://redacted"),
    ],
)
def test_of_a_url_stays_where_it_leads_and_when_it_dies(url: str, clean: str) -> None:
    assert redacted_url(url) == clean


def test_telling_names_lose_every_value() -> None:
    body: JsonValue = {
        "account_id": 4821,
        "email": "x",
        "user": {"name": "Jane", "age": 7},
        "owners": ["a", 1, None, True],
        "id": 17,
        "balance": 9800,
        "total_consumed": 2.4,
        "jane@example.org": 1,
        "empty_user": {},
    }
    assert Redactor().json(body) == {
        "account_id": 0,
        "email": "redacted",
        "user": {"redacted": "redacted"},
        "owners": ["redacted", 0, None, True],
        "id": 0,
        "balance": 1000,
        "total_consumed": 1000.5,
        "redacted": 1,
        "empty_user": {},
    }


def test_a_body_that_is_no_json_is_text_of_a_bounded_length() -> None:
    assert Redactor(["hunter2"]).body(b"<html>\xff hunter2" + b"x " * 9000).decode().startswith("<html>\ufffd redacted")
    assert len(Redactor().body(b"x " * 9000)) == 4000
    assert Redactor().body(b"[" * 100_000)


def test_of_headers_the_names_stay_and_harmless_values() -> None:
    redactor = Redactor()
    redactor.hide_id("task_abc")
    pairs = [
        ("X-Event", "task.completed"),
        ("Other-Event", "task.failed"),
        ("Other-Id", "task_abc"),
        ("webhook-signature", "v1,x"),
        ("X-RateLimit-Remaining", "59"),
        ("X-RateLimit-Owner", "jane"),
        ("Set-Cookie", "a=b"),
    ]
    assert redactor.headers(pairs) == [
        ("X-Event", "task.completed"),
        ("Other-Event", "task.failed"),
        ("Other-Id", MADE_UP),
        ("webhook-signature", "redacted (4 characters)"),
        ("X-RateLimit-Remaining", "59"),
        ("X-RateLimit-Owner", "redacted (4 characters)"),
        ("Set-Cookie", "redacted (3 characters)"),
    ]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_whatever_the_body_a_known_secret_is_not_in_it(value: JsonValue) -> None:
    body = json.dumps({"a": value, "b": ["hunter2hunter2"], "hunter2": value}).encode()
    assert b"hunter2" not in Redactor(["hunter2"]).body(body)


def test_cleaning_twice_changes_nothing() -> None:
    redactor = Redactor()
    once = redactor.text(f"{UUID} https://cdn.example.com/a.mp4?X-Amz-Signature=1 a@b.cd")
    assert redactor.text(once) == once
