from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio.to_thread
import pytest

from aivideo_async.sandbox.depot import Depot
from aivideo_async.sandbox.engine import Engine
from aivideo_async.sandbox.making import Maker
from aivideo_async.sandbox.media import Studio
from aivideo_async.sandbox.plan import Made, MediaPlan, Work
from aivideo_async.sandbox.records import SandboxTask
from aivideo_async.sandbox.scenarios import Fail
from aivideo_async.sandbox.shelf import Content
from tests.sandbox.asking import CLIP, LATER, NOW, accepted, an_engine, content, the_task

PLAIN = {"model": "sora-2", "prompt": "a city"}


class Studied(Studio):
    """Makes what it is told to, or fails so; reads ``url`` first, if there is one."""

    def __init__(self, made: Work[Content] | Exception, url: str | None = None) -> None:
        super().__init__("real", Depot())
        self.made, self.url = made, url
        self.read = b""

    async def make(self, plan: MediaPlan, task_id: str, read: Callable[[str], Awaitable[bytes]]) -> Work[Content]:
        if self.url is not None:
            self.read = await read(self.url)
        if isinstance(self.made, Exception):
            raise self.made
        return self.made


async def fetched(url: str) -> bytes:
    return url.encode()


def a_maker(engine: Engine, studio: Studio, depot: Depot | None = None) -> Maker:
    return Maker(engine, studio=studio, depot=depot or Depot(), fetch=fetched, clock=lambda: LATER)


async def made(studio: Studio, depot: Depot | None = None) -> SandboxTask:
    """A task whose files were made so."""
    engine = an_engine()
    task = accepted(engine, {**PLAIN})
    await a_maker(engine, studio, depot).make(task)
    engine.advance(LATER)
    return the_task(engine)


def problem(task: SandboxTask) -> tuple[str, str]:
    code, message = task.error or ("", "")
    return code, message.partition(" Request id")[0]


async def test_what_was_made_is_handed_in() -> None:
    assert (await made(Studied(CLIP))).status == "completed"


async def test_what_breaks_in_rendering_fails_the_task(caplog: pytest.LogCaptureFixture) -> None:
    task = await made(Studied(RuntimeError("the studio burned down")))
    assert problem(task) == ("internal_error", "The result could not be rendered.")
    assert "the studio burned down" in caplog.text


async def test_a_full_disk_fails_the_task_in_one_sentence(caplog: pytest.LogCaptureFixture) -> None:
    task = await made(Studied(OSError(28, "No space left on device")))
    assert problem(task) == ("internal_error", "The result could not be kept.")
    (record,) = caplog.records
    said = f"the files of task {task.id} cannot be kept: No space left on device"
    assert (record.getMessage(), record.exc_info) == (said, None)


async def test_a_picture_of_somebody_else_is_fetched() -> None:
    studio = Studied(CLIP, "https://example.com/a.png")
    await made(studio)
    assert studio.read == b"https://example.com/a.png"


async def test_a_picture_of_our_own_is_read_and_missed_where_it_was_taken_away() -> None:
    engine = an_engine()
    async with Depot().opened() as depot:
        first = await anyio.to_thread.run_sync(depot.keep, b"first frame")
        studio = Studied(CLIP, engine.shelf.put("first", "png", first, NOW))
        task = accepted(engine, {**PLAIN})
        await a_maker(engine, studio, depot).make(task)
        assert studio.read == b"first frame"
        await anyio.to_thread.run_sync(depot.drop, [first.name])
        await a_maker(engine, studio, depot).make(task)
    engine.advance(LATER)
    code, message = problem(the_task(engine))
    assert (code, message) == ("upstream_error", "An input image cannot be used: The specified key does not exist..")


async def test_what_needs_no_making_is_done_at_once() -> None:
    engine = an_engine()
    async with Depot().opened() as depot:
        studio = Studio("cached", depot)
        await studio.open()
        assert a_maker(engine, studio).at_once(accepted(engine))
    engine.enqueue([Fail()])
    assert a_maker(engine, Studio("real", Depot())).at_once(accepted(engine))
    assert not a_maker(engine, Studio("real", Depot())).at_once(accepted(engine))


async def test_what_was_dropped_is_removed() -> None:
    engine = an_engine()
    async with Depot().opened() as depot:
        kept = await anyio.to_thread.run_sync(depot.keep, b"clip")
        engine.finish("of nobody", Work((Made("mp4", kept),), "16:9"), NOW)
        assert kept == content(b"clip")
        await a_maker(engine, Studied(CLIP), depot).tidy()
        assert engine.shelf.dropped == []
        with pytest.raises(FileNotFoundError):
            await depot.read(kept)
