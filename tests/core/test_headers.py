from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivideo_async.core.headers import Headers, declared_length, is_plain_json, raw_headers

WANTED = [(b"webhook-id", b"msg_1"), (b"Accept", b"a"), (b"Accept", b"b")]


@pytest.mark.parametrize(
    "headers",
    [
        WANTED,
        [("webhook-id", "msg_1"), ("Accept", "a"), ("Accept", "b")],
        {"webhook-id": ["msg_1"], "Accept": ("a", "b")},
        iter([("webhook-id", "msg_1"), ("Accept", "a"), ("Accept", "b")]),
    ],
)
def test_whatever_a_framework_gives_becomes_raw_pairs(headers: Headers) -> None:
    assert raw_headers(headers) == WANTED


def test_text_is_what_wsgi_makes_of_bytes_or_what_others_do() -> None:
    assert raw_headers({"x": b"\xc3\xa9".decode("latin-1"), "y": "\u20ac", "z": "\ud800"}) == [
        (b"x", b"\xc3\xa9"),
        (b"y", b"\xe2\x82\xac"),
        (b"z", b"\xed\xa0\x80"),
    ]


@given(st.lists(st.tuples(st.text(), st.text())))
def test_no_text_makes_it_raise_and_none_is_dropped(pairs: list[tuple[str, str]]) -> None:
    assert len(raw_headers(pairs)) == len(pairs)


@pytest.mark.parametrize(
    ("name", "value", "plain"),
    [
        (b"Content-Type", b"application/json; charset=utf-8", True),
        (b"content-type", b"application/problem+json", True),
        (b"Content-Type", b"text/html", False),
        (b"Content-Encoding", b"identity", True),
        (b"Content-Encoding", b"gzip", False),
        (b"X-Else", b"text/html", True),
    ],
)
def test_a_body_is_plain_json_unless_a_header_says_otherwise(name: bytes, value: bytes, plain: bool) -> None:
    assert is_plain_json([(name, value)]) is plain


def test_of_several_lengths_the_largest_counts_and_nonsense_counts_for_nothing() -> None:
    assert declared_length([(b"Content-Length", b"5"), (b"content-length", b"700"), (b"content-length", b"-9")]) == 700
    assert declared_length([(b"Content-Length", b"9" * 16)]) == 0
