"""No setting of the machine that runs the tests reaches a command, and no command writes into its user's home."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator

import pytest

from aivideo_async.sandbox import Sandbox


@pytest.fixture(autouse=True)
def _no_settings(  # pyright: ignore[reportUnusedFunction] - autouse
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for name in os.environ:
        if name.startswith("AIVIDEO_"):
            monkeypatch.delenv(name)
    for name in ("XDG_STATE_HOME", "HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path_factory.mktemp("state")))


class Watched(io.StringIO):
    """What was printed, and an event for when a word came."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self.word = word
        self.seen = asyncio.Event()

    def write(self, text: str) -> int:
        if self.word in text:
            self.seen.set()
        return super().write(text)


class Terminal(io.StringIO):
    """Text that says of itself that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal, 100 columns wide."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Terminal()


@pytest.fixture
async def service(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    """A quick sandbox with small cached files, and the settings with which a command finds it."""
    async with Sandbox(render="cached", speed=2000, seed=1) as sandbox:
        for name, value in sandbox.environment().items():
            monkeypatch.setenv(name, value)
        yield sandbox
