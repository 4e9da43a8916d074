from __future__ import annotations

import asyncio
import hashlib
import re
import socket
import tracemalloc
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import aiohttp
import anyio
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from aivideo_async.core.errors import ClientClosedError, DownloadError
from aivideo_async.download import DownloadedFile, Downloader, file_name
from aivideo_async.transport import Timeouts
from tests.loopback import Script, answering, http, read_request, refused_port, serving

CLIP = bytes(range(256)) * 12_000  # 3 MB: several pieces
SECRET = "X-Amz-Signature=made-up-5f3a"
HASTY = Timeouts(connect=0.2, read=0.05, total=0.01)


@pytest.fixture
async def downloader() -> AsyncGenerator[Downloader]:
    async with Downloader(timeouts=HASTY, limit=4 * 2**20, loopback=True, pauses=()) as opened:
        yield opened


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def failure(downloader: Downloader, script: Script, target: Path) -> DownloadError:
    """The error of one fetch, which left nothing behind and shows no secret."""
    async with serving(script) as url:
        with pytest.raises(DownloadError) as caught:
            await downloader.fetch(f"{url}/clip.mp4?{SECRET}", target)
    assert names(target.parent) == []
    for error in chain(caught.value):
        assert SECRET not in f"{error!r} {error!s} {error.args!r}"
    return caught.value


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


# A whole result


async def test_who_fetches_nothing_holds_no_session() -> None:
    async with Downloader() as downloader:
        assert downloader._session is None


async def test_a_result_becomes_a_file(downloader: Downloader, tmp_path: Path) -> None:
    target = tmp_path / "cafe.mp4"
    async with serving(answering(http(200, CLIP, "Content-Type: Video/MP4; codecs=avc1"))) as url:
        saved = await downloader.fetch(f"{url}/clip", target)

    assert saved == DownloadedFile(target, len(CLIP), hashlib.sha256(CLIP).hexdigest(), "video/mp4")
    assert target.read_bytes() == CLIP
    assert names(tmp_path) == ["cafe.mp4"]


async def test_a_presigned_url_goes_out_byte_for_byte(downloader: Downloader, tmp_path: Path) -> None:
    seen: list[bytes] = []
    async with serving(answering(http(200, b"x"), seen=seen)) as url:
        await downloader.fetch(f"{url}/a%2Fb/%7Ec%20d.mp4?sig=a%2Fb+c%3D%3d&x=%41#part", tmp_path / "clip")

    assert seen[0].split(b"\r\n")[0] == b"GET /a%2Fb/%7Ec%20d.mp4?sig=a%2Fb+c%3D%3d&x=%41 HTTP/1.1"


async def test_no_key_is_sent_and_nothing_compressed_asked_for(downloader: Downloader, tmp_path: Path) -> None:
    seen: list[bytes] = []
    async with serving(answering(http(200, b"x"), seen=seen)) as url:
        await downloader.fetch(url, tmp_path / "clip")

    assert b"authorization" not in seen[0].lower()
    assert b"accept-encoding: identity\r\n" in seen[0].lower()


async def test_a_url_with_letters_of_the_world_is_quoted(downloader: Downloader, tmp_path: Path) -> None:
    seen: list[bytes] = []
    async with serving(answering(http(200, b"x"), seen=seen)) as url:
        await downloader.fetch(f"{url}/café.mp4", tmp_path / "clip")

    assert seen[0].startswith(b"GET /caf%C3%A9.mp4 HTTP/1.1")


async def test_the_target_may_depend_on_the_content_type(downloader: Downloader, tmp_path: Path) -> None:
    async with serving(answering(http(200, b"x", "Content-Type: image/png"), http(200, b"x"))) as url:
        typed = await downloader.fetch(url, lambda kind: tmp_path / file_name("av_1", 0, url, kind))
        bare = await downloader.fetch(url, lambda kind: tmp_path / file_name("av_2", 0, url, kind))

    assert [typed.path.name, bare.path.name] == ["av_1-0.png", "av_2-0.bin"]
    assert bare.content_type is None


