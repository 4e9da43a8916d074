"""What is saved, once, and what becomes of it when something fails. Whole ways of it are in test_journeys.py."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from aivideo_async.core.errors import ConfigurationError, DownloadError, EventsLostError
from aivideo_async.core.models import Output, SavedFile, TaskRecord, TaskStatus, moment
from aivideo_async.download import DownloadedFile
from aivideo_async.saving import PAUSES, Mirror, ResultFile, Saver, Sink
from aivideo_async.stores import MemoryStore
from aivideo_async.stores.base import Delivery
from aivideo_async.supervise import Supervisor
from tests.doubles import NOW, ORIGIN, ManualClock, a_record, until

URLS = ("https://cdn.example.com/a?sig=1", "https://cdn.example.com/b?sig=1")
AT_ONCE = PAUSES[0] * 1e9


def completed(id: str = "av_1", **more: object) -> TaskRecord:
    output = Output(task_id=id, urls=URLS, expires_at=moment(NOW + 3600))
    return a_record(id, TaskStatus.COMPLETED, output=output, ended_at=moment(NOW), **more)


class Fetch:
    """Writes a small file, after as many failures as it is told."""

    def __init__(self, *failures: Exception) -> None:
        self.failures, self.fetched = list(failures), list[str]()

    async def __call__(self, output: Output, index: int, folder: Path) -> DownloadedFile:
        if self.failures:
            raise self.failures.pop(0)
        self.fetched.append(f"{output.task_id}-{index}")
        path = folder / f"{output.task_id}-{index}.mp4"
        await asyncio.to_thread(path.write_bytes, b"clip")
        return DownloadedFile(path, 4, "ab" * 32, "video/mp4")


class World:
    """A store, a clock that stands still, and savers into one sink."""

    def __init__(self, store: MemoryStore, supervisor: Supervisor, clock: ManualClock, fetch: Fetch) -> None:
        self.store, self.supervisor, self.clock, self.fetch = store, supervisor, clock, fetch

    def saver(self, sink: Sink) -> Saver:
        saver = Saver(self.store, sink, self.fetch, origin=ORIGIN, time_scale=AT_ONCE, clock=self.clock)
        self.supervisor.spawn(saver.run, self.supervisor)
        return saver

    async def files(self, id: str = "av_1") -> tuple[SavedFile, ...]:
        return (await self.store.get((id,)))[id].files

    async def saved(self, count: int = 2) -> tuple[SavedFile, ...]:
        while len(await self.files()) < count:
            await asyncio.sleep(0)
        return await self.files()


@asynccontextmanager
async def world(*failures: Exception) -> AsyncGenerator[World]:
    clock, supervisor = ManualClock(), Supervisor("test")
    async with MemoryStore(clock=clock, event_lease=0.01) as store:
        await supervisor.start()
        try:
            yield World(store, supervisor, clock, Fetch(*failures))
        finally:
            await supervisor.stop()


async def test_an_ending_is_saved_and_its_record_says_where(tmp_path: Path) -> None:
    async with world() as w:
        w.saver(Sink(tmp_path))
        await w.store.put(completed())
        files = await w.saved()
        assert [file.place for file in files] == [str(tmp_path / "av_1-0.mp4"), str(tmp_path / "av_1-1.mp4")]
        assert {(file.bytes, file.mirrored) for file in files} == {(4, False)}


async def test_what_ended_while_nobody_was_there_is_saved_by_whoever_comes(tmp_path: Path) -> None:
    async with world() as w:
        await w.store.put(completed())
        w.saver(Sink(tmp_path))
        w.saver(Sink(tmp_path))
        await w.saved()
        w.clock.advance(1.0)  # what was not acknowledged is given again
        await w.store.put(completed("av_2"))
        while len(await w.files("av_2")) < 2:
            await asyncio.sleep(0)
        assert sorted(w.fetch.fetched) == ["av_1-0", "av_1-1", "av_2-0", "av_2-1"]


async def test_what_fails_is_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with world(DownloadError("broke off"), DownloadError("503")) as w:
        w.saver(Sink(tmp_path))
        await w.store.put(completed())
        await w.saved()
    assert [record.message[-9:] for record in caplog.records] == ["broke off", "gain: 503"]


async def test_a_file_that_is_there_is_not_fetched_again_and_one_that_is_gone_is(tmp_path: Path) -> None:
    async with world() as w:
        saver = w.saver(Sink(tmp_path))
        await saver.save((await w.store.put(completed())).record)
        await saver.save(completed())
        assert len(w.fetch.fetched) == 2
        (tmp_path / "av_1-1.mp4").unlink()
        await saver.save(completed())
        assert w.fetch.fetched[2:] == ["av_1-1"]


async def test_two_who_save_one_task_at_once_fetch_it_once(tmp_path: Path) -> None:
    async with world() as w:
        saver = w.saver(Sink(tmp_path))
        await w.store.put(completed())
        await asyncio.gather(*(saver.save(completed()) for _ in range(3)))
        assert len(w.fetch.fetched) == 2


def mirror_to(seen: list[ResultFile], *failures: Exception) -> Mirror:
    left = list(failures)

    async def mirror(result: ResultFile) -> str:
        if left:
            raise left.pop(0)
        assert await asyncio.to_thread(result.file.path.read_bytes) == b"clip"
        seen.append(result)
        return f"s3://clips/{result.file.path.name}"

    return mirror


async def test_a_mirror_is_given_each_whole_file_which_is_gone_afterwards() -> None:
    seen: list[ResultFile] = []
    async with world() as w:
        w.saver(Sink(None, mirror_to(seen)))
        await w.store.put(completed(labels={"user": "7"}))
        files = await w.saved()
    assert [file.place for file in files] == ["s3://clips/av_1-0.mp4", "s3://clips/av_1-1.mp4"]
    assert all(file.mirrored for file in files)
    assert [(one.index, one.task.labels["user"]) for one in seen] == [(0, "7"), (1, "7")]
    assert not any(one.file.path.parent.exists() for one in seen)


async def test_a_mirror_that_raises_is_asked_again(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    seen: list[ResultFile] = []
    async with world() as w:
        w.saver(Sink(tmp_path, mirror_to(seen, KeyError("bucket"))))
        await w.store.put(completed())
        assert len(await w.saved(4)) == 4
    assert "the mirror raised KeyError: 'bucket'" in caplog.text
    assert len(list(tmp_path.iterdir())) == 2


async def test_what_cannot_be_saved_before_its_urls_die_is_told_and_written_down(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with world(*[DownloadError("410")] * 9) as w:
        w.clock.now = NOW + 3600 - PAUSES[0] / 2
        saver = Saver(w.store, Sink(tmp_path), w.fetch, origin=ORIGIN, clock=w.clock)
        w.supervisor.spawn(saver.run, w.supervisor)
        await w.store.put(completed())
        await until(lambda: "not saved in time" in caplog.text)
        while not [entry for entry in (await w.store.get(("av_1",)))["av_1"].history if entry.kind == "not_saved"]:
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    "record",
    [
        a_record(status=TaskStatus.FAILED, ended_at=moment(NOW)),
        replace(completed(), origin="https://other.example.com"),
        replace(completed(), ended_at=moment(NOW) - timedelta(days=2), output=Output(task_id="av_1", urls=URLS)),
    ],
)
async def test_what_has_no_results_of_ours_is_passed_over(record: TaskRecord, tmp_path: Path) -> None:
    async with world() as w:
        w.saver(Sink(tmp_path))
        await w.store.put(record)
        await w.store.put(completed("av_2"))
        while len(await w.files("av_2")) < 2:
            await asyncio.sleep(0)
        assert set(w.fetch.fetched) == {"av_2-0", "av_2-1"}


async def test_leaving_waits_for_what_has_ended_a_moment_ago(tmp_path: Path) -> None:
    async with world() as w:
        saver = Saver(w.store, Sink(tmp_path), w.fetch, origin=ORIGIN, clock=w.clock)
        await w.store.put(completed())
        await saver.drain(5.0)
        assert len(await w.files()) == 2


class Slow(Fetch):
    """Never comes to an end."""

    async def __call__(self, output: Output, index: int, folder: Path) -> DownloadedFile:
        await asyncio.Event().wait()
        raise AssertionError


async def test_what_a_process_died_over_is_given_to_the_next(tmp_path: Path) -> None:
    dying = Supervisor("dying")
    async with world() as w:
        await dying.start()
        saver = World(w.store, dying, w.clock, Slow()).saver(Sink(tmp_path))
        await w.store.put(completed())
        await until(lambda: bool(saver._in_hand))
        await dying.stop()
        w.clock.advance(1.0)  # the lease lapses
        w.saver(Sink(tmp_path))
        assert len(await w.saved()) == 2


async def test_leaving_waits_no_longer_than_it_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with world() as w:
        w.fetch = Slow()
        saver = w.saver(Sink(tmp_path))
        await w.store.put(completed())
        await until(lambda: bool(saver._in_hand))
        await saver.drain(0.01)
    assert "closed with the results of 1 tasks not saved yet" in caplog.text


class ForgetfulStore(MemoryStore):
    """Has forgotten endings, as it says once."""

    told = False

    async def events(self, group: str, /) -> AsyncGenerator[Delivery]:
        if not self.told:
            self.told = True
            raise EventsLostError("3 endings are forgotten")
        async for delivery in super().events(group):
            yield delivery


async def test_endings_that_were_forgotten_are_told_and_the_rest_is_saved(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor = Supervisor("test")
    async with ForgetfulStore(clock=ManualClock()) as store:
        await supervisor.start()
        w = World(store, supervisor, ManualClock(), Fetch())
        w.saver(Sink(tmp_path))
        await store.put(completed())
        await w.saved()
        await supervisor.stop()
    assert "away for too long" in caplog.text


async def test_trying_to_save_never_raises(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    async with world(DownloadError("broke off")) as w:
        saver = Saver(w.store, Sink(tmp_path), w.fetch, origin=ORIGIN, clock=w.clock)
        await saver.try_to_save((await w.store.put(completed())).record)
    assert caplog.records[0].levelno == logging.WARNING


async def test_a_folder_is_made_and_one_that_cannot_be_is_a_wrong_setting(tmp_path: Path) -> None:
    assert await Sink(tmp_path / "new" / "folder").prepared() == Sink(tmp_path / "new" / "folder")
    assert (tmp_path / "new" / "folder").is_dir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="cannot be saved into"):
        await Sink(tmp_path / "file" / "folder").prepared()
    assert await Sink().prepared() == Sink()


def test_each_place_and_service_has_a_group_of_its_own(tmp_path: Path) -> None:
    def group(origin: str, sink: Sink) -> str:
        return Saver(MemoryStore(), sink, Fetch(), origin=origin).group

    folder, other, mirror = Sink(tmp_path), Sink(tmp_path / "b"), Sink(None, mirror_to([]))
    groups = [group(ORIGIN, folder), group(ORIGIN, other), group(ORIGIN, mirror), group("http://127.0.0.1:9", folder)]
    assert len(set(groups)) == 4
    assert group(ORIGIN, folder) == groups[0]
