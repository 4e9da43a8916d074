from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import anyio
import pytest

from aivideo_async import Client
from aivideo_async.batch import AHEAD, Batch
from aivideo_async.batch_items import BatchItem
from aivideo_async.catalog import Sora2
from aivideo_async.core.errors import (
    AuthenticationError,
    BudgetExceededError,
    ClientClosedError,
    ConfigurationError,
    DownloadError,
    SubmissionInDoubtError,
    TaskFailedError,
)
from aivideo_async.core.models import Failure, GenerationRequest, Output, TaskRecord, TaskStatus
from aivideo_async.core.retry import RetryPolicy
from aivideo_async.download import DownloadedFile
from aivideo_async.spending import Budget
from aivideo_async.stores import MemoryStore, Query
from tests.doubles import BROKE_OFF, ORIGIN, CannedTransport, Held, ManualClock, accepted, refused, until

HOOK = "https://hooks.example.com/aivideo"


def clips(count: int) -> list[GenerationRequest]:
    return [Sora2(prompt=f"clip {number}", duration=4) for number in range(count)]


class House:
    """A client whose tasks end when told, by their prompts; ``automatic`` ends each as soon as it is accepted."""

    def __init__(self, *creates: object, automatic: bool = True, store: MemoryStore | None = None) -> None:
        self.transport = CannedTransport(*creates)  # type: ignore[arg-type]  # canned answers
        self.store = store or MemoryStore()
        self.clock = ManualClock()
        self.automatic = automatic
        self.client = Client(
            "sk-test",
            base_url=ORIGIN,
            callback_url=HOOK,
            transport=self.transport,
            store=self.store,
            body_form="nested",
            retry=RetryPolicy(attempts=2, base=0.0, cap=0.0),
            clock=self.clock,
        )
        self.failing: set[str] = set()
        self._ending: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.client.__aenter__()
        if self.automatic:
            self._ending = asyncio.create_task(self._end_all())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._ending is not None:
            self._ending.cancel()
        await self.client.__aexit__(None, None, None)

    async def _end_all(self) -> None:
        while True:
            for record in await self.records(unfinished=True):
                if record.service_id is not None:
                    await self.end(record)
            await asyncio.sleep(0)

    async def end(self, record: TaskRecord) -> None:
        if prompt_of(record) in self.failing:
            failure = Failure(message="no", code="upstream_error")
            news = TaskRecord(id=record.id, origin=ORIGIN, status=TaskStatus.FAILED, failure=failure)
        else:
            output = Output(task_id=record.id, urls=("https://cdn.example.com/a.mp4",))
            news = TaskRecord(id=record.id, origin=ORIGIN, status=TaskStatus.COMPLETED, output=output)
        await self.store.put(news)

    async def records(self, *, unfinished: bool = False) -> list[TaskRecord]:
        return [record async for record in self.store.scan(Query(unfinished=unfinished))]

    @property
    def creates(self) -> int:
        return sum(request.method == "POST" for request in self.transport.sent)


def prompt_of(record: TaskRecord) -> str:
    return "" if record.request is None else str(record.request.fields()["prompt"])


async def ended(batch: Batch) -> list[BatchItem]:
    async with batch:
        return [item async for item in batch]


def endings(items: Sequence[BatchItem]) -> dict[int, str]:
    return {item.index: item.ending for item in items}


# Items and their order


async def test_every_request_is_an_item_and_one_failure_ends_nothing() -> None:
    async with House(refused(401, "invalid_api_key")) as house:
        house.failing = {"clip 3"}
        items = await ended(Batch(house.client, clips(6), concurrency=2))
    assert endings(items) == {0: "failed", 1: "completed", 2: "completed", 3: "failed", 4: "completed", 5: "completed"}
    errors = {item.index: item.error for item in items}
    assert isinstance(errors[0], AuthenticationError)
    assert isinstance(errors[3], TaskFailedError)
    assert all((item.output is None) == (item.error is not None) for item in items)


