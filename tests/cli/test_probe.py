"""Consent, what is announced, and what is shown; the steps themselves are tested in tests/probe."""

from __future__ import annotations

import asyncio
import io
import json
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

from aivideo_async.cli.exits import Exit
from aivideo_async.cli.output import Screen
from aivideo_async.cli.probe import probe
from aivideo_async.core.errors import AuthenticationError, InvalidRequestError
from aivideo_async.probe.questions import QUESTIONS
from aivideo_async.sandbox import Sandbox
from tests.cli.conftest import Terminal
from tests.cli.processes import MAIN, aivideo, environment


class Probing:
    """The command with its two outputs."""

    def __init__(self, record: Path, *, machine: bool = False) -> None:
        self.out, self.err, self.record = io.StringIO(), io.StringIO(), record
        self.screen = Screen(machine=machine, out=self.out, err=self.err)

    async def run(self, *, limit: int = 10, yes: bool = True) -> Exit:
        begun = await asyncio.to_thread(
            probe, self.screen, limit=Decimal(limit), record=self.record, yes=yes, host="127.0.0.1", port=0
        )
        return begun if isinstance(begun, Exit) else await begun


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVIDEO_API_KEY", "sk-x")
    monkeypatch.setenv("AIVIDEO_BASE_URL", "https://api.example.com")


@pytest.mark.usefixtures("key")
async def test_without_a_terminal_and_without_yes_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
    with pytest.raises(InvalidRequestError, match="consent"):
        await Probing(tmp_path / "record").run(yes=False)
    assert not (tmp_path / "record").exists()


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("typed", ["", "\n", "no\n", "y\n"])
async def test_anything_but_yes_sends_nothing(
    typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: Terminal
) -> None:
    terminal.write(typed)
    terminal.seek(0)
    monkeypatch.setattr(sys, "stdin", terminal)
    probing = Probing(tmp_path / "record")
    assert await probing.run(yes=False) is Exit.INTERRUPTED
    assert "nothing was sent" in probing.err.getvalue()
    assert not (tmp_path / "record").exists()


async def test_a_typed_yes_is_consent(
    service: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: Terminal
) -> None:
    terminal.write("Yes\n")
    terminal.seek(0)
    monkeypatch.setattr(sys, "stdin", terminal)
    probing = Probing(tmp_path / "record")
    assert await probing.run(yes=False, limit=0) is Exit.OK
    assert service.count("get_credits") > 1


@pytest.mark.usefixtures("key")
async def test_the_cost_is_named_and_what_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("no\n"))
    probing = Probing(tmp_path / "record")
    await probing.run(yes=False, limit=100)
    told = probing.err.getvalue()
    assert "about 2.4 credits, at worst 7.2" in told
    assert "(sora-2): about 100 credits, at worst 200 - LEFT OUT" in told
    assert "about 12 credits (about $0.05) and never knowingly more than 100" in told
    assert "AIVIDEO_CALLBACK_URL" in told


@pytest.mark.usefixtures("key")
async def test_a_folder_with_something_in_it_is_refused_before_anybody_is_asked(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    with pytest.raises(InvalidRequestError, match="not empty"):
        await Probing(tmp_path).run()


async def test_there_is_a_line_for_every_question_and_one_for_the_money(service: Sandbox, tmp_path: Path) -> None:
    probing = Probing(tmp_path / "record")
    assert await probing.run() is Exit.OK
    lines = probing.out.getvalue().splitlines()
    assert len(lines) == len(QUESTIONS) + 2
    assert all("assumed: " in line and "seen: " in line and "then: " in line for line in lines[:-2])
    assert "spent: 4.8 credits by the balance, at most 4.8 of 10" in lines[-1]
    assert service.tasks[0].id in probing.err.getvalue()
    assert service.tasks[0].id not in probing.out.getvalue()


async def test_a_machine_reads_an_object_for_every_question_and_one_for_the_end(
    service: Sandbox, tmp_path: Path
) -> None:
    probing = Probing(tmp_path / "record", machine=True)
    await probing.run(limit=0)
    objects = [json.loads(line) for line in probing.out.getvalue().splitlines()]
    assert [one["question"] for one in objects[:-1]] == [question.name for question in QUESTIONS]
    assert objects[0].keys() == {"question", "asks", "source", "assumed", "seen", "verdict", "consequence"}
    assert objects[-1]["credits"] == {"spent": 0, "at_most": 0, "max_credits": 0}
    assert service.count("create") == 0


async def test_a_refused_key_shows_no_questions(
    service: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIVIDEO_API_KEY", "sk-other")
    probing = Probing(tmp_path / "record")
    with pytest.raises(AuthenticationError):
        await probing.run()
    assert probing.out.getvalue().startswith("spent: at most 0 of 10")
    assert service.count("create") == 0


def test_a_real_process_without_consent_has_code_2(tmp_path: Path) -> None:
    settings = {"AIVIDEO_API_KEY": "sk-x", "AIVIDEO_BASE_URL": "https://api.example.com"}
    ran = aivideo("probe", "--record", str(tmp_path / "r"), settings=settings)
    assert (ran.returncode, ran.stdout) == (Exit.USAGE, "")
    assert "--yes" in ran.stderr


@pytest.mark.crash
@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
async def test_whatever_ends_a_process_its_files_are_whole_and_say_what_was_spent(
    blow: signal.Signals, tmp_path: Path
) -> None:
    async with Sandbox(render="cached", speed=1) as sandbox:
        process = subprocess.Popen(  # noqa: ASYNC220, S603 - our own interpreter
            [sys.executable, "-c", MAIN, "probe", "--yes", "--record", str(tmp_path / "r"), "--port", "0"],
            env=environment(**sandbox.environment()),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        deadline = time.monotonic() + 20
        while sandbox.count("get_task") < 2 and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        process.send_signal(blow)
        shown, _ = await asyncio.to_thread(process.communicate, timeout=20)
    report = json.loads((tmp_path / "r" / "report.json").read_text())
    assert report["credits"]["max_credits"] == 100
    assert 2.4 <= report["credits"]["at_most"] <= 7.2
    assert all(json.loads(path.read_text()) is not None for path in (tmp_path / "r").rglob("*.json"))
    if blow is signal.SIGINT:
        assert process.returncode == Exit.INTERRUPTED
        assert "spent: 2.4 credits by the balance" in shown
        assert report["state"] == "interrupted"
