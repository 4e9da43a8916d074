"""``python -m aivideo_async`` is the command."""

from __future__ import annotations

import runpy
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import aivideo_async

MAIN = str(Path(aivideo_async.__file__).with_name("__main__.py"))


def test_importing_it_runs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(MAIN)
    assert capsys.readouterr() == ("", "")


def test_the_package_runs_as_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["aivideo", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(MAIN, run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"aivideo {version('aivideo-async')}\n"