async def test_items_come_as_they_end_or_in_the_order_of_the_requests() -> None:
    for ordered, expected in ((False, [2, 0, 1]), (True, [0, 1, 2])):
        async with (
            House(automatic=False) as house,
            Batch(house.client, clips(3), ordered=ordered) as batch,
        ):
            given = asyncio.create_task(collected(batch))
            while house.creates < 3:
                await asyncio.sleep(0)
            for index in (2, 0, 1):
                (record,) = [r for r in await house.records(unfinished=True) if prompt_of(r) == f"clip {index}"]
                await until_pending(house, record.id)
                await house.end(record)
                while batch.progress.ended < {2: 1, 0: 2, 1: 3}[index]:
                    await asyncio.sleep(0)
            assert [item.index for item in await given] == expected


async def until_pending(house: House, id: str) -> None:
    while (await house.store.get((id,)))[id].service_id is None:
        await asyncio.sleep(0)


async def collected(batch: Batch) -> list[BatchItem]:
    return [item async for item in batch]


async def test_no_more_are_unfinished_at_once_than_was_said() -> None:
    seen: list[int] = []
    async with House() as house:
        house.transport.on_create = lambda _request: seen.append(batch.progress.running)
        batch = Batch(house.client, clips(20), concurrency=3)
        await ended(batch)
    assert max(seen) == 3


async def test_requests_are_taken_only_as_their_items_are() -> None:
    taken = 0

    def endless() -> Iterator[GenerationRequest]:
        nonlocal taken
        while True:
            taken += 1
            yield Sora2(prompt=f"clip {taken}", duration=4)

    async with House() as house, Batch(house.client, endless(), concurrency=2) as batch:
        assert batch.progress.total is None
        await until(lambda: batch.progress.ended == 2 * AHEAD)
        for _ in range(50):
            await asyncio.sleep(0)
        assert taken == 2 * AHEAD
        await anext(batch)
        await until(lambda: taken == 2 * AHEAD + 1)


@pytest.mark.parametrize("ordered", [False, True])
async def test_what_was_given_does_not_stay_in_memory(*, ordered: bool) -> None:
    async def many() -> AsyncIterator[GenerationRequest]:
        for number in range(400):
            yield Sora2(prompt=f"clip {number}", duration=4)

    async with (
        House(store=MemoryStore(keep_at_most=10)) as house,
        Batch(house.client, many(), concurrency=4, ordered=ordered) as batch,
    ):
        count = 0
        async for _item in batch:
            count += 1
        gc.collect()
        left = sum(isinstance(thing, BatchItem) for thing in gc.get_objects())
    assert count == 400
    assert left <= 4 * AHEAD


async def test_leaving_early_ends_the_waits_and_not_the_tasks() -> None:
    async with House(automatic=False) as house:
        async with Batch(house.client, clips(3)):
            await until(lambda: house.creates == 3)
        statuses = {record.status for record in await house.records()}
        assert statuses <= {TaskStatus.PENDING, TaskStatus.SUBMITTING}
        await until(lambda: not house.client._usable().submitter._jobs)
        assert {record.status for record in await house.records()} == {TaskStatus.PENDING}
        assert house.client.owner.waiters().awaited() == set()


async def test_what_only_waits_has_no_task_of_its_own() -> None:
    async with House(automatic=False) as house:
        before = len(asyncio.all_tasks())
        async with Batch(house.client, clips(200), concurrency=200) as batch:
            await until(lambda: len(house.client.owner.waiters().awaited()) == 200)
            assert len(asyncio.all_tasks()) <= before + house.client.max_concurrency + 5
            house._ending = asyncio.create_task(house._end_all())
            assert endings([item async for item in batch]) == dict.fromkeys(range(200), "completed")


async def test_the_record_that_wakes_an_item_is_not_read_again() -> None:
    class Counted(MemoryStore):
        reads = 0

        async def get(self, ids: Collection[str]) -> Mapping[str, TaskRecord]:
            self.reads += 1
            return await super().get(ids)

    async with House(automatic=False, store=(store := Counted())) as house, Batch(house.client, clips(1)) as batch:
        await until(lambda: len(house.client.owner.waiters().awaited()) == 1)
        before = store.reads
        await house.end((await house.records())[0])
        assert (await anext(batch)).ending == "completed"
        assert store.reads == before + 1


