"""Results on standard output, the rest on standard error; no control character where no terminal is."""

from __future__ import annotations

import json
import logging
from decimal import Decimal

import pytest

from aivideo_async.cli.output import Screen, clean, facts_of, number
from aivideo_async.core.errors import TaskFailedError
from tests.cli.conftest import Terminal

HOSTILE = "[bold]a[/bold]\x1b[2J\x07\x9b31m\u202eb\ud800"
ESCAPED = "[bold]a[/bold]\\x1b[2J\\x07\\x9b31m\\u202eb\\ud800"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a cat", "a cat"),
        ("a\nb\tc", "a b c"),
        (HOSTILE, ESCAPED),
        ("नमस्ते 👩\u200d🚀", "नमस्ते 👩\u200d🚀"),
        ("\r", "\\r"),
    ],
)
def test_what_could_steer_a_terminal_is_written_out(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_credits_are_whole_numbers_where_they_are_whole() -> None:
    assert [json.dumps(number(Decimal(text))) for text in ("100.0", "2.4")] == ["100", "2.4"]


def test_lines_and_remarks_go_their_ways(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    screen = Screen(machine=False)
    screen.line(HOSTILE + "x" * 200)
    screen.say(HOSTILE, style="bold red")
    screen.object({"a": 1})
    written = capsys.readouterr()
    assert written.out == ESCAPED + "x" * 200 + "\n"
    assert written.err == ESCAPED + "\n"


def test_a_machine_gets_objects_only(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(machine=True)
    screen.line("a line")
    screen.table(("a",), [("b",)])
    screen.object({"prompt": HOSTILE})
    written = capsys.readouterr().out
    assert json.loads(written) == {"prompt": HOSTILE}
    assert written.isascii()
    assert written.count("\n") == 1


def test_a_table_is_columns_of_text_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(machine=False).table(("id", "prompt"), [("av_1", HOSTILE), ("2", "x" * 200)])
    assert capsys.readouterr().out.splitlines() == ["id    prompt", f"av_1  {ESCAPED}", "2     " + "x" * 200]


def test_a_table_on_a_terminal_is_drawn_and_as_harmless(terminal: Terminal) -> None:
    Screen(machine=False, out=terminal).table(("id", "prompt"), [("av_1", HOSTILE)])
    drawn = terminal.getvalue()
    assert "───" in drawn
    assert ESCAPED in drawn
    assert "\x1b[2J" not in drawn


def test_progress_is_a_line_for_each_change(capsys: pytest.CaptureFixture[str]) -> None:
    with Screen(machine=True).board() as board:
        board.set("a", "waiting")
        board.set("a", "done\x1b[2J", ended=True)
    written = capsys.readouterr()
    assert written.err == "a: waiting\na: done\\x1b[2J\n"
    assert written.out == ""


def test_progress_on_a_terminal_is_drawn_in_place(terminal: Terminal) -> None:
    with Screen(machine=False, err=terminal).board() as board:
        board.set("[bold]a", "waiting")
        board.set("[bold]a", "done\x1b[2J", ended=True)
    drawn = terminal.getvalue()
    assert "[bold]a" in drawn
    assert "done\\x1b[2J" in drawn
    assert "\x1b[2K" in drawn


def test_an_error_is_a_sentence_and_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(machine=False).error(TaskFailedError("no\x1b[2J", hint="try again"))
    assert capsys.readouterr() == ("", "error: no\\x1b[2J\nhint: try again\n")


def test_a_machine_gets_the_error_as_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(machine=True).error(TaskFailedError("no", code="upstream_error", charged="no", task_id="av_1"))
    told = json.loads(capsys.readouterr().out)["error"]
    assert (told["type"], told["message"], told["code"], told["charged"]) == (
        "TaskFailedError",
        "no",
        "upstream_error",
        "no",
    )
    assert told["task_id"] == "av_1"


def test_errors_of_others_are_told_in_a_sentence_too() -> None:
    assert facts_of(FileNotFoundError(2, "No such file", "x.mp4"))["message"] == "No such file: x.mp4"
    assert facts_of(OSError("broken"))["message"] == "broken"
    assert facts_of(KeyError("x"))["message"] == "unexpected KeyError: 'x'"


def test_the_log_is_printed_while_a_command_runs(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("aivideo_async.somewhere")
    with Screen(machine=True).logging():
        logger.warning("first\x1b[2J\nsecond")
    logger.warning("later")
    assert capsys.readouterr().err == "warning: first\\x1b[2J\nwarning: second\n"
