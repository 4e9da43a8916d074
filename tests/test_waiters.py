from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from aivideo_async.core.models import TaskRecord, TaskStatus
from aivideo_async.stores.memory import MemoryStore
from aivideo_async.supervise import Supervisor
from aivideo_async.waiters import Parked, Waiter, Waiters, spread
from tests.stores.doubles import UnreliableStore
from tests.stores.made import accepted, completion, expiry

NOW = 1_790_000_000.0
RUNNING, DONE = accepted("av_1", "svc-1"), completion("av_1", "svc-1", NOW)
PATIENCE = 5.0


async def wait_for_ending(waiters: Waiters, id: str = "av_1") -> TaskRecord | None:
    """What an awaiter does: join, read, wait."""
    with waiters.join(id) as waiter:
        await waiters.read((id,))
        return await waiter.ended()


async def idle(times: int = 10) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


def a_store(*down: str, deaf: bool = False) -> UnreliableStore:
    return UnreliableStore(MemoryStore(), *down, deaf=deaf)


def quick(store: UnreliableStore) -> Waiters:
    """Waiters that do not take their time."""
    return Waiters(store, reread_every=0.01, reconnect_after=0.0, read_together=0.0, draw=lambda: 0.5)


@asynccontextmanager
async def listening(waiters: Waiters, *, reread: bool = False) -> AsyncGenerator[None]:
    supervisor = Supervisor("test")
    await supervisor.start()
    supervisor.spawn(waiters.listen)
    supervisor.spawn(waiters.read_parked)
    if reread:
        supervisor.spawn(waiters.reread)
    try:
        async with asyncio.timeout(PATIENCE):
            yield
    finally:
        await supervisor.stop()


# Awaiting together


async def test_an_ending_resolves_everybody_who_awaits_it() -> None:
    waiters = quick(store := a_store())
    async with listening(waiters):
        await waiters.subscribed()
        several = [asyncio.create_task(wait_for_ending(waiters)) for _ in range(3)]
        await idle()
        await store.put(RUNNING)
        await store.put(DONE)
        records = await asyncio.gather(*several)
    assert [record.status for record in records if record] == [TaskStatus.COMPLETED] * 3


async def test_cancelling_one_awaiter_hurts_no_other() -> None:
    waiters = quick(store := a_store())
    async with listening(waiters):
        first, second, third = (asyncio.create_task(wait_for_ending(waiters)) for _ in range(3))
        await idle()
        second.cancel()
        await asyncio.wait([second])
        await store.put(DONE)
        assert await first == await third == DONE
    assert second.cancelled()


async def test_a_task_that_has_ended_already_needs_no_hint() -> None:
    waiters = quick(store := a_store(deaf=True))
    await store.put(DONE)
    async with asyncio.timeout(PATIENCE):
        assert await wait_for_ending(waiters) == DONE


async def test_a_waiter_is_there_only_while_somebody_awaits() -> None:
    waiters = quick(a_store())
    with waiters.join("av_1") as one:
        with waiters.join("av_1") as other:
            assert one is other
        assert "av_1" in waiters.awaited()
    assert "av_1" not in waiters.awaited()
    with waiters.join("av_1") as later:
        assert later is not one


async def test_a_cancelled_awaiter_leaves_nothing_behind() -> None:
    waiters = quick(a_store())
    waiting = asyncio.create_task(wait_for_ending(waiters))
    await idle()
    assert "av_1" in waiters.awaited()
    waiting.cancel()
    await asyncio.wait([waiting])
    assert "av_1" not in waiters.awaited()


async def test_an_interruption_wakes_everybody_without_an_ending() -> None:
    waiters = quick(a_store())
    several = [asyncio.create_task(wait_for_ending(waiters, f"av_{number % 2}")) for number in range(4)]
    await idle()
    waiters.interrupt()
    assert await asyncio.gather(*several) == [None] * 4


async def test_whoever_waits_on_after_an_interruption_still_gets_the_ending() -> None:
    waiters = quick(store := a_store())
    async with listening(waiters):
        with waiters.join("av_1") as waiter:
            waiting = asyncio.create_task(waiter.ended())
            await idle()
            waiters.interrupt()
            assert await waiting is None
            await store.put(DONE)
            assert await waiter.ended() == DONE


async def test_an_interruption_does_not_take_an_ending_back() -> None:
    waiter = Waiter("av_1", {})
    waiter.tell(DONE)
    waiter.interrupt()
    assert await waiter.ended() == DONE


# Waiting without a coroutine