async def test_who_is_woken_without_an_ending_waits_on() -> None:
    async with House(automatic=False) as house, Batch(house.client, clips(2)) as batch:
        await until(lambda: len(house.client.owner.waiters().awaited()) == 2)
        house.client.owner.waiters().interrupt()
        await until(lambda: len(house.client.owner.waiters().awaited()) == 2)
        house._ending = asyncio.create_task(house._end_all())
        assert endings([item async for item in batch]) == {0: "completed", 1: "completed"}


async def test_an_ending_after_the_batch_was_left_wakes_nobody() -> None:
    async with House(automatic=False) as house:
        async with Batch(house.client, clips(3)):
            await until(lambda: len(house.client.owner.waiters().awaited()) == 3)
        for record in await house.records():
            await house.end(record)
        assert {record.status for record in await house.records()} == {TaskStatus.COMPLETED}


async def test_a_source_is_closed_when_the_batch_is_left_early() -> None:
    closed: list[str] = []

    async def endless() -> AsyncIterator[GenerationRequest]:
        try:
            while True:
                yield Sora2(prompt="clip", duration=4)
        finally:
            closed.append("closed")

    async with House() as house, Batch(house.client, endless(), concurrency=2) as batch:
        await anext(batch)
    gc.collect()
    await until(lambda: closed == ["closed"])


async def test_cancelling_the_loop_loses_no_item() -> None:
    async with House(automatic=False) as house, Batch(house.client, clips(1)) as batch:
        waiting = asyncio.create_task(anext(batch))
        await until(lambda: house.creates == 1)
        waiting.cancel()
        await asyncio.wait([waiting])
        house._ending = asyncio.create_task(house._end_all())
        assert (await anext(batch)).ending == "completed"


async def test_what_the_source_raises_comes_when_all_that_was_begun_has_been_given() -> None:
    def broken() -> Iterator[GenerationRequest]:
        yield from clips(2)
        raise LookupError("no more rows")

    async with House() as house, Batch(house.client, broken()) as batch:
        given = [await anext(batch), await anext(batch)]
        with pytest.raises(LookupError):
            await anext(batch)
        assert {item.index for item in given} == {0, 1}


async def test_a_client_that_closes_ends_the_batch() -> None:
    async with House(automatic=False) as house:
        async with Batch(house.client, clips(2)) as batch:
            await until(lambda: house.creates == 2)
            closing = asyncio.create_task(house.client.__aexit__())
            with pytest.raises(ClientClosedError):
                await anext(batch)
        await closing


async def test_a_batch_that_fails_unseen_raises_when_it_is_left() -> None:
    house = House(automatic=False)
    await house.client.__aenter__()
    batch = Batch(house.client, clips(1))
    await batch.__aenter__()
    await house.client.__aexit__()
    await until(lambda: batch._failure is not None)
    with pytest.raises(ClientClosedError):
        await batch.__aexit__(None, None, None)


