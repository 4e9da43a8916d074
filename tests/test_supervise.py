from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

import aivideo_async
from aivideo_async.core.errors import ClientClosedError
from aivideo_async.supervise import Supervisor, finish, first_of, together

PACKAGE = Path(aivideo_async.__file__).parent
STARTERS = {"create_task", "ensure_future", "TaskGroup", "gather", "run_coroutine_threadsafe", "create_task_group"}


def starters_in(source: str) -> Iterator[str]:
    """What a module calls that starts tasks, other than on a supervisor."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = node.func
            name = (
                called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
            )
            if name in STARTERS:
                yield name


class Work:
    """A background job that tells when it runs, and ends when told or cancelled."""

    def __init__(self) -> None:
        self.running = asyncio.Event()
        self.release = asyncio.Event()
        self.ended: str | None = None

    async def __call__(self) -> str:
        self.running.set()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            self.ended = "cancelled"
            raise
        self.ended = "finished"
        return "result"


async def fail(error: BaseException) -> None:
    raise error


async def supervised(work: Work) -> str:
    return await work()


async def a_supervisor(failures: list[BaseException] | None = None) -> Supervisor:
    supervisor = Supervisor("test", on_failure=None if failures is None else failures.append)
    await supervisor.start()
    return supervisor


# The one owner


def test_nothing_else_in_the_package_starts_tasks() -> None:
    modules = [path for path in PACKAGE.rglob("*.py") if path.parent.name != "store_contract"]  # those are tests
    found = {str(path.relative_to(PACKAGE)): set(starters_in(path.read_text())) for path in modules}
    # The second runs for threads what they wait for, in a loop that it owns and ends.
    assert {name for name, starters in found.items() if starters} == {"supervise.py", "own_loop.py"}
    assert found["own_loop.py"] == {"run_coroutine_threadsafe"}


@pytest.mark.parametrize(
    "source",
    [
        "asyncio.create_task(x())",
        "loop.create_task(x())",
        "from asyncio import create_task as c, gather\nawait gather(x(), y())",
        "async def f():\n  async with asyncio.TaskGroup() as g: pass",
        "def f():\n  asyncio.ensure_future(x())",
    ],
)
def test_the_search_for_starters_finds_them(source: str) -> None:
    assert list(starters_in(source))


def test_a_shield_starts_nothing() -> None:
    assert not list(starters_in("await asyncio.shield(future)"))


# Starting and stopping


async def test_what_is_spawned_runs_and_can_be_awaited() -> None:
    supervisor, work = await a_supervisor(), Work()
    task = supervisor.spawn(supervised, work)
    work.release.set()
    assert await task == "result"
    await supervisor.stop()


async def test_stop_cancels_what_runs_and_awaits_it() -> None:
    failures: list[BaseException] = []
    supervisor, several = await a_supervisor(failures), [Work(), Work()]
    for work in several:
        supervisor.spawn(supervised, work)
        await work.running.wait()
    await supervisor.stop()
    assert [work.ended for work in several] == ["cancelled", "cancelled"]
    assert not failures


async def test_it_may_be_started_in_one_task_and_stopped_in_another() -> None:
    work = Work()
    supervisor = await asyncio.create_task(a_supervisor())
    supervisor.spawn(supervised, work)
    await asyncio.create_task(supervisor.stop())
    assert not supervisor.running


async def test_it_may_be_started_again_after_it_was_stopped() -> None:
    supervisor = await a_supervisor()
    await supervisor.stop()
    await supervisor.start()
    assert await supervisor.spawn(asyncio.sleep, 0, "again") == "again"
    await supervisor.stop()


async def test_it_is_not_started_twice() -> None:
    supervisor = await a_supervisor()
    with pytest.raises(RuntimeError, match="started already"):
        await supervisor.start()
    await supervisor.stop()


async def test_stopping_twice_or_what_never_ran_is_nothing() -> None:
    await Supervisor("test").stop()
    supervisor = await a_supervisor()
    await supervisor.stop()
    await supervisor.stop()


async def test_nothing_is_spawned_before_start_and_after_stop() -> None:
    supervisor, work = Supervisor("test"), Work()
    with pytest.raises(ClientClosedError, match="test is not running"):
        supervisor.spawn(supervised, work)
    await supervisor.start()
    await supervisor.stop()
    with pytest.raises(ClientClosedError, match="test is not running"):
        supervisor.spawn(supervised, work)


async def test_a_cancelled_start_leaves_nothing_running() -> None:
    failures: list[BaseException] = []
    supervisor = Supervisor("test", on_failure=failures.append)
    before = asyncio.all_tasks()
    starting = asyncio.create_task(supervisor.start())
    await asyncio.sleep(0)
    starting.cancel()
    await asyncio.wait([starting])
    assert starting.cancelled()
    assert asyncio.all_tasks() == before
    assert not supervisor.running
    assert not failures


async def test_a_cancelled_stop_leaves_nothing_running() -> None:
    failures: list[BaseException] = []
    supervisor, work = await a_supervisor(failures), Work()
    supervisor.spawn(supervised, work)
    await work.running.wait()
    stopping = asyncio.create_task(supervisor.stop())
    await asyncio.sleep(0)
    stopping.cancel()
    await asyncio.wait([stopping])
    assert stopping.cancelled()
    assert work.ended == "cancelled"
    assert not failures


# Failing


async def test_a_failing_task_ends_the_supervisor_and_stop_raises_what_it_was() -> None:
    failures: list[BaseException] = []
    supervisor, sibling, error = await a_supervisor(failures), Work(), ValueError("bad")
    supervisor.spawn(supervised, sibling)
    await sibling.running.wait()
    await asyncio.wait([supervisor.spawn(fail, error)])
    with pytest.raises(ValueError, match="bad") as caught:
        await supervisor.stop()
    assert caught.value is error
    assert sibling.ended == "cancelled"
    assert failures == [error]


async def test_nothing_is_spawned_while_a_failed_supervisor_closes_down() -> None:
    supervisor, sibling = await a_supervisor(), Work()
    supervisor.spawn(supervised, sibling)
    await sibling.running.wait()
    await asyncio.wait([supervisor.spawn(fail, ValueError("bad"))])
    assert sibling.ended is None
    with pytest.raises(ClientClosedError, match="not running"):
        supervisor.spawn(supervised, Work())
    with pytest.raises(ValueError, match="bad"):
        await supervisor.stop()


async def test_a_failure_while_stopping_is_raised_too() -> None:
    failures: list[BaseException] = []

    async def clean_up_badly() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("cannot clean up")

    supervisor = await a_supervisor(failures)
    supervisor.spawn(clean_up_badly)
    await asyncio.sleep(0)
    with pytest.raises(ValueError, match="cannot clean up"):
        await supervisor.stop()
    assert len(failures) == 1


async def test_a_task_that_is_cancelled_alone_fails_nobody() -> None:
    supervisor, cancelled, sibling = await a_supervisor(), Work(), Work()
    task = supervisor.spawn(supervised, cancelled)
    supervisor.spawn(supervised, sibling)
    await cancelled.running.wait()
    task.cancel()
    await asyncio.wait([task])
    assert supervisor.running
    assert sibling.ended is None
    await supervisor.stop()


async def test_being_cancelled_from_outside_is_a_failure() -> None:
    failures: list[BaseException] = []
    before = asyncio.all_tasks()
    supervisor = await a_supervisor(failures)
    (main,) = asyncio.all_tasks() - before
    main.cancel()
    await asyncio.wait([main])
    assert [type(failure) for failure in failures] == [asyncio.CancelledError]
    assert not supervisor.running


async def test_a_supervisor_that_nobody_listens_to_fails_all_the_same() -> None:
    supervisor = await a_supervisor()
    await asyncio.wait([supervisor.spawn(fail, ValueError("bad"))])
    with pytest.raises(ValueError, match="bad"):
        await supervisor.stop()


def test_the_first_of_a_group_is_the_first_plain_error() -> None:
    plain = ValueError("bad")
    assert first_of(plain) is plain
    assert first_of(ExceptionGroup("a", [ExceptionGroup("b", [plain]), TypeError("later")])) is plain


# What must not stop half-way


async def test_finish_gives_the_result() -> None:
    assert await finish(asyncio.sleep(0, "result")) == "result"


async def test_finish_raises_what_the_work_raises() -> None:
    with pytest.raises(ValueError, match="bad"):
        await finish(fail(ValueError("bad")))


async def test_finish_goes_on_when_it_is_cancelled_and_then_raises_that() -> None:
    work = Work()
    finishing = asyncio.create_task(finish(work()))
    await work.running.wait()
    for _ in range(3):
        finishing.cancel()
        await asyncio.sleep(0)
    assert not finishing.done()
    work.release.set()
    await asyncio.wait([finishing])
    assert finishing.cancelled()
    assert work.ended == "finished"


async def test_a_cancelled_finish_whose_work_fails_is_still_cancelled() -> None:
    started, release = asyncio.Event(), asyncio.Event()

    async def fail_later() -> None:
        started.set()
        await release.wait()
        raise ValueError("bad")

    finishing = asyncio.create_task(finish(fail_later()))
    await started.wait()
    finishing.cancel()
    await asyncio.sleep(0)
    release.set()
    with pytest.raises(asyncio.CancelledError) as caught:
        await finishing
    assert isinstance(caught.value.__cause__, ValueError)


async def test_finish_of_work_that_was_cancelled_itself_is_cancelled() -> None:
    future = asyncio.get_running_loop().create_future()
    finishing = asyncio.create_task(finish(future))
    await asyncio.sleep(0)
    finishing.cancel()
    await asyncio.sleep(0)
    future.cancel()
    await asyncio.wait([finishing])
    assert finishing.cancelled()


async def test_a_timeout_around_finish_is_a_timeout_after_the_work() -> None:
    work = Work()

    async def in_time() -> None:
        async with asyncio.timeout(0):
            await finish(work())

    waiting = asyncio.create_task(in_time())
    await work.running.wait()
    for _ in range(3):
        await asyncio.sleep(0)
    work.release.set()
    with pytest.raises(TimeoutError):
        await waiting
    assert work.ended == "finished"


async def one_of(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def test_together_gives_the_results_in_order() -> None:
    assert await together(*(one_of(value) for value in range(3))) == [0, 1, 2]


async def test_together_the_first_failure_cancels_the_others_and_is_raised_as_itself() -> None:
    cancelled = asyncio.Event()

    async def fails() -> None:
        raise ZeroDivisionError

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with pytest.raises(ZeroDivisionError):
        await together(waits(), fails())
    assert cancelled.is_set()


async def test_nothing_is_spawned_while_the_loop_itself_is_shut_down() -> None:
    supervisor, refused = Supervisor("test"), asyncio.Event()

    async def spawning() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            with pytest.raises(ClientClosedError):
                supervisor.spawn(spawning)
            refused.set()

    await supervisor.start()
    supervisor.spawn(spawning)
    await asyncio.sleep(0)
    assert supervisor._main is not None
    supervisor._main.cancel()
    await refused.wait()
    with pytest.raises(asyncio.CancelledError):
        await supervisor.stop()
