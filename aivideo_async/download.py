"""Results into files: streamed, counted and hashed, and under their name only when they are whole.

The session here never sees the API key. What is fetched is a presigned URL: it goes out byte for byte, and its query
shows in no error (webhooks.md §4).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import aiohttp
import anyio
import anyio.to_thread
from yarl import URL

from aivideo_async.core.errors import ClientClosedError, DownloadError
from aivideo_async.core.models import without_query
from aivideo_async.core.wire import TASK_ID, is_web_url
from aivideo_async.part_file import PartFile
from aivideo_async.transport import FOREIGN_ERRORS, Timeouts, connection_error, open_session, safe_cause

SIZE_LIMIT = 2 * 2**30
"""Bytes; no result comes near it."""

_PIECE = 2**20  # one hand-over to a thread per piece: smaller ones cost more than the writing
_REDIRECTS = 5
_REDIRECT_CODES = frozenset({301, 302, 303, 307, 308})
_GONE_CODES = frozenset({403, 404, 410})
_COMPRESSIONS = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd", "compress"})
_EXTENSIONS: Mapping[str, str] = {
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "audio/mpeg": ".mp3",
    "audio/mp4": ".m4a",
    "audio/x-m4a": ".m4a",
    "audio/wav": ".wav",
    "audio/x-wav": ".wav",
    "audio/ogg": ".ogg",
    "audio/flac": ".flac",
}
_NO_EXTENSION = ".bin"

Target = Path | Callable[[str | None], Path]
"""Where to put a result: a path, or what makes one of the content type, which is known only from the answer."""


@dataclass(frozen=True, slots=True)
class DownloadedFile:
    """A whole result on disk: its size in bytes, its SHA-256 in hex, its media type where the host named one."""

    path: Path
    bytes: int
    sha256: str
    content_type: str | None


def file_name(task_id: str, n: int, url: str, content_type: str | None) -> str:
    """The name of a task's ``n``-th result: ours, never a remote one. Raises DownloadError for what is no id.

    The extension is that of the content type, else the URL's where it is one we know, else ``.bin``.
    """
    if not TASK_ID.fullmatch(task_id):
        message = "a file is named after a task's id, and this is none"
        raise DownloadError(message)
    suffix = PurePosixPath(urlsplit(url).path).suffix.lower().replace(".jpeg", ".jpg")
    known = suffix if suffix in _EXTENSIONS.values() else _NO_EXTENSION
    return f"{task_id}-{n}{_EXTENSIONS.get(content_type or '', known)}"


class Downloader:
    """Fetches results, between entering and leaving; it may be opened again afterwards.

    ``connections`` bounds how many are fetched at once, ``limit`` the bytes of each. ``timeouts.total`` does not apply.
    """

    def __init__(self, *, timeouts: Timeouts | None = None, limit: int = SIZE_LIMIT, connections: int = 16) -> None:
        self._timeouts = timeouts or Timeouts()
        self._limit = limit
        self._connections = connections
        self._slots = asyncio.Semaphore(connections)
        self._opened = False
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._slots = asyncio.Semaphore(self._connections)
        self._opened = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened = False
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def fetch(self, url: str, target: Target) -> DownloadedFile:
        """Fetch ``url`` into ``target``, over a ``.part`` file beside it; an older file of that name is replaced.

        Raises DownloadError, and ClientClosedError when not open. Cancelling closes the connection. After either there
        is no ``.part``, and under the target's name only what was there before; a cancellation that comes during the
        final rename finds the whole file there.
        """
        try:
            async with self._slots, self._answer(url) as response:
                return await self._saved(response, target)
        except FOREIGN_ERRORS as error:
            words = connection_error(error, sent=True).message
            failure = DownloadError(f"{words}: {_shown(url)}", retryable=True, charged="yes")
            # aiohttp quotes whole URLs, and those with a query are secrets.
            cause = safe_cause(error, "?")
        raise failure from cause

    @asynccontextmanager
    async def _answer(self, url: str) -> AsyncGenerator[aiohttp.ClientResponse]:
        session = self._open_session()
        for _ in range(_REDIRECTS + 1):
            request = session.get(_exact(url), allow_redirects=False, headers={"Accept-Encoding": "identity"})
            async with request as response:
                location = response.headers.get("Location") if response.status in _REDIRECT_CODES else None
                if location is None:
                    _check_answer(response, url, self._limit)
                    yield response
                    return
            url = _joined(url, location)
        message = f"more than {_REDIRECTS} redirects, the last to {_shown(url)}"
        raise DownloadError(message, charged="yes")

    def _open_session(self) -> aiohttp.ClientSession:
        if not self._opened:
            message = "the downloader is not open"
            raise ClientClosedError(message)
        if self._session is None:  # most clients of a web tier never fetch anything
            self._session = open_session(self._timeouts, total=None, decompress=False)
        return self._session

    async def _saved(self, response: aiohttp.ClientResponse, target: Target) -> DownloadedFile:
        content_type = response.content_type.lower() if "Content-Type" in response.headers else None
        path = target(content_type) if callable(target) else target
        part = PartFile(path)
        try:
            await _on_disk(part.open)
            size = await self._written(response, part)
            await _on_disk(part.sync)
            await _to_the_end(part.commit)
        except BaseException:
            await _to_the_end(part.discard)
            raise
        return DownloadedFile(path, size, part.sha256, content_type)

    async def _written(self, response: aiohttp.ClientResponse, part: PartFile) -> int:
        """Write the body and give its size; aiohttp holds it against the Content-Length."""
        size, held = 0, bytearray()
        async for chunk in response.content.iter_any():
            size += len(chunk)
            held += chunk
            if size > self._limit:
                raise _too_long(self._limit)
            if len(held) >= _PIECE:
                await _on_disk(partial(part.write, bytes(held)))
                held.clear()
        if size == 0:
            message = "the result is empty"
            raise DownloadError(message, retryable=True, charged="yes")
        await _on_disk(partial(part.write, bytes(held)))
        return size


def _shown(url: str) -> str:
    return without_query(url) if is_web_url(url) else "what is no http(s) URL"


def _exact(url: str) -> URL:
    if not is_web_url(url):
        message = "a result's URL must be http(s)"
        raise DownloadError(message, charged="yes")
    # Quoted again, a signed URL would no longer fit its signature.
    return URL(url, encoded=url.isascii())


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        return ""


def _check_answer(response: aiohttp.ClientResponse, url: str, limit: int) -> None:
    status = response.status
    if status != 200:
        raise DownloadError(
            f"{status} for {_shown(url)}",
            status=status,
            retryable=status == 429 or status >= 500,
            charged="yes",
            hint="the URL has probably expired: results live 24 hours" if status in _GONE_CODES else None,
        )
    if response.headers.get("Content-Encoding", "").strip().lower() in _COMPRESSIONS:
        message = f"the host compressed what was asked for as it is: {_shown(url)}"
        raise DownloadError(message, status=status, charged="yes")
    if (response.content_length or 0) > limit:
        raise _too_long(limit)


def _too_long(limit: int) -> DownloadError:
    return DownloadError(f"the result is longer than {limit} bytes", charged="yes")


async def _on_disk(work: Callable[[], None]) -> None:
    try:
        await anyio.to_thread.run_sync(work)
    except OSError as error:
        message = f"the file cannot be written: {error}"
        raise DownloadError(message, charged="yes") from error


async def _to_the_end(work: Callable[[], None]) -> None:
    """Work that may be begun again, done to its end; being cancelled meanwhile is raised afterwards."""
    cancelled: asyncio.CancelledError | None = None
    while True:
        try:
            with anyio.CancelScope(shield=True):
                await _on_disk(work)
            break
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
