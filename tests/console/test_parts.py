from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from aivideo_async.console.parts import (
    ago,
    badge,
    bar,
    clock_time,
    code_badge,
    credits_text,
    in_code,
    number_in,
    pager,
    plural,
    pretty,
    reason,
    span_text,
    stranger,
)
from tests.console.asking import AT, a_visit


@pytest.mark.parametrize(
    ("text", "number"), [("3", 3), ("0", 1), ("-1", 1), ("x", 1), ("", 1), ("9" * 30, 1), ("²", 1)]
)
def test_a_page_number_is_a_number(text: str, number: int) -> None:
    assert number_in({"page": text}, "page") == max(number, 1)


def test_code_is_copied_at_one_click_and_is_there_to_be_read() -> None:
    shown = in_code("print('<')", "curl -sS")
    assert 'data-copy="python" class="small">Copy as Python</button>' in shown
    assert 'data-copy="curl" class="small">Copy as curl</button>' in shown
    assert "print('&lt;')</code>" in shown
    assert 'id="python-fold"' in shown


@pytest.mark.parametrize(
    ("amount", "text"), [("1275", "1,275"), ("2.40", "2.4"), ("1E+3", "1,000"), ("0", "0"), ("-3", "\N{MINUS SIGN}3")]
)
def test_credits_are_written_plainly(amount: str, text: str) -> None:
    assert credits_text(Decimal(amount)) == text
    assert credits_text(None) == "\N{EN DASH}"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0421, "42 ms"), (-1, "0 ms"), (6.04, "6.0 s"), (42, "42 s"), (61, "1 min 1 s"), (900, "15 min"),
     (3700, "1 h 1 min"),
     (200_000, "2 d 7 h")],
)  # fmt: skip
def test_a_span_has_its_two_largest_units(seconds: float, text: str) -> None:
    assert span_text(seconds) == text


def test_moments_say_when_they_were() -> None:
    assert ">just now<" in ago(AT, AT)
    assert ">5 s ago<" in ago(AT, AT + timedelta(seconds=5.7))
    assert ago(None, AT) == clock_time(None) == "<span>\N{EN DASH}</span>"
    assert f'datetime="{AT.isoformat()}"' in clock_time(AT)


def test_a_status_is_a_word_with_a_mood() -> None:
    assert badge("completed") == '<span class="badge good">completed</span>'
    assert badge("in_doubt") == '<span class="badge bad">in doubt</span>'
    assert badge("<new>") == '<span class="badge open">&lt;new&gt;</span>'
    assert [code_badge(code)[19:-7] for code in (200, 404, 500, None)] == [
        'good">200',
        'open">404',
        'bad">500',
        'bad">no answer',
    ]


def test_progress_stays_within_its_bar() -> None:
    assert 'value="1.000" max="1"' in bar(7, "x")
    assert "value" not in bar(None, "x")


def test_a_strangers_text_is_kept_apart_and_cut() -> None:
    assert stranger("<b>") == "<bdi>&lt;b&gt;</bdi>"
    assert stranger("abcdef", short=3) == "<bdi>abc\N{HORIZONTAL ELLIPSIS}</bdi>"
    assert "\u202e" not in pretty({"a": "\u202e"})
    assert (plural(1, "task"), plural(1200, "task")) == ("1 task", "1,200 tasks")


def test_a_pager_keeps_the_filters_and_knows_its_ends() -> None:
    first, last = (pager(a_visit(q="x", page=str(n)), "tasks", n, 10, 25) for n in (1, 3))
    assert '<a href="/console/tasks?q=x&amp;page=2" rel="next">Older</a>' in first
    assert '<span aria-disabled="true">Newer</span>' in first
    assert "21\N{EN DASH}25 of 25" in last
    assert '<span aria-disabled="true">Older</span>' in last
    assert pager(a_visit(), "tasks", 1, 10, 7) == '<p class="pager"><span>7 in all</span></p>'
    assert "or more" in pager(a_visit(), "tasks", 1, 10, 25, at_least=True)


@pytest.mark.parametrize(
    ("problem", "text"),
    [("Too sensitive. Request id: 3287d050-f2ea-4b5e-9d2c-000000000000", "Too sensitive."),
     ("It failed (request id: abcdef123456).", "It failed"), ("request_id: abcdef123456", "request_id: abcdef123456"),
     ("The request id was wrong", "The request id was wrong"), ("", "")],
)  # fmt: skip
def test_a_reason_is_without_the_request_s_id(problem: str, text: str) -> None:
    assert reason(problem) == text
