"""One file out of several answers; what a host can get wrong on the way. Whole fetches are in test_download.py."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from aivideo_async.core.errors import DownloadError
from aivideo_async.transfer import CHANGED, PIECE, Bounds, Transfer, on_disk, to_the_end
from tests.loopback import http, read_request, serving

CLIP = b"0123456789"
SMALL = Bounds(limit=2 * PIECE)


def part(first: int, last: int, total: object = 10, etag: str = '"a"') -> bytes:
    said = f"Content-Range: bytes {first}-{last}/{total}"
    return http(206, CLIP[first : last + 1], said, f"ETag: {etag}")


class Watched(Transfer):
    """Tells when something was read."""

    def __init__(self, target: Path, writers: ThreadPoolExecutor) -> None:
        super().__init__(target, SMALL, writers)
        self.read = asyncio.Event()

    def _keep_pace(self, taken: int, seconds: float) -> None:
        self.read.set()


@asynccontextmanager
async def answers(*raw: bytes) -> AsyncGenerator[Sequence[aiohttp.ClientResponse]]:
    """One response for each of the answers, to be read once."""
    left = list(raw)

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(left.pop(0))

    async with serving(script) as url, aiohttp.ClientSession() as session:
        yield [await session.get(url) for _ in raw]


async def taken(target: Path, *raw: bytes, bounds: Bounds = SMALL) -> tuple[Transfer, list[bool]]:
    with ThreadPoolExecutor(1) as writers:
        transfer = Transfer(target, bounds, writers)
        try:
            async with answers(*raw) as responses:
                return transfer, [await transfer.take(response) for response in responses]
        except BaseException:
            await transfer.discard()
            raise


async def test_a_file_of_two_answers_is_whole_with_the_second(tmp_path: Path) -> None:
    transfer, done = await taken(tmp_path / "x", part(0, 3), part(4, 9))
    assert (done, transfer.size) == ([False, True], 10)
    saved = await transfer.commit()
    assert (saved.path.read_bytes(), saved.bytes) == (CLIP, 10)
    assert saved.sha256 == hashlib.sha256(CLIP).hexdigest()


async def test_buffers_that_are_used_again_mix_nothing_up(tmp_path: Path) -> None:
    clip = random.Random(20261125).randbytes(5 * PIECE + 12_345)
    cut = 2 * PIECE + 77
    answers = [
        http(206, clip[first:end], f"Content-Range: bytes {first}-{end - 1}/{len(clip)}", 'ETag: "a"')
        for first, end in ((0, cut), (cut, len(clip)))
    ]
    transfer, done = await taken(tmp_path / "x", *answers, bounds=Bounds(limit=len(clip)))
    assert done == [False, True]
    saved = await transfer.commit()
    assert saved.path.read_bytes() == clip
    assert saved.sha256 == hashlib.sha256(clip).hexdigest()


async def test_a_host_that_gives_all_again_begins_again(tmp_path: Path) -> None:
    transfer, done = await taken(tmp_path / "x", part(0, 3), http(200, CLIP, 'ETag: "a"'))
    assert done == [False, True]
    assert (await transfer.commit()).path.read_bytes() == CLIP


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (part(4, 9, etag='"b"'), "changed"),
        (part(4, 9, total=11), "changed"),
        (http(200, CLIP, 'ETag: "b"'), "changed"),
        (part(5, 9), "another part"),
        (http(206, CLIP[4:], 'ETag: "a"'), "without saying which"),
    ],
)
async def test_an_answer_that_does_not_go_on_with_the_first_is_refused(
    second: bytes, words: str, tmp_path: Path
) -> None:
    with pytest.raises(DownloadError, match=words) as caught:
        await taken(tmp_path / "x", part(0, 3), second)
    assert (caught.value.code == CHANGED) is (words == "changed")
    assert list(tmp_path.iterdir()) == []


async def test_a_part_of_what_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="longer than"):
        await taken(tmp_path / "x", part(0, 3, total=2 * PIECE + 1))


async def test_what_was_read_before_a_break_is_kept_for_the_next_answer(tmp_path: Path) -> None:
    async def breaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(http(200, CLIP, 'ETag: "a"')[:-6])
        await transfer.read.wait()

    with ThreadPoolExecutor(1) as writers:
        transfer = Watched(tmp_path / "x", writers)
        async with serving(breaks) as url, aiohttp.request("GET", url) as first:
            with pytest.raises(aiohttp.ClientPayloadError):
                await transfer.take(first)
        assert transfer.asking() == {"Range": "bytes=4-", "If-Range": '"a"'}
        async with answers(part(4, 9)) as (second,):
            assert await transfer.take(second)
        assert (await transfer.commit()).path.read_bytes() == CLIP


async def test_a_host_that_drips_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="in 0 s") as caught:
        await taken(tmp_path / "x", http(200, CLIP), bounds=Bounds(100, slowest=1e12, grace=0.0))
    assert caught.value.retryable


async def test_a_write_that_fails_is_told_and_none_after_it_is_lost_from_sight(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="cannot be written"):
        await taken(tmp_path / "nowhere" / "x", http(200, CLIP))


async def test_nothing_is_discarded_of_what_never_began(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as writers:
        await Transfer(tmp_path / "x", SMALL, writers).discard()
    assert list(tmp_path.iterdir()) == []


async def test_work_on_the_disk_raises_our_error() -> None:
    def fails() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(DownloadError, match="No space"):
        await on_disk(fails)


async def test_work_to_the_end_is_done_though_cancelled_and_then_says_so() -> None:
    done: list[str] = []
    task = asyncio.create_task(to_the_end(lambda: done.append("done")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done
