"""The README is true: its programs run, its commands are the ones that CI runs, its links lead somewhere."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aivideo_async import open_store
from aivideo_async.core.models import TaskRecord, TaskStatus
from aivideo_async.sandbox import Sandbox
from aivideo_async.settings import BaseUrl
from tests.test_examples import finished, running

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    "python3 -m venv .venv && .venv/bin/pip install '.[cli,sandbox]' && .venv/bin/aivideo demo",
    ".venv/bin/pip install -e '.[dev]' && .venv/bin/pytest",
]


@pytest.mark.parametrize("program", PROGRAMS)
async def test_every_program_runs(program: str, tmp_path: Path) -> None:
    async with Sandbox(speed=3600, render="cached") as sandbox:
        async with running(sandbox, tmp_path, "-c", program.replace("port=8080", "port=0")) as process:
            await finished(process)
        assert sandbox.count("create") >= 1


async def test_after_a_restart_a_task_in_doubt_keeps_nothing_from_going_on(tmp_path: Path) -> None:
    (program,) = (program for program in PROGRAMS if "client.unfinished()" in program)
    async with Sandbox(speed=3600, render="cached") as sandbox:
        origin = BaseUrl.parse(sandbox.base_url).origin
        left = TaskRecord(id="av_left", origin=origin, status=TaskStatus.IN_DOUBT, created_at=datetime.now(UTC))
        async with open_store(f"sqlite:///{tmp_path / 'aivideo.db'}") as store:
            await store.put(left)
        async with running(sandbox, tmp_path, "-c", program) as process:
            assert "av_left" in await finished(process)
        assert sandbox.count("create") == 1


def test_there_are_exactly_two_set_up_commands_and_ci_runs_them_from_here() -> None:
    assert [line for line in README.splitlines() if ".venv/bin/pip" in line] == COMMANDS
    assert "README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_link_leads_to_a_file() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith("http")]
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_test_that_is_named_exists() -> None:
    names = re.findall(r"`(test_\w+)…?`", README)
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name in names if f"def {name}" not in source] == []
