from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivideo_async.core.errors import (
    AIVideoError,
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    Charged,
    InsufficientCreditsError,
    InternalServerError,
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    SpendLimitError,
    TaskFailedError,
    UpstreamError,
)
from aivideo_async.core.models import Failure
from aivideo_async.core.refusals import HttpResponse, error_from, error_of, failure_of, json_object, quoted, said
from tests.samples import sample

NOW = 1_760_000_400.0  # Thu, 09 Oct 2025 09:00:00 GMT

TABLE: dict[str, tuple[type[AIVideoError], Charged, bool]] = {
    "error_400_invalid_request": (InvalidRequestError, "no", False),
    "error_401_invalid_api_key": (AuthenticationError, "no", False),
    "error_402_insufficient_credits": (InsufficientCreditsError, "no", False),
    "error_403_ip_not_allowed": (PermissionDeniedError, "no", False),
    "error_404_model_not_found": (NotFoundError, "no", False),
    "error_404_task_not_found": (NotFoundError, "no", False),
    "error_429_rate_limit_exceeded": (RateLimitError, "no", True),
    "error_429_spend_limit_exceeded": (SpendLimitError, "no", False),
    "error_500_internal_error": (InternalServerError, "unknown", True),
    "error_503_upstream_error": (UpstreamError, "unknown", False),
}


def error_sample(name: str) -> AIVideoError:
    status = int(name.split("_")[1])
    return error_of(HttpResponse(status, {}, sample(f"wire/{name}.json")), now=NOW)


def said_no(status: int, body: bytes = b"<html>Sorry</html>", **headers: str) -> AIVideoError:
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    return error_of(HttpResponse(status, lines, body), now=NOW)


# The table


@pytest.mark.parametrize("name", TABLE)
def test_each_documented_error_has_its_class(name: str) -> None:
    kind, charged, retryable = TABLE[name]

    error = error_sample(name)

    assert type(error) is kind
    assert (error.status, error.code) == (int(name.split("_")[1]), name.split("_", 2)[2])
    assert (error.charged, error.retryable) == (charged, retryable)
    assert error.hint


def test_the_message_is_the_services_own() -> None:
    assert error_sample("error_402_insufficient_credits").message == "402 insufficient_credits: Insufficient credits"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "too_long", InvalidRequestError),
        (404, "gone", NotFoundError),
        (429, "slow_down", RateLimitError),
        (409, "conflict", APIStatusError),
        (503, "maintenance", InternalServerError),
        (599, "odd", InternalServerError),
    ],
)
def test_a_new_code_reads_as_its_status(status: int, code: str, kind: type[AIVideoError]) -> None:
    assert type(said_no(status, b'{"error":{"code":"%s","message":"x"}}' % code.encode())) is kind


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, APIStatusError, False),
        (401, AuthenticationError, False),
        (403, PermissionDeniedError, False),
        (404, APIStatusError, False),
        (405, APIStatusError, False),
        (429, RateLimitError, True),
        (502, InternalServerError, True),
        (503, InternalServerError, True),
    ],
)
def test_without_the_services_shape_nobody_knows_who_answered(
    status: int, kind: type[AIVideoError], retryable: bool
) -> None:
    error = said_no(status)

    assert type(error) is kind
    assert (error.code, error.charged, error.retryable) == (None, "unknown", retryable)
    assert "Sorry" in error.message
    assert ("error shape" in (error.hint or "")) == (status < 500)


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"code":"","message":"x"}}',
        b'{"error":{"code":1,"message":"x"}}',
        b'{"error":{"code":"x"}}',
        b'{"error":[]}',
        b"[]",
    ],
)
def test_half_of_the_shape_is_not_the_shape(body: bytes) -> None:
    assert said_no(400, body).code is None


@pytest.mark.parametrize("status", [101, 204, 302])
def test_an_answer_that_says_neither_yes_nor_no_is_invalid(status: int) -> None:
    assert type(said_no(status)) is InvalidResponseError