@pytest.mark.parametrize("settings", [{"concurrency": 0}, {"name": ""}, {"name": "x" * 129}, {"name": "av_1"}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        Batch(Client("sk-test"), [], **settings)  # type: ignore[arg-type]  # settings by name


# Money


async def test_what_is_over_the_budget_is_an_item_and_nothing_is_sent_for_it() -> None:
    budget = Budget(credits=250)
    async with House() as house:
        items = await ended(Batch(house.client, clips(5), budget=budget, ordered=True))
    assert [item.ending for item in items] == ["completed"] * 2 + ["over_budget"] * 3
    assert all(isinstance(item.error, BudgetExceededError) for item in items[2:])
    assert (house.creates, int(budget.left)) == (2, 50)
    assert [int(item.credits) for item in items] == [100, 100, 0, 0, 0]


async def test_progress_counts_items_credits_and_time() -> None:
    async with House() as house:
        house.failing = {"clip 1"}
        async with Batch(house.client, clips(3), concurrency=1) as batch:
            async for _item in batch:
                pass
            progress = batch.progress
    assert (progress.total, progress.ended, progress.running) == (3, 3, 0)
    assert (progress.completed, progress.failed, int(progress.spent), int(progress.reserved)) == (2, 1, 200, 0)
    assert (progress.left, progress.elapsed > 0) == (0.0, True)


async def test_a_fallback_that_is_too_dear_passes_the_budget_again() -> None:
    async with House() as house:
        house.failing = {"clip 0"}
        (item,) = await ended(Batch(house.client, clips(1), budget=Budget(credits=100), fallbacks=["kling-3.0"]))
    assert [type(attempt.error) for attempt in item.attempts] == [TaskFailedError, BudgetExceededError]
    assert (item.ending, house.creates) == ("failed", 1)


async def test_a_fallback_tells_the_whole_story() -> None:
    async with House(refused(503, "upstream_error")) as house:
        (item,) = await ended(Batch(house.client, clips(1), fallbacks=["kling-3.0"]))
    assert (item.ending, item.attempts[1].request.model, int(item.credits)) == ("completed", "kling-3.0", 112)
    assert item.record is not None
    assert item.record.model == "kling-3.0"


# In doubt


async def test_a_create_in_doubt_ends_as_such_when_its_last_callback_would_have_come() -> None:
    async with House(BROKE_OFF, automatic=False) as house, Batch(house.client, clips(1)) as batch:
        house.clock.advance(0.0)
        waiting = asyncio.create_task(anext(batch))
        await until(lambda: house.creates == 1)
        await asyncio.sleep(0)
        assert not waiting.done()
    async with House(BROKE_OFF, automatic=False) as house:
        house.transport.on_create = lambda _request: house.clock.advance(7 * 3600.0)
        (item,) = await ended(Batch(house.client, clips(1), fallbacks=["kling-3.0"]))
        assert item.ending == "in_doubt"
        assert isinstance(item.error, SubmissionInDoubtError)
        assert (len(item.attempts), house.creates) == (1, 1)


async def test_a_create_in_doubt_whose_callback_comes_is_completed() -> None:
    async with House(BROKE_OFF, automatic=False) as house, Batch(house.client, clips(1)) as batch:
        waiting = asyncio.create_task(anext(batch))
        await until(lambda: batch.progress.running == 1 and house.creates == 1)
        while not (records := [r for r in await house.records() if r.status is TaskStatus.IN_DOUBT]):
            await asyncio.sleep(0)
        await house.end(records[0])
        assert (await waiting).ending == "completed"


# Resumed


async def test_a_batch_with_a_name_goes_on_where_it_stopped() -> None:
    store = MemoryStore()
    async with store:
        async with House(store=store, automatic=False) as house, Batch(house.client, clips(4)[:2], name="cats"):
            await until(lambda: house.creates == 2)
            await until(lambda: not house.client._usable().submitter._jobs)
            await house.end((await house.records())[0])
        async with House(store=store) as house:
            house.transport._numbers = iter(range(10, 20))  # type: ignore[assignment]  # a service goes on counting
            items = await ended(Batch(house.client, clips(4), name="cats", ordered=True))
            assert [item.ending for item in items] == ["completed"] * 4
            assert [item.resumed for item in items][2:] == [False, False]
            assert any(item.resumed for item in items)
            assert house.creates == 2
            again = Batch(house.client, clips(4), name="cats")
            assert endings(await ended(again)) == endings(items)
            assert (house.creates, again.progress.resumed) == (2, 4)


async def test_a_resumed_batch_has_the_budget_that_the_uninterrupted_one_would_have() -> None:
    store = MemoryStore()
    async with store, House(store=store) as house:
        await ended(Batch(house.client, clips(9), name="cats"))
        budget = Budget(credits=1050)
        items = await ended(Batch(house.client, clips(12), name="cats", budget=budget, ordered=True))
    assert [item.ending for item in items] == ["completed"] * 10 + ["over_budget"] * 2
    assert (int(budget.spending().spent), int(budget.left)) == (1000, 50)


async def test_what_the_service_refused_for_good_is_not_sent_again() -> None:
    store = MemoryStore()
    async with store, House(refused(400, "invalid_request"), refused(404, "model_not_found"), store=store) as house:
        items = await ended(Batch(house.client, clips(2), name="cats", concurrency=1, ordered=True))
        again = await ended(Batch(house.client, clips(2), name="cats", ordered=True))
    assert house.creates == 2
    assert [str(item.error) for item in items] == [str(item.error) for item in again]


async def test_what_is_in_doubt_is_sent_again_only_when_that_is_wanted() -> None:
    store = MemoryStore()
    async with store, House(BROKE_OFF, store=store) as house:
        house.transport.on_create = lambda _request: house.clock.advance(7 * 3600.0)
        for resubmit, ending, creates in ((False, "in_doubt", 1), (False, "in_doubt", 1), (True, "completed", 2)):
            batch = Batch(house.client, clips(1), name="cats", resubmit_in_doubt=resubmit)
            assert endings(await ended(batch)) == {0: ending}
            assert house.creates == creates
        batch = Batch(house.client, clips(1), name="cats")
        assert endings(await ended(batch)) == {0: "completed"}
        assert house.creates == 2
        assert sorted(str(record.key)[-6:] == "/again" for record in await house.records()) == [False, True]


async def test_what_a_killed_process_left_without_an_answer_is_uncertain_in_the_budget() -> None:
    store, budget, held = MemoryStore(), Budget(credits=100), Held(accepted("a"))
    async with store, House(held, store=store, automatic=False) as house:
        sending = asyncio.create_task(ended(Batch(house.client, clips(1), name="cats")))
        await until(lambda: bool(house.client._usable().submitter._jobs))
        while not [record for record in await house.records() if record.sent_at is not None]:
            await asyncio.sleep(0)
        async with House(store=store, automatic=False) as other:
            other.clock.advance(7 * 3600.0)
            (item,) = await ended(Batch(other.client, clips(1), name="cats", budget=budget))
            assert (item.ending, other.creates) == ("in_doubt", 0)
            assert (int(budget.spending().uncertain), int(budget.spending().reserved)) == (100, 0)
            resubmitted = Batch(other.client, clips(1), name="cats", budget=budget, resubmit_in_doubt=True)
            async with resubmitted:
                await until(lambda: other.creates == 1)
            assert (int(budget.left), int(budget.spending().reserved)) == (0, 100)
        held.release.set()
        sending.cancel()
        await asyncio.wait([sending])


# Files


class Fetching(Client):
    """A client that writes a word where it would download."""

    failing = False

    async def download_all(self, output: Output, directory: object) -> list[DownloadedFile]:
        if self.failing:
            raise DownloadError("expired")
        path = Path(str(directory)) / f"{output.task_id}-0.mp4"
        await anyio.Path(path).write_bytes(b"film")
        return [DownloadedFile(path=path, bytes=4, sha256="", content_type=None)]


async def test_results_are_downloaded_and_not_again(tmp_path: Path) -> None:
    async with House() as house:
        house.client.__class__ = Fetching
        (item,) = await ended(Batch(house.client, clips(1), name="cats", download_to=tmp_path / "out"))
        assert [path.name for path in item.files] == [f"{item.record.id if item.record else ''}-0.mp4"]
        Fetching.failing = True
        try:
            (again,) = await ended(Batch(house.client, clips(1), name="cats", download_to=tmp_path / "out"))
            assert again.files == item.files
            (lost,) = await ended(Batch(house.client, clips(1), name="dogs", download_to=tmp_path / "out"))
        finally:
            Fetching.failing = False
    assert (lost.ending, lost.files) == ("completed", ())
    assert isinstance(lost.error, DownloadError)
