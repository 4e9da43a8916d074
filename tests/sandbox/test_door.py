from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivideo_async.sandbox.door import LOGGED, code_in, found_at, logged, stranger


@pytest.mark.parametrize("host", ["127.0.0.1:8787", "localhost", "LOCALHOST:1", "[::1]:8787", "192.0.2.1", "named:80"])
def test_addresses_localhost_and_what_was_named_are_let_in(host: str) -> None:
    assert stranger(host, None, hosts={"named"}) is None
    assert stranger(host, f"http://{host}", hosts={"named"}) is None


@pytest.mark.parametrize("host", [None, "", "evil.example", "127.0.0.1.evil.example:8787", "[::1", "localhost.x"])
def test_a_strangers_name_that_leads_here_is_not(host: str | None) -> None:
    assert stranger(host, None) is not None


@pytest.mark.parametrize("origin", ["null", "http://evil.example", "http://127.0.0.1:1", "http://localhost:8787"])
def test_another_origin_is_not(origin: str) -> None:
    assert stranger("127.0.0.1:8787", origin) is not None


@given(st.text(max_size=80), st.text(max_size=80))
def test_whatever_they_hold_it_is_only_let_in_or_not(host: str, origin: str) -> None:
    stranger(host, origin)


@pytest.mark.parametrize(
    ("host", "where"),
    [("sandbox:8787", "http://sandbox:8787"), ("10.0.0.5:8787", "http://10.0.0.5:8787"), ("localhost:8787", ""),
     ("127.0.0.1:8787", ""), ("[::1]:8787", ""), ("[", "")],
)  # fmt: skip
def test_who_comes_by_loopback_finds_it_at_no_particular_place(host: str, where: str) -> None:
    assert found_at("http", host) == where


def test_what_is_logged_has_no_secrets() -> None:
    body = (
        b'{"prompt":"see https://u:pw@h.example/a?token=1 now","callback_url":"https://me.example/cb/secret-token",'
        b'"k":"sk-0123456789abcdef whsec_c2VjcmV0c2VjcmV0"}'
    )
    kept = logged(body)
    for secret in ("u:pw", "token", "0123456789", "c2VjcmV0"):
        assert secret not in kept
    assert "https://me.example/…" in kept
    assert "sk-…" in kept


def test_escapes_hide_no_secret() -> None:
    kept = logged(
        rb'{"callback_url":"https:\/\/me.example\/cb\/secret-token","k":"\u0073k\u002dabcdefghijklm","p":"a\"b\\u0041"}'
    )
    assert kept == r'{"callback_url":"https://me.example/…","k":"sk-…","p":"a\"b\\u0041"}'


def test_what_is_logged_is_short_and_any_bytes() -> None:
    assert len(logged(b"\xff" * 10_000)) == LOGGED
    assert logged(b"") == ""


@pytest.mark.parametrize("body", [None, b"", b"[]", b'{"error":1}', b"\xff", b'{"error":{}}'])
def test_an_answer_without_a_code_has_none(body: bytes | None) -> None:
    assert code_in(body) == ""
    assert code_in(b'{"error":{"code":"internal_error"}}') == "internal_error"
