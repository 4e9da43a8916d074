from __future__ import annotations

import asyncio

import pytest

from aivideo_async.turns import Turns


async def hold(turns: Turns, held: asyncio.Event, go: asyncio.Event) -> None:
    end_turn = await turns.take()
    held.set()
    await go.wait()
    end_turn()


async def test_who_waits_gets_the_turn_when_it_is_free() -> None:
    turns, held, go = Turns(at_work=1, waiting=1, longest_wait=5.0), asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(hold(turns, held, go))
        await held.wait()
        waiting = group.create_task(hold(turns, asyncio.Event(), go))
        await asyncio.sleep(0)
        assert not waiting.done()
        go.set()


@pytest.mark.parametrize(("waiting", "longest_wait"), [(0, 5.0), (5, 0.0)])
async def test_a_full_queue_and_a_long_wait_are_timeouts(waiting: int, longest_wait: float) -> None:
    turns, held, go = Turns(at_work=1, waiting=waiting, longest_wait=longest_wait), asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(hold(turns, held, go))
        await held.wait()
        with pytest.raises(TimeoutError):
            await hold(turns, asyncio.Event(), go)
        go.set()


def test_turns_work_in_one_loop_after_the_other() -> None:
    turns = Turns(at_work=1, waiting=1, longest_wait=5.0)

    async def contend() -> int:
        async def one() -> int:
            end_turn = await turns.take()
            await asyncio.sleep(0)
            end_turn()
            return 1

        return sum(await asyncio.gather(one(), one()))

    assert [asyncio.run(contend()), asyncio.run(contend())] == [2, 2]