async def test_a_body_without_a_length_is_saved(downloader: Downloader, tmp_path: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    async with serving(answering(answer)) as url:
        saved = await downloader.fetch(url, tmp_path / "clip")

    assert saved.bytes == 5


async def test_redirects_are_followed_without_their_own_rules(downloader: Downloader, tmp_path: Path) -> None:
    seen: list[bytes] = []
    async with serving(answering(http(200, b"x"), seen=seen)) as media:
        moved = answering(http(302, b"", "Location: /next"), http(307, b"", f"Location: {media}/clip?{SECRET}"))
        async with serving(moved) as url:
            await downloader.fetch(url, tmp_path / "clip")

    assert seen[0].startswith(f"GET /clip?{SECRET} HTTP/1.1".encode())


async def test_memory_does_not_grow_with_the_result(tmp_path: Path) -> None:
    size = 48 * 2**20

    async def long(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
        for _ in range(size // 2**16):
            writer.write(bytes(2**16))
            await writer.drain()

    async with serving(long) as url, Downloader(loopback=True) as downloader:
        tracemalloc.start()
        saved = await downloader.fetch(url, tmp_path / "clip")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert saved.bytes == size
    assert peak < 8 * 2**20


# What breaks off, and where it may come from

AGAIN = (0.0, 0.0)


class Host:
    """Serves CLIP by ranges, and cuts each of its first answers after so many bytes."""

    def __init__(self, *cuts: int, etag: str = '"a"') -> None:
        self.cuts, self.etag, self.seen = list(cuts), etag, list[bytes]()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read_request(reader)
        self.seen.append(request)
        found = re.search(rb"range: bytes=(\d+)-", request, re.IGNORECASE)
        first = int(found[1]) if found else 0
        lines = [f"Content-Range: bytes {first}-{len(CLIP) - 1}/{len(CLIP)}"] if found else []
        answer = http(206 if found else 200, CLIP[first:], f"ETag: {self.etag}", *lines, "Connection: close")
        cut = self.cuts.pop(0) if self.cuts else 0
        writer.write(answer[: len(answer) - len(CLIP[first:]) + cut] if cut else answer)
        await writer.drain()


async def test_a_fetch_that_breaks_off_goes_on_where_it_stopped(tmp_path: Path) -> None:
    host = Host(2_000_000, 500_000)
    async with serving(host) as url, Downloader(loopback=True, pauses=AGAIN) as downloader:
        saved = await downloader.fetch(url, tmp_path / "clip")

    assert saved.path.read_bytes() == CLIP
    assert saved.sha256 == hashlib.sha256(CLIP).hexdigest()
    assert [b"if-range" in request.lower() for request in host.seen] == [False, True, True]
    begun_at = [int(request.lower().partition(b"range: bytes=")[2].partition(b"-")[0]) for request in host.seen[1:]]
    assert 0 < begun_at[0] <= 2_000_000
    assert begun_at[0] <= begun_at[1] <= begun_at[0] + 500_000


async def test_what_has_no_strong_validator_begins_again(tmp_path: Path) -> None:
    host = Host(2_000_000, etag='W/"a"')
    async with serving(host) as url, Downloader(loopback=True, pauses=AGAIN) as downloader:
        saved = await downloader.fetch(url, tmp_path / "clip")

    assert saved.path.read_bytes() == CLIP
    assert not any(b"range:" in request.lower() for request in host.seen)


async def test_a_host_that_always_breaks_off_is_given_up(tmp_path: Path) -> None:
    host = Host(*[7] * 9)
    async with serving(host) as url, Downloader(loopback=True, pauses=AGAIN) as downloader:
        with pytest.raises(DownloadError, match="broke off"):
            await downloader.fetch(url, tmp_path / "clip")

    assert len(host.seen) == 3
    assert names(tmp_path) == []


async def test_progress_earns_another_try(tmp_path: Path) -> None:
    host = Host(2**20 + 7, 2**20 + 7)
    async with serving(host) as url, Downloader(loopback=True, pauses=(0.0,)) as downloader:
        saved = await downloader.fetch(url, tmp_path / "clip")

    assert saved.path.read_bytes() == CLIP


@pytest.mark.parametrize("then", [http(200, CLIP[::-1], 'ETag: "b"'), http(416)])
async def test_a_file_that_changes_meanwhile_is_an_error_and_no_file(then: bytes, tmp_path: Path) -> None:
    first = http(200, CLIP, 'ETag: "a"')[:-1_000_000]
    left = [first, then]

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(left.pop(0))

    async with serving(script) as url, Downloader(loopback=True, pauses=AGAIN) as downloader:
        with pytest.raises(DownloadError, match="changed while") as caught:
            await downloader.fetch(url, tmp_path / "clip")

    assert (left, caught.value.code, names(tmp_path)) == ([], "changed", [])


async def test_a_host_that_says_more_than_it_has_is_given_up(tmp_path: Path) -> None:
    answer = http(206, CLIP[:9], "Content-Range: bytes 0-8/10", 'ETag: "a"')
    async with serving(answering(answer)) as url, Downloader(loopback=True, pauses=()) as downloader:
        with pytest.raises(DownloadError, match="206"):
            await downloader.fetch(url, tmp_path / "clip")


async def test_a_dead_url_is_asked_for_anew_once(downloader: Downloader, tmp_path: Path) -> None:
    asked: list[str] = []
    async with serving(answering(http(403), http(403), http(200, CLIP))) as url:

        async def refresh() -> str:
            asked.append(url)
            return f"{url}/fresh"

        with pytest.raises(DownloadError, match="403"):
            await downloader.fetch(url, tmp_path / "clip", refresh=refresh)
        saved = await downloader.fetch(url, tmp_path / "clip", refresh=refresh)

    assert len(asked) == 1
    assert saved.bytes == len(CLIP)


async def test_without_another_url_the_first_error_stands(downloader: Downloader, tmp_path: Path) -> None:
    async def nothing() -> None:
        return None

    async with serving(answering(http(410))) as url:
        with pytest.raises(DownloadError, match="410"):
            await downloader.fetch(url, tmp_path / "clip", refresh=nothing)


class Leading(AbstractResolver):
    """Every name leads to one address, as its owner may decide at any time."""

    def __init__(self, address: str) -> None:
        self.address = address

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        flags = socket.AI_NUMERICHOST
        return [ResolveResult(hostname=host, host=self.address, port=port, family=socket.AF_INET, proto=0, flags=flags)]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.1"])
async def test_a_public_name_that_leads_inside_is_not_connected_to(address: str, tmp_path: Path) -> None:
    async with Downloader() as downloader:
        connector = downloader._open()[0].connector
        assert isinstance(connector, aiohttp.TCPConnector)
        connector._resolver = Leading(address)
        with pytest.raises(DownloadError, match="not on the public internet") as caught:
            await downloader.fetch("https://cdn.example.com/clip", tmp_path / "clip")

    assert not caught.value.retryable
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("place", "words"), [("http://10.0.0.1/x", "public host"), ("http://cdn.example.com/x", "must be https")]
)
async def test_each_redirect_is_checked(place: str, words: str, downloader: Downloader, tmp_path: Path) -> None:
    error = await failure(downloader, answering(http(302, b"", f"Location: {place}")), tmp_path / "clip")

    assert words in str(error)


async def test_a_hosted_service_has_no_results_on_this_machine(tmp_path: Path) -> None:
    async with Downloader() as downloader:
        with pytest.raises(DownloadError, match="public host"):
            await downloader.fetch("https://127.0.0.1:9/clip", tmp_path / "clip")


# Answers that are no result


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_a_dead_url_says_that_it_has_probably_expired(
    status: int, downloader: Downloader, tmp_path: Path
) -> None:
    error = await failure(downloader, answering(http(status, b"<Error/>")), tmp_path / "clip")

    assert (error.status, error.retryable, error.charged) == (status, False, "yes")
    assert "expired" in str(error)


@pytest.mark.parametrize(("status", "retryable"), [(500, True), (503, True), (429, True), (400, False), (204, False)])
async def test_another_status_is_an_error(status: int, retryable: bool, downloader: Downloader, tmp_path: Path) -> None:
    error = await failure(downloader, answering(http(status)), tmp_path / "clip")

    assert (error.status, error.retryable, error.hint) == (status, retryable, None)


WRONG_ANSWERS: dict[str, tuple[bytes, str]] = {
    "broken off": (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "broke off"),
    "broken chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf", "broke off"),
    "empty": (http(200), "empty"),
    "compressed": (http(200, b"x", "Content-Encoding: gzip"), "compressed"),
    "said to be too long": (b"HTTP/1.1 200 OK\r\nContent-Length: 4194305\r\n\r\n", "longer than 4194304"),
    "too long": (b"HTTP/1.1 200 OK\r\n\r\n" + bytes(2**22 + 1), "longer than 4194304"),
    "no HTTP": (b"220 ftp ready\r\n\r\n", "not HTTP"),
    "a redirect to a file": (http(302, b"", "Location: file:///etc/passwd"), "http"),
    "a redirect to nowhere": (http(302, b"", "Location: http://[::1"), "http"),
    "a redirect without a place": (http(302), "302"),
}


@pytest.mark.parametrize("what", WRONG_ANSWERS)
async def test_a_wrong_answer_leaves_no_file(what: str, downloader: Downloader, tmp_path: Path) -> None:
    answer, words = WRONG_ANSWERS[what]

    error = await failure(downloader, answering(answer), tmp_path / "clip")

    assert words in str(error)


async def test_redirects_in_a_circle_end(downloader: Downloader, tmp_path: Path) -> None:
    seen: list[bytes] = []
    circle = answering(*[http(302, b"", f"Location: /again?{SECRET}")] * 9, seen=seen)

    error = await failure(downloader, circle, tmp_path / "clip")

    assert "more than 5 redirects" in str(error)
    assert len(seen) == 6


async def test_a_host_that_stalls_is_given_up(downloader: Downloader, tmp_path: Path) -> None:
    async def stalls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await asyncio.Event().wait()

    error = await failure(downloader, stalls, tmp_path / "clip")

    assert error.retryable


async def test_a_refused_connection_is_an_error(downloader: Downloader, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="no connection") as caught:
        await downloader.fetch(f"http://127.0.0.1:{refused_port()}/clip?{SECRET}", tmp_path / "clip")

    assert SECRET not in str(caught.value)
    assert caught.value.retryable


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "data:video/mp4;base64,AAAA", "http://a.example/\r\nX: y"])
async def test_what_is_no_http_url_is_not_fetched(url: str, downloader: Downloader, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="must be http"):
        await downloader.fetch(url, tmp_path / "clip")


