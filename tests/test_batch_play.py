from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from aivideo_async import Client
from aivideo_async.attempts import Attempt
from aivideo_async.batch_items import Counts
from aivideo_async.batch_play import Begun, Player
from aivideo_async.catalog import Sora2
from aivideo_async.core.errors import ClientClosedError, InvalidRequestError, SubmissionInDoubtError, TaskTimeoutError
from aivideo_async.core.models import GenerationRequest, Output, TaskRecord, TaskStatus
from aivideo_async.spending import Budget
from aivideo_async.stores import MemoryStore
from aivideo_async.task import GenerationTask
from tests.doubles import a_record

CLIP = Sora2(prompt="a cat on a roof", duration=4)
DONE = Output(task_id="av_1", urls=("https://cdn.example.com/a.mp4",))


class Doubtful:
    """A task that is in doubt when it is waited for first, and as ``then`` says afterwards."""

    def __init__(self, then: TaskStatus) -> None:
        self.record = a_record(status=TaskStatus.IN_DOUBT, service_id=None)
        self.id, self.service_id = self.record.id, None
        self.waits = 0
        self._then = then

    async def wait(self, *, timeout: float | None = None) -> Output:
        self.waits += 1
        if self.waits == 1:
            raise TaskTimeoutError("not yet")
        if self._then is TaskStatus.EXPIRED:
            raise TaskTimeoutError("its deadline is over", code="expired")
        return DONE

    async def refresh(self) -> TaskRecord:
        self.record = a_record(status=self._then)
        return self.record


class Service:
    """What a player asks of its client. Whatever is given up has its callback at that moment."""

    def __init__(self, task: Doubtful | None = None) -> None:
        self.store = MemoryStore()
        self.task = task
        self.owner = self

    def estimate(self, request: GenerationRequest) -> object:
        return Client("sk-test").estimate(request)

    def doubt_lasts(self, record: TaskRecord) -> float | None:
        return 0.0 if record.service_id is None else None

    def status_of(self, record: TaskRecord) -> TaskStatus:
        return record.status

    async def submit(self, request: GenerationRequest, **_more: object) -> object:
        raise (
            SubmissionInDoubtError("nobody knows")
            if self.task is None
            else SubmissionInDoubtError("nobody knows", task=cast("GenerationTask", self.task))
        )

    async def abandon(self, id: str) -> TaskRecord:
        raise InvalidRequestError(f"{id} is not in doubt")

    async def download_all(self, output: Output, directory: Path) -> list[object]:
        raise ClientClosedError(f"closed while {output.task_id} went to {directory}")


def a_player(service: Service, **more: object) -> Player:
    settings: dict[str, object] = {
        "client": service, "counts": Counts(total=None), "budget": None, "fallbacks": (), "name": None,
        "folder": None, "labels": {}, "resubmit": False, **more,
    }  # fmt: skip
    return Player(**settings)  # type: ignore[arg-type]  # settings by name


async def awaited(task: Doubtful) -> Output:
    return await a_player(Service())._awaited(cast("GenerationTask", task), None)


async def test_an_ending_that_comes_at_the_last_moment_counts() -> None:
    task = Doubtful(TaskStatus.COMPLETED)
    assert (await awaited(task), task.waits) == (DONE, 2)
    task = Doubtful(TaskStatus.PROCESSING)
    assert (await awaited(task), task.waits) == (DONE, 2)
    with pytest.raises(TaskTimeoutError, match="its deadline is over"):
        await awaited(Doubtful(TaskStatus.EXPIRED))


async def test_what_is_in_doubt_ends_so_when_nothing_more_can_come() -> None:
    task = Doubtful(TaskStatus.IN_DOUBT)
    task.refresh = lambda: asyncio.sleep(0, task.record)  # type: ignore[method-assign]  # nothing has changed
    with pytest.raises(SubmissionInDoubtError, match="no answer and no callback came"):
        await awaited(task)


async def test_a_doubt_without_a_handle_is_the_end_of_it() -> None:
    counts = Counts(total=1)
    player = a_player(Service(), counts=counts)
    item = await player.finish(await player.begin(0, CLIP))
    assert (item.ending, item.record) == ("in_doubt", None)
    assert int(counts.progress(1.0).uncertain) == 100


async def test_what_has_had_its_callback_meanwhile_is_not_sent_again() -> None:
    service = Service()
    player = a_player(service, name="cats", resubmit=True, budget=Budget(credits=100))
    async with service.store:
        key, _ = await player._key("cats", 0, CLIP)
        record = a_record(status=TaskStatus.IN_DOUBT, service_id=None, key=key, labels={"batch": "cats"})
        await service.store.put(record)
        await player.look_back()
        assert await player._key("cats", 0, CLIP) == (key, record)


async def test_a_client_that_closes_while_it_downloads_is_no_failure_of_the_item(tmp_path: Path) -> None:
    done = Attempt(request=CLIP, output=DONE)
    begun = Begun(index=0, request=CLIP, changes=(), known=False, attempt=done)
    with pytest.raises(ClientClosedError):
        await a_player(Service(), folder=tmp_path).finish(begun)
