"""How a command runs: errors become exit codes, and a client hears the callbacks that it waits for."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from pathlib import Path

import pytest
import typer

from aivideo_async.cli.exits import Exit
from aivideo_async.cli.output import Screen
from aivideo_async.cli.session import CALLBACK_URL, environment_without, opened, run
from aivideo_async.core.errors import ConfigurationError, TaskFailedError

PUBLIC = "https://example.com/webhooks/aivideo"


def code_after(
    error: BaseException | None = None, *, machine: bool = False, interrupted: Exit = Exit.INTERRUPTED
) -> int:
    async def work() -> Exit:
        if error is not None:
            raise error
        return Exit.OPEN

    with pytest.raises(typer.Exit) as ended:
        run(Screen(machine=machine), work, interrupted=interrupted)
    return ended.value.exit_code


def test_a_command_ends_with_its_code() -> None:
    assert code_after() == Exit.OPEN


def test_what_is_done_at_once_needs_no_loop() -> None:
    with pytest.raises(typer.Exit) as ended:
        run(Screen(machine=False), lambda: Exit.OK)
    assert ended.value.exit_code == Exit.OK


def test_an_error_is_told_and_becomes_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_after(TaskFailedError("content refused")) == Exit.FAILED
    assert capsys.readouterr().err == "error: content refused\n"


def test_even_a_mistake_of_ours_shows_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_after(ZeroDivisionError("x")) == Exit.ERROR
    assert "Traceback" not in capsys.readouterr().err


def test_with_verbose_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("aivideo_async").setLevel(logging.DEBUG)
    try:
        code_after(ZeroDivisionError("x"))
    finally:
        logging.getLogger("aivideo_async").setLevel(logging.NOTSET)
    assert "debug: Traceback" in capsys.readouterr().err


def test_an_interruption_has_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_after(KeyboardInterrupt(), machine=True) == Exit.INTERRUPTED
    written = capsys.readouterr()
    assert json.loads(written.out)["error"]["message"] == "interrupted"
    assert written.err == "interrupted\n"


def test_where_it_is_the_ordinary_end_an_interruption_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_after(KeyboardInterrupt(), machine=True, interrupted=Exit.OK) == Exit.OK
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("interrupted", "code"), [(Exit.INTERRUPTED, Exit.TERMINATED), (Exit.OK, Exit.OK)])
def test_sigterm_ends_it_as_ctrl_c_does(
    interrupted: Exit, code: Exit, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    cleaned: list[str] = []

    async def work() -> Exit:
        try:
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append("up")
        return Exit.OK

    with pytest.raises(typer.Exit) as ended:
        run(Screen(machine=True), work, interrupted=interrupted)
    assert (ended.value.exit_code, cleaned) == (code, ["up"])
    written = capsys.readouterr()
    assert written.err == "terminated\n"
    assert ("SIGTERM" in written.out) == (code is Exit.TERMINATED)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_reader_that_has_gone_is_nobody_to_tell() -> None:
    async def work() -> Exit:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        run(Screen(machine=False), work)


def test_variables_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVIDEO_STORE", "memory:")
    with environment_without(["AIVIDEO_STORE", "AIVIDEO_NO_SUCH"]):
        assert "AIVIDEO_STORE" not in os.environ
    assert os.environ["AIVIDEO_STORE"] == "memory:"


async def test_without_a_key_nothing_opens() -> None:
    with pytest.raises(ConfigurationError, match="AIVIDEO_API_KEY"):
        async with opened(Screen(machine=False), waiting=True):
            pass


async def test_for_a_service_on_loopback_the_receiver_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVIDEO_API_KEY", "sk-1")
    monkeypatch.setenv("AIVIDEO_BASE_URL", "http://127.0.0.1:9")
    async with opened(Screen(machine=False), waiting=True) as client:
        assert (client.receiver.address or "").startswith("http://127.0.0.1:")
    async with opened(Screen(machine=False), waiting=False) as client:
        assert client.receiver.address is None


async def test_callbacks_that_would_go_elsewhere_are_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIVIDEO_API_KEY", "sk-1")
    monkeypatch.setenv(CALLBACK_URL, PUBLIC)
    async with opened(Screen(machine=False), waiting=True) as client:
        assert client.receiver.address is None
        assert CALLBACK_URL not in os.environ
    assert os.environ[CALLBACK_URL] == PUBLIC
    assert CALLBACK_URL in capsys.readouterr().err


async def test_callbacks_that_a_shared_store_is_told_of_are_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("AIVIDEO_API_KEY", "sk-1")
    monkeypatch.setenv("AIVIDEO_STORE", f"sqlite:///{tmp_path}/shared.db")
    monkeypatch.setenv(CALLBACK_URL, PUBLIC)
    async with opened(Screen(machine=False), waiting=True):
        assert os.environ[CALLBACK_URL] == PUBLIC
    assert capsys.readouterr().err == ""


async def test_who_submits_nothing_serves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVIDEO_API_KEY", "sk-1")
    monkeypatch.setenv("AIVIDEO_BASE_URL", "http://127.0.0.1:9")
    async with opened(Screen(machine=False), waiting=True, submitting=False) as client:
        assert client.receiver.address is None


async def test_a_task_that_is_only_submitted_keeps_its_callback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVIDEO_API_KEY", "sk-1")
    monkeypatch.setenv(CALLBACK_URL, PUBLIC)
    async with opened(Screen(machine=False), waiting=False):
        assert os.environ[CALLBACK_URL] == PUBLIC
