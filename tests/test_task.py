from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

import pytest

from aivideo_async.catalog import Sora2
from aivideo_async.core import lifecycle
from aivideo_async.core.errors import (
    AIVideoError,
    ClientClosedError,
    InsufficientCreditsError,
    SubmissionInDoubtError,
    TaskFailedError,
    TaskTimeoutError,
)
from aivideo_async.core.models import Failure, Output, TaskRecord, TaskStatus, moment
from aivideo_async.stores import MemoryStore
from aivideo_async.supervise import Supervisor
from aivideo_async.task import GenerationTask, doubt
from aivideo_async.waiters import Waiters
from tests.doubles import NOW, a_record

RESULT = Output(task_id="av_1", urls=("https://cdn.example.com/a.mp4",), metadata={"duration": 4, "ratio": "9:16"})


class Owner:
    """A client as far as a handle can see."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.open_waiters: Waiters | None = Waiters(self.store)
        self.hopeless: AIVideoError | None = None
        self.answer: TaskRecord | None = None
        self.doubt_after: float | None = None

    def waiters(self) -> Waiters:
        if self.open_waiters is None:
            raise ClientClosedError("closed")
        return self.open_waiters

    def waiting_is_hopeless(self, record: TaskRecord) -> AIVideoError | None:
        return self.hopeless

    def status_of(self, record: TaskRecord) -> TaskStatus:
        return lifecycle.status_at(record, moment(NOW), 120.0)

    async def ask(self, record: TaskRecord) -> TaskRecord:
        assert self.answer is not None
        return self.answer

    async def store_again(self, record: TaskRecord) -> TaskRecord:
        return (await self.store.put(record)).record

    def doubtful_in(self, record: TaskRecord) -> float | None:
        return self.doubt_after

    async def end(self, status: TaskStatus, *, output: Output | None = None, failure: Failure | None = None) -> None:
        await self.store.put(a_record(status=status, ended_at=moment(NOW), output=output, failure=failure))


@pytest.fixture
async def owner() -> Owner:
    return Owner()


async def handle(owner: Owner, *, request: Sora2 | None = None) -> GenerationTask:
    record = (await owner.store.put(a_record(request=request))).record
    return GenerationTask(owner, record)


async def listening(owner: Owner) -> Supervisor:
    supervisor = Supervisor("test")
    await supervisor.start()
    supervisor.spawn(owner.waiters().listen)
    await owner.waiters().subscribed()
    return supervisor


async def test_three_awaiters_get_the_same_result_and_cancelling_one_hurts_no_other(owner: Owner) -> None:
    task = await handle(owner)
    supervisor = await listening(owner)
    waits = [asyncio.ensure_future(task.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    waits[0].cancel()
    await owner.end(TaskStatus.COMPLETED, output=RESULT)
    assert await asyncio.gather(*waits[1:]) == [RESULT, RESULT]
    assert waits[0].cancelled()
    assert task.id not in owner.waiters().awaited()
    await supervisor.stop()


async def test_a_task_that_has_ended_is_answered_from_the_store(owner: Owner) -> None:
    task = await handle(owner)
    await owner.end(TaskStatus.COMPLETED, output=RESULT)
    assert await task == RESULT
    assert await task == RESULT
    assert task.status is TaskStatus.COMPLETED


async def test_each_awaiter_raises_its_own_failure(owner: Owner) -> None:
    task = await handle(owner)
    await owner.end(TaskStatus.FAILED, failure=Failure(message="sensitive", code="upstream_error"))
    errors: list[BaseException] = []
    for _ in range(2):
        with pytest.raises(TaskFailedError) as caught:
            await task
        errors.append(caught.value)
        assert (caught.value.code, caught.value.charged, caught.value.task) == ("upstream_error", "no", task)
    assert errors[0] is not errors[1]


async def test_a_failure_without_words_still_says_something(owner: Owner) -> None:
    task = await handle(owner)
    await owner.end(TaskStatus.FAILED)
    with pytest.raises(TaskFailedError, match="ended as failed"):
        await task


async def test_a_refused_task_raises_its_own_error_again(owner: Owner) -> None:
    task = await handle(owner)
    await owner.end(TaskStatus.REFUSED, failure=Failure(message="402 short", code="insufficient_credits", status=402))
    with pytest.raises(InsufficientCreditsError):
        await task


async def test_an_expired_task_is_a_timeout_that_offers_the_handle(owner: Owner) -> None:
    task = await handle(owner)
    await owner.end(TaskStatus.EXPIRED, failure=Failure(message="over", charged="unknown"))
    with pytest.raises(TaskTimeoutError, match="over") as caught:
        await task
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.task is task


async def test_a_wait_that_runs_out_leaves_the_task_awaitable(owner: Owner) -> None:
    task = await handle(owner)
    with pytest.raises(TaskTimeoutError, match="has not ended after 0 s"):
        await task.wait(timeout=0)
    await owner.end(TaskStatus.COMPLETED, output=RESULT)
    assert await task.wait(timeout=5) == RESULT


async def test_a_timeout_of_the_caller_stays_the_callers(owner: Owner) -> None:
    task = await handle(owner)
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(0):
            await task.wait(timeout=60)
    assert not isinstance(caught.value, TaskTimeoutError)


class ImpatientStore(MemoryStore):
    """Has a time-out of its own, and lets it out."""

    async def get(self, ids: Collection[str], /) -> Mapping[str, TaskRecord]:
        raise TimeoutError("the driver gave up")


async def test_a_timeout_of_the_store_is_not_the_waits(owner: Owner) -> None:
    owner.open_waiters = Waiters(ImpatientStore())
    with pytest.raises(TimeoutError, match="the driver gave up"):
        await GenerationTask(owner, a_record()).wait(timeout=60)


async def test_a_hopeless_wait_raises_why(owner: Owner) -> None:
    task = await handle(owner)
    owner.hopeless = doubt(task, "nobody will tell")
    with pytest.raises(SubmissionInDoubtError, match="nobody will tell"):
        await task


async def test_a_handle_of_a_closed_client_says_so(owner: Owner) -> None:
    task = await handle(owner)
    owner.open_waiters = None
    for call in (task.wait, task.refresh):
        with pytest.raises(ClientClosedError):
            await call()


async def test_refresh_reads_the_store(owner: Owner) -> None:
    task = await handle(owner)
    await owner.end(TaskStatus.COMPLETED, output=RESULT)
    assert task.status is TaskStatus.PENDING
    assert (await task.refresh()).status is TaskStatus.COMPLETED


async def test_refresh_can_ask_the_service(owner: Owner) -> None:
    task = await handle(owner)
    owner.answer = a_record(status=TaskStatus.PROCESSING)
    assert (await task.refresh(ask=True)).status is TaskStatus.PROCESSING
    assert task.service_id == "svc-av_1"


async def test_updates_give_each_change_and_end_with_the_ending(owner: Owner) -> None:
    task = await handle(owner)
    supervisor = await listening(owner)
    seen: list[TaskStatus] = []
    async for record in task.updates():
        seen.append(record.status)
        if record.status is TaskStatus.PENDING:
            await owner.store.put(a_record(status=TaskStatus.PROCESSING))
        elif record.status is TaskStatus.PROCESSING:
            await owner.end(TaskStatus.COMPLETED, output=RESULT)
    assert seen == [TaskStatus.PENDING, TaskStatus.PROCESSING, TaskStatus.COMPLETED]
    await supervisor.stop()


async def test_what_differs_from_the_request_is_shown(owner: Owner) -> None:
    request = Sora2(prompt="x", duration=12, size="1280x720")
    task = await handle(owner, request=request)
    before = task.mismatches
    await owner.end(TaskStatus.COMPLETED, output=RESULT)
    await task.refresh()
    assert before == ()
    assert task.mismatches == ("duration: asked for 12, got 4", "ratio: asked for 16:9, got 9:16")