# Facts in headers


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        (" 12 ", 12.0),
        ("Thu, 09 Oct 2025 09:01:00 GMT", 60.0),
        ("Thu, 09 Oct 2025 09:01:00 -0000", 60.0),
        ("Thu, 09 Oct 2025 11:01:00 +0200", 60.0),
        ("Thu, 09 Oct 2025 08:00:00 GMT", 0.0),
        ("-7", None),
        ("soon", None),
        ("", None),
        ("Thu, 99 Oct 2025 09:01:00 GMT", None),
        ("9" * 400, None),
    ],
)
def test_retry_after_is_read_in_seconds_and_as_a_date(value: str, seconds: float | None) -> None:
    assert said_no(429, retry_after=value).retry_after == seconds


@given(st.text() | st.from_regex(r"\w{3}, \d{1,3} \w{3} \d{1,5} \d\d:\d\d:\d\d ([+-]\d{4}|GMT|\w*)", fullmatch=True))
def test_whatever_retry_after_says_is_seconds_or_nothing(value: str) -> None:
    seconds = said_no(429, retry_after=value).retry_after

    assert seconds is None or 0 <= seconds < float("inf")


def test_the_request_id_is_found_in_the_header_or_in_the_message() -> None:
    body = b'{"error":{"code":"upstream_error","message":"No. Request id: 0217-ab"}}'

    assert said_no(503, body).request_id == "0217-ab"
    assert said_no(503, body, x_request_id="from-header").request_id == "from-header"
    assert said_no(503, x_request_id="\x1b[31m").request_id is None


# Kept and raised again


@pytest.mark.parametrize("name", TABLE)
def test_a_refused_record_raises_its_own_error_again(name: str) -> None:
    error = error_sample(name)

    again = error_from(failure_of(error))

    assert type(again) is type(error)
    assert (str(again), again.status, again.code) == (str(error), error.status, error.code)
    assert (again.charged, again.retryable) == (error.charged, error.retryable)


@pytest.mark.parametrize(
    "error",
    [
        APIConnectionError("refused", sent="no"),
        APIConnectionError("broken", sent="maybe"),
        said_no(200),
        said_no(404),
        said_no(500),
    ],
    ids=str,
)
def test_what_has_no_code_is_kept_too(error: AIVideoError) -> None:
    again = error_from(failure_of(error))

    assert type(again) is type(error)
    assert (again.message, again.status, again.charged) == (error.message, error.status, error.charged)


def test_a_failure_without_a_status_is_the_tasks() -> None:
    error = error_from(Failure(message="refused content", code="upstream_error"))

    assert type(error) is TaskFailedError
    assert (error.code, error.charged) == ("upstream_error", "no")


@pytest.mark.parametrize("name", TABLE)
def test_the_errors_pickle(name: str) -> None:
    error = error_sample(name)

    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)


# A stranger's words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at https://a.example/b?X-Amz-Signature=c&d=e now", "at https://a.example/b now"),
        ("<a href='https://a.example/b?c'>", "<a href='https://a.example/b'>"),
        (r'{"u":"https:\/\/a.example\/b?c=d"}', r'{"u":"https:\/\/a.example\/b"}'),
        ("https://user:pass@a.example/b#c", "https://a.example/b"),
        ("Incorrect key: sk-abcDEF123.", "Incorrect key: sk-…"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer …"),
        ("whsec_MfKQ9r8GKYqr", "whsec_…"),
        ("one\ntwo\x1b[31m\u202e", r"one\ntwo\x1b[31m\u202e"),
        ("日の出", "日の出"),
    ],
)
def test_a_strangers_words_are_printable_and_without_secrets(text: str, shown: str) -> None:
    assert said(text) == shown


def test_a_long_body_is_shortened() -> None:
    assert len(quoted(b"x" * 10**6)) == 202
    assert len(quoted("\x00" * 10**6)) == 202
    assert quoted(b"\xff") == "'\N{REPLACEMENT CHARACTER}'"


@given(st.text(), st.integers(1, 50))
def test_a_strangers_words_keep_within_their_limit(text: str, limit: int) -> None:
    shown = said(text, limit=limit)

    assert len(shown) <= limit
    assert shown.isprintable()


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"{", b"\xff", b'{"a":NaN}', b'{"a":"\\ud800"}', b"[" * 10**5])
def test_what_is_no_json_object_is_nothing(body: bytes) -> None:
    assert json_object(body) is None
