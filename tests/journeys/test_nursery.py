from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aivideo_async.core.errors import ConfigurationError
from tests.journeys.nursery import ROOT, Nursery
from tests.stores.process import say

pytestmark = pytest.mark.crash


async def echo(first: str, *, second: str) -> None:
    """Say what it was given, and never end."""
    say(f"{first} {second} {os.environ['AIVIDEO_X']} {os.getpid()}")
    await asyncio.Event().wait()


async def fail() -> None:
    """End with an error."""
    say("first")
    raise ConfigurationError("as it should")


async def test_a_process_plays_its_role_with_its_own_settings_until_it_is_killed(nursery: Nursery) -> None:
    async with nursery.process(echo, {"AIVIDEO_X": "x"}, "a", second="b") as process:
        assert await process.line() == ["a", "b", "x", str(process.pid)]
        assert await process.kill() == []
        assert await process.line() == []


async def test_a_process_that_ends_before_it_says_what_is_awaited_fails_its_reader(nursery: Nursery) -> None:
    async with nursery.process(fail, {}) as process:
        with pytest.raises(AssertionError, match="has ended"):
            await process.until("second")


def test_no_process_outlives_whoever_made_the_nursery() -> None:
    program = (
        "import asyncio, os, signal\n"
        "from tests.journeys.nursery import Nursery\n"
        "from tests.journeys.test_nursery import echo\n"
        "async def main():\n"
        "    async with Nursery().__enter__().process(echo, {'AIVIDEO_X': 'x'}, 'a', second='b') as process:\n"
        "        print(process.pid, flush=True)\n"
        "        await process.line()\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    ended = subprocess.run(  # noqa: S603 - our own interpreter and our own lines
        [sys.executable, "-c", program], stdout=subprocess.PIPE, check=False, cwd=ROOT, timeout=30
    )
    # Its output ends with the last process that holds it, so the nursery and its children are gone by now.
    assert not Path(f"/proc/{int(ended.stdout)}").exists()
