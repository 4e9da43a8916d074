"""The command line: options reach their command, and wrong ones are refused with code 2."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from aivideo_async.cli.app import app
from aivideo_async.cli.exits import HELP, Exit
from aivideo_async.cli.store import opened_store
from aivideo_async.sandbox import Delay, Sandbox
from aivideo_async.stores import Query
from tests.cli.processes import aivideo
from tests.stores.contract import scanned

COMMANDS = ("demo", "generate", "wait", "tasks", "credits", "models", "sandbox", "probe", "listen", "webhook", "doctor")


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_every_command_is_there() -> None:
    shown = invoke("--help").stdout
    assert all(f"  {command} " in shown for command in COMMANDS)


@pytest.mark.parametrize("command", [(), *((command,) for command in COMMANDS)])
def test_the_exit_codes_are_in_the_help(command: tuple[str, ...]) -> None:
    shown = invoke(*command, "--help")
    assert shown.exit_code == Exit.OK
    assert HELP in " ".join(shown.stdout.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-command",),
        ("demo", "--profile", "forged"),
        ("generate", "x", "--kind", "poem"),
        ("wait",),
        ("wait", "a", "--timeout", "-1"),
        ("sandbox", "--port", "70000"),
    ],
)
def test_wrong_usage_is_code_2_and_no_traceback(arguments: tuple[str, ...]) -> None:
    ran = invoke(*arguments)
    assert ran.exit_code == Exit.USAGE
    assert ran.stdout == ""
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("generate", "x", "--set", "duration=6"), Exit.USAGE, "duration cannot be 6 (allowed: 4, 8, 12)"),
        (("generate",), Exit.USAGE, "prompt is required"),
        (("models", "sora-9"), Exit.USAGE, "no model sora-9"),
        (("generate", "x", "--no-wait"), Exit.CONFIGURATION, "AIVIDEO_API_KEY"),
        (("wait", "a"), Exit.CONFIGURATION, "AIVIDEO_API_KEY"),
        (("credits",), Exit.CONFIGURATION, "AIVIDEO_API_KEY"),
        (("sandbox", "--speed", "0"), Exit.CONFIGURATION, "speed"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_a_code(arguments: tuple[str, ...], code: Exit, message: str) -> None:
    ran = invoke(*arguments)
    assert ran.exit_code == code
    assert ran.stdout == ""
    assert ran.stderr.startswith("error: ")
    assert message in ran.stderr
    assert json.loads(invoke(*arguments, "--json").stdout.splitlines()[-1])["error"]["message"] in ran.stderr


def test_where_results_should_go_is_made_before_anything_is_paid_for(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = invoke("generate", "x", "--out", str(tmp_path / "file" / "cat.mp4"))
    assert ran.exit_code == Exit.ERROR
    assert ran.stderr.startswith("error: ")
    assert "AIVIDEO_API_KEY" not in ran.stderr


def test_a_demo_that_cannot_write_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = invoke("demo", "--out", str(tmp_path / "file"), "--profile", "documented")
    assert (ran.exit_code, ran.stderr) == (Exit.ERROR, f"error: File exists: {tmp_path / 'file'}\n")


def test_lists_need_no_key() -> None:
    assert invoke("tasks").exit_code == Exit.OK
    assert invoke("tasks", "--json").stdout == ""
    assert json.loads(invoke("models", "veo-3", "--json").stdout)["credits"] == {"fast": 40, "quality": 300}


def test_verbose_holds_for_one_command() -> None:
    logger = logging.getLogger("aivideo_async")
    invoke("-v", "tasks")
    assert logger.level == logging.DEBUG
    invoke("tasks")
    assert logger.level == logging.NOTSET


@pytest.mark.crash
async def test_a_real_process_writes_plain_text_and_the_object_last(service: Sandbox, tmp_path: Path) -> None:
    hostile = "a \x1b[2J\x07cat [bold]"
    settings = service.environment()
    made = await asyncio.to_thread(
        aivideo, "generate", hostile, "--out", str(tmp_path / "cat.mp4"), "--json", settings=settings
    )
    assert made.returncode == Exit.OK, made.stderr
    assert json.loads(made.stdout)["files"] == [str(tmp_path / "cat.mp4")]
    assert all(sign.isprintable() or sign == "\n" for sign in made.stdout + made.stderr)
    awaited = await asyncio.to_thread(aivideo, "wait", service.tasks[0].id, "--out", str(tmp_path), settings=settings)
    assert awaited.stdout == f"{service.tasks[0].id}  {tmp_path / json.loads(made.stdout)['id']}-0.mp4\n"


@pytest.mark.crash
async def test_what_one_process_submits_another_finds_awaits_and_pays_for_once(
    service: Sandbox, tmp_path: Path
) -> None:
    async def ran(*arguments: str) -> str:
        done = await asyncio.to_thread(aivideo, *arguments, settings=service.environment())
        assert done.returncode == Exit.OK, done.stderr
        return done.stdout

    service.enqueue(Delay(3600))
    order = ("generate", "a kite", "--no-wait", "--key", "order-42")
    id = (await ran(*order)).strip()
    assert await ran(*order) == f"{id}\n"
    async with opened_store() as store:
        assert await scanned(store, Query(unfinished=True)) == [id]
    assert await ran("wait", id, "--out", str(tmp_path / "clips")) == f"{id}  {tmp_path / 'clips' / id}-0.mp4\n"
    assert service.count("create") == 1


def test_a_real_process_refuses_with_its_code() -> None:
    ran = aivideo("generate", "x\x1b[2J", "--set", "style=\x1b[31m", settings={"FORCE_COLOR": "1"})
    assert ran.returncode == Exit.USAGE
    assert all(sign.isprintable() or sign == "\n" for sign in ran.stderr)
