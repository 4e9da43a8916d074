"""Result files over a real socket, from a sandbox whose files are in a folder that the tests look into."""

from __future__ import annotations

import random
from pathlib import Path

import aiohttp
import anyio.lowlevel
import anyio.to_thread
import pytest

from aivideo_async.sandbox import Changed, Sandbox, ShortBody
from aivideo_async.sandbox.depot import Depot
from aivideo_async.sandbox.files import Handout
from aivideo_async.sandbox.handing import PIECE, pieces_of
from aivideo_async.sandbox.shelf import Content, ShelfError
from aivideo_async.sandbox.state import FILES
from tests.sandbox.test_server import FAST, Json, World, world

STILL: Json = {"model": "gpt-image-2", "prompt": "x", "aspect_ratio": "1:2"}


async def a_still(w: World) -> str:
    await w.accepted(STILL, "images")
    _, task = await w.receiver.next()
    output = task["output"]
    assert isinstance(output, dict)
    urls = output["urls"]
    assert isinstance(urls, list)
    return str(urls[0])


async def get(w: World, url: str, **headers: str) -> tuple[int, bytes]:
    async with w.http.get(url, headers=headers) as response:
        return response.status, await response.read()


async def test_a_real_file_is_handed_out_as_it_lies_in_the_folder(tmp_path: Path) -> None:
    async with world(Sandbox(speed=FAST, state=tmp_path)) as w:
        url = await a_still(w)
        (file,) = (tmp_path / FILES).iterdir()
        assert await get(w, url) == (200, file.read_bytes())


async def test_what_is_short_breaks_off_and_is_whole_then(tmp_path: Path) -> None:
    async with world(Sandbox(speed=FAST, state=tmp_path)) as w:
        w.sandbox.enqueue(ShortBody())
        url = await a_still(w)
        with pytest.raises(aiohttp.ClientPayloadError):
            await get(w, url)
        _, whole = await get(w, url)
        assert (await get(w, url, Range="bytes=100-199")) == (206, whole[100:200])


async def test_what_changes_is_back_to_front(tmp_path: Path) -> None:
    async with world(Sandbox(speed=FAST, state=tmp_path)) as w:
        w.sandbox.enqueue(Changed())
        url = await a_still(w)
        with pytest.raises(aiohttp.ClientPayloadError):
            await get(w, url)
        (file,) = (tmp_path / FILES).iterdir()
        assert await get(w, url) == (200, file.read_bytes()[::-1])


async def test_a_file_of_several_pieces_is_handed_out_whole_and_in_part() -> None:
    data = random.Random(1).randbytes(2 * PIECE + 1000)
    async with world() as w:
        content = await anyio.to_thread.run_sync(w.sandbox._depot.keep, data)
        url = w.sandbox.engine.shelf.put("large", "mp4", content, w.sandbox.clock.now())
        assert await get(w, url) == (200, data)
        part = f"bytes={PIECE - 5}-{2 * PIECE + 5}"
        assert await get(w, url, Range=part) == (206, data[PIECE - 5 : 2 * PIECE + 6])


async def test_a_file_that_somebody_took_away_is_not_found(tmp_path: Path) -> None:
    async with world(Sandbox(speed=FAST, state=tmp_path)) as w:
        url = await a_still(w)
        for file in (tmp_path / FILES).iterdir():
            file.unlink()
        status, body = await get(w, url)
        assert (status, b"<Code>NoSuchKey</Code>" in body) == (404, True)


async def test_a_file_that_somebody_cut_short_breaks_off(tmp_path: Path) -> None:
    async with world(Sandbox(speed=FAST, state=tmp_path)) as w:
        url = await a_still(w)
        for file in (tmp_path / FILES).iterdir():
            file.write_bytes(file.read_bytes()[:100])
        with pytest.raises(aiohttp.ClientPayloadError):
            await get(w, url)


async def test_files_are_removed_once_nobody_can_ask_for_them(tmp_path: Path) -> None:
    async with world(Sandbox(speed=FAST, state=tmp_path, url_lifetime=60)) as w:
        first = await a_still(w)
        w.sandbox.clock.advance(100 * FAST)
        second = await a_still(w)
        while len(list((tmp_path / FILES).iterdir())) > 1:
            await anyio.lowlevel.checkpoint()
        assert [(await get(w, url))[0] for url in (first, second)] == [403, 200]


async def test_what_is_mirrored_is_so_over_its_pieces() -> None:
    async with Depot().opened() as depot:
        content = await anyio.to_thread.run_sync(depot.keep, b"0123456789")
        handout = Handout(status=206, headers={}, content=content, first=1, sent=7, length=7, mirrored=True)
        assert [piece async for piece in pieces_of(handout, depot, most=3)] == [b"876", b"543", b"2"]


async def test_what_goes_in_the_middle_ends_early() -> None:
    async with Depot().opened() as depot:
        content = await anyio.to_thread.run_sync(depot.keep, b"0123456789")
        pieces = pieces_of(Handout(status=200, headers={}, content=content, sent=10, length=10), depot, most=4)
        assert await anext(pieces) == b"0123"
        await anyio.to_thread.run_sync(depot.drop, [content.name])
        assert [piece async for piece in pieces] == []


async def test_one_without_a_body_has_no_pieces() -> None:
    async with Depot().opened() as depot:
        assert [piece async for piece in pieces_of(Handout(status=302, headers={}), depot)] == []
        gone = Handout(status=200, headers={}, content=Content("gone", 1), sent=1, length=1)
        with pytest.raises(ShelfError, match="does not exist"):
            await anext(pieces_of(gone, depot))
