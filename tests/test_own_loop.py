from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.own_loop import OwnLoop


class Ending:
    """Counts how often it was closed, and in which thread."""

    def __init__(self) -> None:
        self.closed_in: list[str] = []

    async def __call__(self) -> None:
        self.closed_in.append(threading.current_thread().name)


async def name_of_thread() -> str:
    return threading.current_thread().name


async def identity_of_loop() -> int:
    return id(asyncio.get_running_loop())


def test_many_threads_share_one_loop_which_ends_where_it_ran() -> None:
    ending = Ending()
    own = OwnLoop("the loop", ending)
    with ThreadPoolExecutor(8) as pool:
        loops = [found.result() for found in [pool.submit(own.run, identity_of_loop()) for _ in range(64)]]
    assert (len(set(loops)), own.run(name_of_thread())) == (1, "the loop")
    own.close()
    own.close()
    assert ending.closed_in == ["the loop"]
    assert "the loop" not in [thread.name for thread in threading.enumerate()]


def test_it_may_be_closed_unused_and_used_again_after_closing() -> None:
    ending = Ending()
    own = OwnLoop("the loop", ending)
    own.close()
    assert own.run(name_of_thread()) == "the loop"
    own.close()
    assert own.run(name_of_thread()) == "the loop"
    own.close()
    assert len(ending.closed_in) == 2


def test_what_the_work_raises_is_raised() -> None:
    async def fails() -> None:
        raise ZeroDivisionError

    own = OwnLoop("the loop", Ending())
    with pytest.raises(ZeroDivisionError):
        own.run(fails())
    own.close()


def test_closing_waits_for_what_was_begun() -> None:
    seen: list[str] = []

    async def slow() -> None:
        await asyncio.sleep(0.02)
        seen.append("done")

    own = OwnLoop("the loop", Ending())
    own.later(slow())
    own.close()
    assert seen == ["done"]


def test_closing_cancels_what_never_ends() -> None:
    ending, begun = Ending(), threading.Event()
    own = OwnLoop("the loop", ending, close_within=0.01)

    async def never() -> None:
        begun.set()
        await asyncio.Event().wait()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(own.run, never())
        begun.wait()
        own.close()
        with pytest.raises(CancelledError):
            waiting.result()
    assert len(ending.closed_in) == 1


def test_the_thread_ends_also_when_the_last_thing_fails() -> None:
    async def fails() -> None:
        raise ZeroDivisionError

    own = OwnLoop("the loop", fails)
    own.run(name_of_thread())
    with pytest.raises(ZeroDivisionError):
        own.close()
    assert "the loop" not in [thread.name for thread in threading.enumerate()]


async def test_where_a_loop_runs_it_is_refused() -> None:
    own = OwnLoop("the receiver", Ending())
    with pytest.raises(ConfigurationError, match="an event loop runs where the receiver"):
        own.run(name_of_thread())


FORKS = """
import asyncio, os
from aivideo_async.core.errors import ConfigurationError
from aivideo_async.own_loop import OwnLoop

async def nothing(): pass
async def last(): print("closed", flush=True)

used, unused, closed = OwnLoop("the receiver", last), OwnLoop("another", last), OwnLoop("a third", last)
used.run(nothing())
closed.run(nothing())
closed.close()
if os.fork() == 0:
    used.close()
    for one in unused, closed:
        one.run(nothing())
        one.close()
    try:
        used.run(nothing())
    except ConfigurationError as error:
        print(error, flush=True)
        os._exit(0)
os.wait()
"""


def test_after_a_fork_it_is_refused_and_an_unused_one_works() -> None:
    said = output_of(FORKS).splitlines()
    assert said[3].startswith("the receiver was used before this process was forked")
    assert said[:3] + said[4:] == ["closed"] * 4


PROGRAM = """
import asyncio
from aivideo_async.own_loop import OwnLoop

async def nothing(): pass
async def last(): print("closed", flush=True)
async def slow():
    await asyncio.sleep(0.05)
    print("finished", flush=True)

own = OwnLoop("the loop", last)
own.run(nothing())
own.later(slow())
"""


def test_a_process_that_ends_finishes_and_closes_it() -> None:
    assert output_of(PROGRAM) == "finished\nclosed\n"


def output_of(program: str) -> str:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own program
