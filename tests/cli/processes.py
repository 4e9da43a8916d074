"""The command in a real process of its own, with none of this machine's settings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
"""
MAIN = "import sys; from aivideo_async.cli import main; sys.exit(main())"


def environment(**settings: str) -> dict[str, str]:
    """This process's environment with only the given settings, without a wish for colour, and with our tree first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIVIDEO_", "FORCE_", "COV"))}
    return {**kept, "PYTHONPATH": str(ROOT), **settings}


def python(
    program: str, *arguments: str, without: tuple[str, ...] = (), settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program with some modules made missing."""
    prelude = BLOCKED.format(names=set(without)) if without else ""
    return subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", prelude + program, *arguments],
        capture_output=True,
        text=True,
        timeout=25,
        env=environment(**(settings or {})),
        check=False,
    )


def aivideo(
    *arguments: str, without: tuple[str, ...] = (), settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return python(MAIN, *arguments, without=without, settings=settings)