class Sleepers:
    """Who is parked here, and what they were woken with."""

    def __init__(self, waiters: Waiters) -> None:
        self._waiters = waiters
        self.woken: list[tuple[str, TaskRecord | None]] = []

    def park(self, name: str, id: str = "av_1") -> Parked[str]:
        return self._waiters.park(id, lambda item, record: self.woken.append((item, record)), name)

    async def until(self, count: int) -> None:
        while len(self.woken) < count:
            await asyncio.sleep(0)


async def test_who_is_parked_is_woken_once_with_the_ending() -> None:
    waiters = quick(store := a_store())
    await store.put(RUNNING)
    sleepers = Sleepers(waiters)
    async with listening(waiters):
        sleepers.park("one")
        await idle()
        assert (sleepers.woken, set(waiters.awaited())) == ([], {"av_1"})
        await store.put(DONE)
        await sleepers.until(1)
    waiters.interrupt()
    assert sleepers.woken == [("one", DONE)]
    assert not waiters.awaited()


async def test_what_is_parked_together_is_read_together_and_once() -> None:
    waiters = Waiters(store := a_store(), read_together=0.0)
    sleepers = Sleepers(waiters)
    for number in range(3):
        await store.put(accepted(f"av_{number}", f"svc-{number}"))
    async with listening(waiters):
        await idle()
        before = len(store.gets)
        for number in range(3):
            sleepers.park("one", f"av_{number}")
        await idle()
        assert store.gets[before:] == [{"av_0", "av_1", "av_2"}]
        assert not sleepers.woken


async def test_what_has_ended_before_it_is_parked_wakes_at_once_also_where_others_know_it() -> None:
    waiters = quick(store := a_store())
    await store.put(DONE)
    sleepers = Sleepers(waiters)
    async with listening(waiters):
        sleepers.park("one")
        await sleepers.until(1)
        with waiters.join("av_1"):
            await waiters.read(("av_1",))
            sleepers.park("another")
            await sleepers.until(2)
    assert sleepers.woken == [("one", DONE), ("another", DONE)]


async def test_who_is_parked_for_what_the_store_has_not_has_to_look_around() -> None:
    waiters = quick(a_store())
    sleepers = Sleepers(waiters)
    async with listening(waiters):
        sleepers.park("one")
        await sleepers.until(1)
    assert sleepers.woken == [("one", None)]


async def test_who_is_parked_waits_on_over_a_store_that_is_down() -> None:
    waiters = quick(store := a_store("get"))
    await store.put(DONE)
    sleepers = Sleepers(waiters)
    async with listening(waiters, reread=True):
        sleepers.park("one")
        await idle()
        assert not sleepers.woken
        store.down.clear()
        await sleepers.until(1)
    assert sleepers.woken == [("one", DONE)]


async def test_an_interruption_wakes_who_is_parked_without_an_ending_and_is_no_trouble_for_others() -> None:
    waiters = quick(a_store())
    sleepers = Sleepers(waiters)
    sleepers.park("one")
    waiting = asyncio.create_task(wait_for_ending(waiters))
    await idle()
    waiters.interrupt()
    assert (sleepers.woken, await waiting) == ([("one", None)], None)
    assert not waiters.awaited()


async def test_who_is_parked_and_let_go_is_not_woken() -> None:
    waiters = quick(a_store())
    sleepers = Sleepers(waiters)
    one, _other = sleepers.park("one"), sleepers.park("another")
    one.cancel()
    one.cancel()
    assert "av_1" in waiters.awaited()
    waiters.interrupt()
    assert sleepers.woken == [("another", None)]
    assert not waiters.awaited()


# Changes


async def test_each_change_wakes_who_watches() -> None:
    waiters = quick(store := a_store())
    async with listening(waiters):
        await waiters.subscribed()
        with waiters.join("av_1") as waiter:
            for record in (RUNNING, DONE):
                watching = asyncio.create_task(waiter.changed(PATIENCE))
                await idle()
                await store.put(record)
                await watching
                assert waiter.record is not None
                assert waiter.record.status is record.status


async def test_watching_ends_after_its_time_without_a_change() -> None:
    waiter = Waiter("av_1", {})
    await waiter.changed(0.0)
    assert waiter.record is None


async def test_an_interruption_wakes_who_watches() -> None:
    waiters = quick(a_store())
    with waiters.join("av_1") as waiter:
        watching = asyncio.create_task(waiter.changed(PATIENCE))
        await idle()
        waiters.interrupt()
        await watching


