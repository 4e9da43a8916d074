from __future__ import annotations

import inspect
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from aivideo_async.core.errors import WebhookVerificationError
from aivideo_async.core.strict_json import parse_body
from tests.core.json_drawn import JSON


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"completed"',
        b"null",
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":[-1E400]}',
        b'{"a":1,"a":1}',
        b'{"x":[{"a":1,"\\u0061":2}]}',
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        b'{"a":"\\ud800"}',
        b'{"\\udc00":1}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\xff"}',
        b'{"a":"\n"}',
        b'{"a":123456789012345678901}',
        b'{"a":' + b"9" * 5_000 + b"}",
        b'{"a":' + b"[" * 300 + b"]" * 300 + b"}",
        b'{"a":' * 10_000,
        b"{} {}",
        b"{}\x00",
        b"{'a':1}",
        b'{"a":1,}',
    ],
    ids=lambda body: repr(body[:24]),
)
def test_json_that_could_be_read_in_two_ways_is_a_bad_body(body: bytes) -> None:
    with pytest.raises(WebhookVerificationError, match="bad_body"):
        parse_body(body)


def test_honest_json_is_read_as_it_is() -> None:
    body = ' {"a": 18446744073709551615, "b": -9223372036854775808, "c": [1.5, null, true], "d": "é\\ud83d\\ude00"}\n'
    assert parse_body(body.encode()) == {
        "a": 2**64 - 1,
        "b": -(2**63),
        "c": [1.5, None, True],
        "d": "é😀",
    }


def parse_below(frames: int, body: bytes) -> str:
    if frames:
        return parse_below(frames - 1, body)
    try:
        parse_body(body)
    except WebhookVerificationError as error:
        return error.reason.value
    return "read"


def test_a_full_stack_is_no_reason_for_another_error() -> None:
    left = sys.getrecursionlimit() - len(inspect.stack(0)) - 60
    assert parse_below(left, b'{"a":' + b"[" * 150 + b"]" * 150 + b"}") == "bad_body"
    assert parse_below(left, b'{"a":[]}') == "read"


@given(st.dictionaries(st.sampled_from(["id", "status", "a"]), JSON, max_size=3), st.booleans())
def test_every_honest_object_is_read_back(value: dict[str, JsonValue], ascii_only: bool) -> None:
    assert parse_body(json.dumps(value, ensure_ascii=ascii_only).encode()) == value
