"""The options of the commands about many tasks and their cost reach what they are for."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from aivideo_async.cli.app import app
from aivideo_async.cli.exits import HELP, Exit


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.fixture(autouse=True)
def _own_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction] - autouse
    monkeypatch.delenv("AIVIDEO_API_KEY", raising=False)
    monkeypatch.setenv("AIVIDEO_STORE", f"sqlite:///{tmp_path / 'records.db'}")


@pytest.mark.parametrize(
    "command", [("batch",), ("audit",), ("doubt", "list"), ("doubt", "bind"), ("doubt", "abandon")]
)
def test_the_exit_codes_are_in_the_help(command: tuple[str, ...]) -> None:
    shown = invoke(*command, "--help")
    assert shown.exit_code == Exit.OK
    assert HELP in " ".join(shown.stdout.split())


def test_a_file_is_priced_without_a_key(tmp_path: Path) -> None:
    file = tmp_path / "prompts.csv"
    file.write_text("prompt,duration\na kite,4\na lake,8\n")
    priced = invoke("batch", str(file), "--estimate")
    assert priced.exit_code == Exit.OK
    assert "300" in priced.stdout


def test_what_is_sent_or_asked_needs_a_key(tmp_path: Path) -> None:
    file = tmp_path / "prompts.csv"
    file.write_text("prompt\na kite\n")
    for command in (
        ("batch", str(file), "--out", str(tmp_path / "clips")),
        ("audit",),
        ("doubt", "bind", "av_1", "svc-1"),
    ):
        assert invoke(*command).exit_code == Exit.CONFIGURATION


def test_nothing_is_in_doubt_at_first() -> None:
    assert invoke("doubt", "list").exit_code == Exit.OK
    assert invoke("doubt", "abandon", "av_1").exit_code != Exit.OK
