from __future__ import annotations

import io
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import pytest
from PIL import Image

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox.depot import Depot
from aivideo_async.sandbox.media import Render, Studio
from aivideo_async.sandbox.plan import MediaPlan

CLIP = MediaPlan(kind="video", model="m", prompt="x", seed=1, seconds=1, resolution="480p", ratio="1:1")


async def nothing(url: str) -> bytes:
    raise AssertionError(url)


@asynccontextmanager
async def a_studio(render: Render = "real") -> AsyncGenerator[tuple[Studio, Depot]]:
    async with Depot().opened() as depot:
        studio = Studio(render, depot)
        await studio.open()
        yield studio, depot


async def test_cached_files_are_there_at_once() -> None:
    async with a_studio("cached") as (studio, depot):
        work = studio.cached(MediaPlan(kind="video", model="m", prompt="x", seed=1, ratio="9:16", last_frame=True))
        assert work is not None
        assert work.last_frame is not None
        clip, frame = await depot.read(work.files[0].data), await depot.read(work.last_frame.data)
        assert (work.ratio, clip[4:8], frame[1:4]) == ("9:16", b"ftyp", b"PNG")


async def test_cached_songs_are_several_with_covers() -> None:
    async with a_studio("cached") as (studio, _):
        work = studio.cached(MediaPlan(kind="music", model="m", prompt="x", seed=1, suffix="mp3"))
        assert work is not None
        assert len(work.files) == len(work.covers) == 2


async def test_what_is_to_be_real_is_not_cached() -> None:
    async with a_studio() as (studio, _):
        assert studio.cached(CLIP) is None


async def test_a_picture_that_it_starts_from_is_read_first() -> None:
    async def read(url: str) -> bytes:
        buffer = io.BytesIO()
        Image.new("RGB", (90, 160), url).save(buffer, "PNG")
        return buffer.getvalue()

    plan = MediaPlan(kind="image", model="m", prompt="x", seed=1, suffix="jpg", first="red")
    async with a_studio() as (studio, depot):
        work = await studio.make(plan, "t", read)
        assert work.ratio == "9:16"
        assert (await depot.read(work.files[0].data))[:2] == b"\xff\xd8"


async def test_the_loop_goes_on_while_files_are_made() -> None:
    done, turns = anyio.Event(), 0

    async def count() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with a_studio() as (studio, _), anyio.create_task_group() as group:
        group.start_soon(count)
        async with anyio.create_task_group() as made:
            for _ in range(3):
                made.start_soon(studio.make, CLIP, "t", nothing)
        done.set()
    assert turns > 100  # were they made on the loop, it would turn a few times in all


async def test_nothing_is_made_before_it_is_open() -> None:
    with pytest.raises(RuntimeError):
        await Studio("real", Depot()).make(CLIP, "t", nothing)


async def test_without_the_extra_only_real_rendering_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "aivideo_async.sandbox.film", raising=False)
    monkeypatch.setitem(sys.modules, "av", None)
    async with a_studio("cached"):
        pass
    with pytest.raises(ConfigurationError, match=r"aivideo-async\[sandbox\]"):
        await Studio("real", Depot()).open()