# The file


async def test_a_file_that_cannot_be_written_is_an_error(downloader: Downloader, tmp_path: Path) -> None:
    async with serving(answering(http(200, b"x"))) as url:
        with pytest.raises(DownloadError, match="cannot be written") as caught:
            await downloader.fetch(url, tmp_path / "nowhere" / "clip")

    assert isinstance(caught.value.__cause__, FileNotFoundError)


async def test_a_failure_keeps_an_older_file(downloader: Downloader, tmp_path: Path) -> None:
    (tmp_path / "clip").write_bytes(b"older")
    async with serving(answering(http(500))) as url:
        with pytest.raises(DownloadError):
            await downloader.fetch(url, tmp_path / "clip")

    assert (tmp_path / "clip").read_bytes() == b"older"


async def test_a_target_that_is_a_folder_is_an_error(downloader: Downloader, tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    async with serving(answering(http(200, b"x"))) as url:
        with pytest.raises(DownloadError, match="cannot be written"):
            await downloader.fetch(url, tmp_path / "clip")

    assert names(tmp_path) == ["clip"]


async def half_sent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {2 * len(CLIP)}\r\n\r\n".encode() + CLIP)
    await asyncio.Event().wait()


async def begun(target: Path) -> None:
    """Return when the first piece of a download is on the disk."""
    part = anyio.Path(f"{target}.part")
    while not await part.exists() or (await part.stat()).st_size == 0:
        pass


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_cancelling_leaves_no_file_however_often_it_is_done(times: int, tmp_path: Path) -> None:
    async with serving(half_sent) as url, Downloader(loopback=True) as downloader:
        task = asyncio.create_task(downloader.fetch(url, tmp_path / "clip"))
        await begun(tmp_path / "clip")
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task

    assert names(tmp_path) == []


async def test_a_timeout_of_either_kind_leaves_no_file(tmp_path: Path) -> None:
    async with serving(half_sent) as url, Downloader(loopback=True) as downloader:
        with anyio.move_on_after(0.05) as scope:
            await downloader.fetch(url, tmp_path / "clip")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await downloader.fetch(url, tmp_path / "clip")

    assert scope.cancelled_caught
    assert names(tmp_path) == []


async def test_cancelling_at_any_step_leaves_all_or_nothing(tmp_path: Path) -> None:
    for step in range(60):
        async with serving(answering(http(200, b"whole"))) as url, Downloader(loopback=True) as downloader:
            task = asyncio.create_task(downloader.fetch(url, tmp_path / "clip"))
            for _ in range(step):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        assert not (tmp_path / "clip.part").exists()
        if (tmp_path / "clip").exists():
            assert (tmp_path / "clip").read_bytes() == b"whole"
            (tmp_path / "clip").unlink()


async def test_no_more_than_the_allowed_downloads_run(tmp_path: Path) -> None:
    now, most = 0, 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await read_request(reader)
        await asyncio.sleep(0)
        now -= 1
        writer.write(http(200, b"x", "Connection: close"))

    async with serving(script) as url, Downloader(connections=2, loopback=True) as downloader:
        await asyncio.gather(*(downloader.fetch(url, tmp_path / f"clip-{n}") for n in range(6)))

    assert most <= 2
    assert len(names(tmp_path)) == 6


# Opening and naming


async def test_a_downloader_that_is_not_open_says_so(tmp_path: Path) -> None:
    downloader = Downloader()
    await downloader.__aexit__(None, None, None)

    with pytest.raises(ClientClosedError):
        await downloader.fetch("http://127.0.0.1:9/clip", tmp_path / "clip")


@pytest.mark.parametrize(
    ("url", "content_type", "name"),
    [
        ("https://m.example/x", "video/mp4", "av_1-2.mp4"),
        ("https://m.example/x.mov", "video/mp4", "av_1-2.mp4"),
        ("https://m.example/x.PNG?sig=.exe", None, "av_1-2.png"),
        ("https://m.example/x.jpeg", "application/octet-stream", "av_1-2.jpg"),
        ("https://m.example/x.exe", "application/x-msdownload", "av_1-2.bin"),
        ("https://m.example/../../etc/passwd", None, "av_1-2.bin"),
    ],
)
def test_a_file_is_named_after_its_task(url: str, content_type: str | None, name: str) -> None:
    assert file_name("av_1", 2, url, content_type) == name


@pytest.mark.parametrize("task_id", ["", "../av_1", "av/1", "av_1\n"])
def test_what_is_no_id_names_no_file(task_id: str) -> None:
    with pytest.raises(DownloadError):
        file_name(task_id, 0, "https://m.example/x.mp4", None)
