from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from blockbuster import BlockingError

import aivideo_async

# Blocks as if it stood in the package.
BLOCKS = compile("time.sleep(0)", str(Path(aivideo_async.__file__).with_name("made_up.py")), "exec")


def block() -> None:
    exec(BLOCKS, {"time": time})  # noqa: S102 - our own line


async def test_a_blocking_call_of_ours_on_the_loop_is_an_error() -> None:
    with pytest.raises(BlockingError, match=r"time\.sleep"):
        block()


async def test_a_blocking_call_in_a_thread_is_none() -> None:
    await asyncio.to_thread(block)


def test_a_blocking_call_without_a_loop_is_none() -> None:
    block()
