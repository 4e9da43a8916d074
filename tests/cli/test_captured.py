from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivideo_async.cli.captured import Captured, filled, from_text, to_object
from aivideo_async.core.errors import InvalidRequestError

NAMES = st.from_regex(r"[A-Za-z0-9-]{1,20}", fullmatch=True).map(str.encode)
VALUES = st.from_regex(r"[\t\x20-\x7e\x80-\xff]{0,40}", fullmatch=True).map(lambda text: text.encode("latin-1"))


def captured(path: str = "/hook/av_1/498938.token") -> Captured:
    return Captured(path=path, headers=[(b"A", b"1"), (b"a", b"\xff")], body=b"{}")


@given(headers=st.lists(st.tuples(NAMES, VALUES), max_size=5), body=st.binary(max_size=60))
def test_whatever_came_in_comes_out_of_its_file_byte_for_byte(headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    came = Captured(path="/hook/av_1/1.x", headers=headers, body=body, received_at=1_790_000_000.5)
    assert from_text(json.dumps(to_object(came))) == came


@given(text=st.text(max_size=80) | st.binary(max_size=80))
def test_no_text_makes_it_fail_in_another_way(text: str | bytes) -> None:
    with contextlib.suppress(InvalidRequestError):
        assert isinstance(from_text(text), Captured)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "either body or body_base64"),
        ({"body": "", "body_base64": ""}, "either body or body_base64"),
        ({"body_base64": "?"}, "not base64"),
        ({"body": "", "headers": "A: 1"}, "neither a list of pairs nor an object"),
        ({"body": "", "headers": ["A: 1"]}, "a pair of name and value"),
        ({"body": "", "headers": [["A", "1\r\nB: 2"]]}, "header is not one"),
        ({"body": "", "headers": [["A:", "1"]]}, "header name is not one"),
        ({"body": "", "headers": {"A": 1}}, "header is not one"),
        ({"body": "", "path": "no slash"}, "path is not one"),
        ({"body": "", "method": "GET /"}, "method is not one"),
        ({"body": "", "received_at": True}, "unix seconds"),
        ({"body": "", "received_at": "now"}, "unix seconds"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(members: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        from_text(json.dumps(members))


@pytest.mark.parametrize("text", ["", "[]", "null", "[" * 100_000, b"\xff"])
def test_what_is_no_object_is_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidRequestError, match="a captured request is a JSON object"):
        from_text(text)


def test_headers_may_be_an_object_and_much_may_be_missing() -> None:
    read = from_text('{"headers": {"A": "1"}, "body": "x"}')
    assert (read.method, read.path, read.headers, read.body) == ("POST", "/", [(b"A", b"1")], b"x")
    assert (read.header(b"a"), read.header(b"b"), read.received_at) == (b"1", None, None)


def test_an_id_and_a_token_are_put_into_a_url_that_wants_them() -> None:
    token = "498938." + "x" * 43
    came = captured(f"/hook/av_1/{token}")
    assert filled("http://127.0.0.1/a", came) == "http://127.0.0.1/a"
    assert filled("http://127.0.0.1/{id}/{token}", came) == f"http://127.0.0.1/av_1/{token}"
    assert filled("http://127.0.0.1/{id}/{token}", came, token="1.new") == "http://127.0.0.1/av_1/1.new"
    assert filled("http://127.0.0.1/{id}/{token}", captured("/"), id="a", token="b") == "http://127.0.0.1/a/b"
    with pytest.raises(InvalidRequestError, match="does not end in an id and a token"):
        filled("http://127.0.0.1/{id}", captured("/"))


def test_what_may_be_a_secret_does_not_show() -> None:
    assert repr(captured()) == "Captured(method='POST', received_at=None)"
