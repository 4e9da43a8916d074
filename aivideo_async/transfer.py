"""One result on its way into a file, over one answer or several.

Reading goes on while threads write and hash, one piece ahead of them: so memory is bounded, and the slowest sets the
pace. What comes is copied into two buffers that are used again: to keep aiohttp's own bytes until they are written
costs more, since each is then new memory that the kernel has to clear.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import aiohttp
import anyio
import anyio.to_thread

from aivideo_async.byte_ranges import Version, answered, asking
from aivideo_async.core.errors import DownloadError
from aivideo_async.part_file import PartFile

T = TypeVar("T")

PIECE = 2**21
"""Bytes for one hand-over to a thread: smaller ones cost more than the writing."""

CHANGED = "changed"

Target = Path | Callable[[str | None], Path]
"""Where to put a result: a path, or what makes one of the content type, which is known only from the answer."""


@dataclass(frozen=True, slots=True)
class DownloadedFile:
    """A whole result on disk: its size in bytes, its SHA-256 in hex, its media type where the host named one."""

    path: Path
    bytes: int
    sha256: str
    content_type: str | None


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a host may make us take: ``limit`` bytes, and no slower than ``slowest`` bytes a second after ``grace``
    seconds, since one that never stalls and never ends would hold its place for ever.
    """

    limit: int
    slowest: float = 512.0
    grace: float = 60.0


class Transfer:
    """The state of one file: ``size`` is how many bytes of it were taken. Opening it makes nothing on the disk."""

    def __init__(self, target: Target, bounds: Bounds, writers: Executor) -> None:
        self.size: int = 0
        self._target = target
        self._bounds = bounds
        self._writers = writers
        self._version: Version | None = None
        self._content_type: str | None = None
        self._part: PartFile | None = None
        self._path = Path()
        self._writing: tuple[asyncio.Future[None], ...] = ()
        self._filled: memoryview | None = None
        self._handed_over: memoryview | None = None

    def asking(self) -> dict[str, str]:
        """The headers that ask for what is missing."""
        return asking(self.size, self._version)

    async def take(self, response: aiohttp.ClientResponse) -> bool:
        """Take what an answer of 200 or 206 brings, and tell whether the file is whole.

        Raises DownloadError, and what aiohttp raises when the body breaks off; then ``asking`` says how to go on.
        """
        begins = answered(response.status, response.headers, response.content_length)
        if begins is None:
            raise DownloadError("the host sent a part without saying which", status=response.status, charged="yes")
        at, version = begins
        await self._begin(at, version, response)
        await self._read(response)
        if self.size == 0:
            raise DownloadError("the result is empty", retryable=True, charged="yes")
        return self._version is None or self._version.length is None or self.size >= self._version.length

    async def _begin(self, at: int, version: Version, response: aiohttp.ClientResponse) -> None:
        if self._version is not None and self._version.differs(version):
            raise changed()
        if at not in (0, self.size):
            raise DownloadError("the host sent another part than was asked for", retryable=True, charged="yes")
        if (version.length or 0) > self._bounds.limit:
            raise self._too_long()
        if self._part is None:
            type_ = response.content_type.lower() if "Content-Type" in response.headers else None
            self._content_type, self._path = type_, self._target(type_) if callable(self._target) else self._target
            self._part = PartFile(self._path)
            await on_disk(self._part.open)
        elif at == 0:
            await self._written()
            await on_disk(self._part.restart)
            self.size = 0
        if at == 0:
            self._version = version

    async def _read(self, response: aiohttp.ClientResponse) -> None:
        loop, before = asyncio.get_running_loop(), self.size
        began = loop.time()
        held = 0
        try:
            async for chunk, _ in response.content.iter_chunks():  # as they come: nothing is joined or cut
                if self.size + held + len(chunk) > self._bounds.limit:
                    raise self._too_long()
                self._keep_pace(self.size + held + len(chunk) - before, loop.time() - began)
                rest = memoryview(chunk)
                while rest:
                    taken, rest = rest[: PIECE - held], rest[PIECE - held :]
                    self._filling()[held : held + len(taken)] = taken
                    held += len(taken)
                    if held == PIECE:
                        held = 0
                        await self._write(PIECE)
        finally:
            # Also what came before the body broke off: the next answer goes on behind it.
            await self._write(held)
        await self._written()

    def _filling(self) -> memoryview:
        """The buffer that is filled now; a result of one piece needs no other."""
        if self._filled is None:
            self._filled = memoryview(bytearray(PIECE))
        return self._filled

    async def _write(self, held: int) -> None:
        """Let threads write and hash what the buffer holds; the next one is free when what it held is written."""
        await self._written()
        if held and self._part is not None:
            loop, piece = asyncio.get_running_loop(), self._filling()[:held]
            works = (self._part.write, self._part.hash)
            writings = tuple(loop.run_in_executor(self._writers, partial(work, piece)) for work in works)
            self._writing = writings
            for writing in writings:
                writing.add_done_callback(_looked_at)
            self.size += held
            self._filled, self._handed_over = self._handed_over, self._filled

    async def _written(self) -> None:
        """Wait until the piece before is written and hashed."""
        writing, self._writing = self._writing, ()
        for work in writing:
            await on_disk(work)

    def _keep_pace(self, taken: int, seconds: float) -> None:
        if seconds > self._bounds.grace and taken < seconds * self._bounds.slowest:
            raise DownloadError(f"the host sent {taken} bytes in {seconds:.0f} s", retryable=True, charged="yes")

    def _too_long(self) -> DownloadError:
        return DownloadError(f"the result is longer than {self._bounds.limit} bytes", charged="yes")

    async def commit(self) -> DownloadedFile:
        """Put it on the disk and give it its name."""
        assert self._part is not None  # noqa: S101 - something was taken
        await self._written()
        await on_disk(self._part.sync)
        await to_the_end(self._part.commit)
        return DownloadedFile(self._path, self.size, self._part.sha256, self._content_type)

    async def discard(self) -> None:
        """Leave nothing, unless it was committed."""
        if self._part is not None:
            await to_the_end(self._part.discard)


def changed() -> DownloadError:
    """A host that began one file and went on with another."""
    return DownloadError("the file changed while it was fetched", code=CHANGED, retryable=True, charged="yes")


async def on_disk(work: Callable[[], T] | asyncio.Future[T]) -> T:
    """What a thread does, or is doing. Raises DownloadError in place of OSError."""
    try:
        return await anyio.to_thread.run_sync(work) if callable(work) else await work
    except OSError as error:
        message = f"the file cannot be written: {error}"
        raise DownloadError(message, charged="yes") from error


async def to_the_end(work: Callable[[], None]) -> None:
    """Work that may be begun again, done to its end; being cancelled meanwhile is raised afterwards."""
    cancelled: asyncio.CancelledError | None = None
    while True:
        try:
            with anyio.CancelScope(shield=True):
                await on_disk(work)
            break
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


def _looked_at(writing: asyncio.Future[None]) -> None:
    """An error in a write that nobody awaits any more is no news."""
    if not writing.cancelled():
        writing.exception()


@asynccontextmanager
async def temporary_folder() -> AsyncGenerator[Path]:
    """A folder that is gone afterwards, with all that is in it."""
    made = Path(await anyio.to_thread.run_sync(partial(tempfile.mkdtemp, prefix="aivideo-")))
    try:
        yield made
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(partial(shutil.rmtree, made, ignore_errors=True))