async def test_the_same_record_again_wakes_nobody() -> None:
    waiters = quick(store := a_store())
    await store.put(RUNNING)
    with waiters.join("av_1") as waiter:
        await waiters.read(("av_1",))
        watching = asyncio.create_task(waiter.changed(PATIENCE))
        await idle()
        await waiters.read(("av_1",))
        await idle()
        assert not watching.done()
        watching.cancel()


async def test_an_older_reading_does_not_take_back_a_newer_one() -> None:
    waiter = Waiter("av_1", {})
    waiter.tell(DONE)
    waiter.tell(RUNNING)
    assert waiter.record == DONE
    assert await waiter.ended() == DONE


async def test_a_result_after_an_ending_of_ours_is_what_is_given() -> None:
    waiter = Waiter("av_1", {})
    waiter.tell(expiry("av_1", NOW))
    waiter.tell(DONE)
    assert await waiter.ended() == DONE


# Hints, and when they fail


async def test_only_what_is_awaited_here_is_read() -> None:
    waiters = quick(store := a_store())
    async with listening(waiters):
        await waiters.subscribed()
        waiting = asyncio.create_task(wait_for_ending(waiters))
        await idle()
        await store.put(accepted("av_2", "svc-2"))
        await idle()
        await store.put(DONE)
        await waiting
    assert set(store.gets) == {frozenset({"av_1"})}


async def test_a_hint_about_one_task_reads_that_one() -> None:
    waiters = quick(store := a_store())
    async with listening(waiters):
        await waiters.subscribed()
        with waiters.join("av_2"), waiters.join("av_1") as waiter:
            await store.put(DONE)
            await waiter.ended()
    assert store.gets == [frozenset({"av_1"})]


async def test_lost_hints_are_made_up_for_by_reading_again() -> None:
    waiters = quick(store := a_store(deaf=True))
    async with listening(waiters, reread=True):
        waiting = asyncio.create_task(wait_for_ending(waiters))
        await idle()
        await store.put(DONE)
        assert await waiting == DONE


async def test_nothing_is_read_while_nobody_awaits() -> None:
    waiters = quick(store := a_store())
    async with listening(waiters, reread=True):
        await waiters.subscribed()
        with waiters.join("av_1") as waiter:
            while not store.gets:
                await waiter.changed(0.001)
        seen = len(store.gets)
        with waiters.join("av_2") as waiter:
            while len(store.gets) == seen:
                await waiter.changed(0.001)
    assert store.gets[seen:] == [frozenset({"av_2"})] * (len(store.gets) - seen)


@pytest.mark.parametrize(("draw", "seconds"), [(0.0, 12.0), (0.5, 15.0), (1.0, 18.0)])
def test_reading_again_is_spread_by_a_fifth(draw: float, seconds: float) -> None:
    assert spread(15.0, draw) == pytest.approx(seconds)


async def test_an_empty_hint_means_everything_awaited_is_read() -> None:
    waiters = quick(store := a_store())
    store.forgetful = True
    async with listening(waiters):
        waiting = asyncio.create_task(wait_for_ending(waiters))
        await idle()
        await store.put(DONE)
        assert await waiting == DONE


async def test_a_store_that_is_down_at_the_first_read_is_read_again(caplog: pytest.LogCaptureFixture) -> None:
    waiters = quick(store := a_store("get"))
    await store.put(DONE)
    async with listening(waiters, reread=True):
        waiting = asyncio.create_task(wait_for_ending(waiters))
        await idle()
        assert not waiting.done()
        store.down.clear()
        assert await waiting == DONE
    assert "could not be read" in caplog.text


@pytest.mark.parametrize("lost", ["changes", "hints"])
async def test_a_lost_subscription_is_made_anew_and_everything_read_again(
    lost: str, caplog: pytest.LogCaptureFixture
) -> None:
    waiters = quick(store := a_store(lost))
    async with listening(waiters):
        waiting = asyncio.create_task(wait_for_ending(waiters))
        await idle()
        await store.put(DONE)
        await idle()
        store.down.clear()
        assert await waiting == DONE
        assert store.subscriptions > 1
    assert "trying again" in caplog.text


async def test_every_hint_and_every_new_subscription_is_told() -> None:
    told: list[int] = []
    store = a_store()
    waiters = Waiters(store, on_hint=lambda: told.append(len(told)))
    async with listening(waiters):
        await waiters.subscribed()
        await idle()
        assert told == [0]
        await store.put(accepted("av_2", "svc-2"))
        await idle()
        assert told == [0, 1]
