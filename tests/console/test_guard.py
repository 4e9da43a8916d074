"""Who may see the page, and who may change something through it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aivideo_async.console.guard import ANY_HOST, Guard
from aivideo_async.console.http import Answer, Ask
from aivideo_async.core.errors import ConfigurationError
from tests.console.asking import HOST, an_ask

TOKEN = "a-token-of-sixteen-letters"


def status(answer: Answer | None) -> int | None:
    return None if answer is None else answer.status


@pytest.mark.parametrize("host", ["127.0.0.1:8787", "localhost", "[::1]:1", "app.localhost:80"])
def test_this_machine_may_come(host: str) -> None:
    assert Guard(b"s").refuse(an_ask("/tasks", host=host)) is None


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "a@127.0.0.1", "127.0.0.1/x", "[", "10.0.0.1"]
)
def test_a_name_that_leads_here_may_not(host: str) -> None:
    assert status(Guard(b"s").refuse(an_ask("/tasks", host=host))) == 421


def test_hosts_need_a_token_and_a_token_has_a_length() -> None:
    with pytest.raises(ConfigurationError, match="token"):
        Guard(b"s", hosts=["ops.example"])
    with pytest.raises(ConfigurationError, match="16"):
        Guard(b"s", token="short")


def test_the_token_comes_once_in_the_address_and_then_in_a_cookie() -> None:
    guard = Guard(b"s", hosts=["ops.example"], token=TOKEN)
    assert status(guard.refuse(an_ask("/tasks", host="ops.example"))) == 401
    assert status(guard.refuse(an_ask("/tasks?token=wrong", host="ops.example"))) == 401
    let_in = guard.refuse(replace(an_ask(f"/tasks?q=a&token={TOKEN}", host="ops.example"), scheme="https"))
    assert let_in is not None
    headers = dict(let_in.headers)
    assert (let_in.status, headers["Location"]) == (303, "/console/tasks?q=a")
    assert "HttpOnly; SameSite=Strict; Secure" in headers["Set-Cookie"]
    assert TOKEN not in headers["Set-Cookie"]
    cookie = headers["Set-Cookie"].partition(";")[0]
    assert guard.refuse(an_ask("/tasks", host="ops.example", cookie=f"other=1; {cookie}")) is None
    assert status(Guard(b"t", token=TOKEN).refuse(an_ask("/tasks", cookie=cookie))) == 401
    assert status(guard.refuse(an_ask("/tasks", host="other.example", cookie=cookie))) == 421
    assert status(guard.refuse(an_ask("/tasks", cookie="\x01;=;aivideo_console"))) == 401


def test_any_host_is_any_host_with_the_token() -> None:
    guard = Guard(b"s", hosts=[ANY_HOST], token=TOKEN)
    assert status(guard.refuse(an_ask("/tasks", host="10.1.2.3:80"))) == 401
    assert status(guard.refuse(an_ask(f"/?token={TOKEN}", host="10.1.2.3:80"))) == 303


def own_form(guard: Guard, **headers: str) -> Ask:
    form = {"form_token": [guard.form_token]}
    return an_ask("/try", method="POST", form=form, **{"origin": f"http://{HOST}", **headers})


def test_our_own_form_may_change_something() -> None:
    guard = Guard(b"s")
    assert guard.refuse(own_form(guard)) is None
    assert guard.refuse(own_form(guard, sec_fetch_site="same-origin")) is None


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://evil.example"}, {"origin": "null"}, {"origin": ""}, {"origin": "http://127.0.0.1:1"},
     {"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}],
)  # fmt: skip
def test_a_form_from_elsewhere_may_not(headers: dict[str, str]) -> None:
    guard = Guard(b"s")
    assert status(guard.refuse(own_form(guard, **headers))) == 403


def test_a_form_without_the_word_may_not() -> None:
    guard = Guard(b"s")
    assert status(guard.refuse(replace(own_form(guard), form={}))) == 403
    assert status(guard.refuse(replace(own_form(guard), form={"form_token": ["é"]}))) == 403
