"""Results into files: streamed, counted and hashed, and under their name only when they are whole.

The session here never sees the API key. What is fetched is a presigned URL: it goes out byte for byte, and its query
shows in no error (webhooks.md §4).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import PurePosixPath
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from aivideo_async.core.errors import ClientClosedError, DownloadError
from aivideo_async.core.models import without_query
from aivideo_async.core.wire import TASK_ID, is_web_url
from aivideo_async.guard import Guard, forbidden
from aivideo_async.transfer import CHANGED, Bounds, DownloadedFile, Target, Transfer, changed
from aivideo_async.transport import FOREIGN_ERRORS, Timeouts, connection_error, open_session, safe_cause

__all__ = ["PAUSES", "SIZE_LIMIT", "DownloadedFile", "Downloader", "Refresh", "Target", "file_name"]

SIZE_LIMIT = 2 * 2**30
"""Bytes; no result comes near it."""
PAUSES = (0.25, 1.0, 2.0, 4.0, 8.0)
"""Seconds before a fetch that broke off goes on; so many tries in a row may bring less than ``PROGRESS``."""
PROGRESS = 2**20
"""Bytes that earn a fetch all of its tries again."""

Refresh = Callable[[], Awaitable[str | None]]
"""Asks for another URL of the same result; ``None`` when there is none."""

_WRITERS = 4
_BUFFER = 2**18
_REDIRECTS = 5
_REDIRECT_CODES = frozenset({301, 302, 303, 307, 308})
_GONE_CODES = frozenset({403, 404, 410})
_OUT_OF_RANGE = 416
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
    ``loopback`` is for a service on loopback: everybody else's results come by https from public addresses. A fetch
    that breaks off goes on after each of ``pauses`` seconds.
    """

    def __init__(
        self,
        *,
        timeouts: Timeouts | None = None,
        limit: int = SIZE_LIMIT,
        connections: int = 16,
        loopback: bool = False,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        self._timeouts = timeouts or Timeouts()
        self._bounds = Bounds(limit)
        self._connections = connections
        self._guard = Guard(loopback)
        self._pauses = pauses
        self._slots = asyncio.Semaphore(connections)
        self._opened = False
        self._session: aiohttp.ClientSession | None = None
        self._writers: ThreadPoolExecutor | None = None

    async def __aenter__(self) -> Self:
        self._slots = asyncio.Semaphore(self._connections)
        self._opened = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened = False
        session, self._session = self._session, None
        writers, self._writers = self._writers, None
        if writers is not None:
            writers.shutdown(wait=False)
        if session is not None:
            await session.close()

    async def fetch(self, url: str, target: Target, *, refresh: Refresh | None = None) -> DownloadedFile:
        """Fetch ``url`` into ``target``, over a ``.part`` file beside it; an older file of that name is replaced.

        A fetch that breaks off goes on where it stopped, if the host's answer is of the same file; for a URL that is
        dead, ``refresh`` is asked once. Raises DownloadError, and ClientClosedError when not open. Cancelling closes
        the connection. After either there is no ``.part``, and under the target's name only what was there before; a
        cancellation that comes during the final rename finds the whole file there.
        """
        async with self._slots:
            session, writers = self._open()
            transfer = Transfer(target, self._bounds, writers)
            try:
                await self._take_all(session, url, transfer, refresh)
                return await transfer.commit()
            except BaseException:
                await transfer.discard()
                raise

    async def _take_all(
        self, session: aiohttp.ClientSession, url: str, transfer: Transfer, refresh: Refresh | None
    ) -> None:
        tries = 0
        while True:
            before = transfer.size
            try:
                if await self._take(session, url, transfer):
                    return
                failure = DownloadError(f"the host does not send all of {_shown(url)}", retryable=True, charged="yes")
            except DownloadError as error:
                failure = error
            other = await refresh() if refresh is not None and failure.status in _GONE_CODES else None
            if other is not None:
                url, refresh = other, None
                continue
            tries = 0 if transfer.size - before >= PROGRESS else tries
            if not failure.retryable or failure.code == CHANGED or tries >= len(self._pauses):
                raise failure
            await asyncio.sleep(self._pauses[tries])
            tries += 1

    async def _take(self, session: aiohttp.ClientSession, url: str, transfer: Transfer) -> bool:
        try:
            async with self._answer(session, url, transfer.asking()) as response:
                return await transfer.take(response)
        except FOREIGN_ERRORS as error:
            if forbidden(error):
                failure = DownloadError(f"the host is not on the public internet: {_shown(url)}", charged="yes")
            else:
                words = connection_error(error, sent=True).message
                failure = DownloadError(f"{words}: {_shown(url)}", retryable=True, charged="yes")
            # aiohttp quotes whole URLs, and those with a query are secrets.
            cause = safe_cause(error, "?")
        raise failure from cause

    @asynccontextmanager
    async def _answer(
        self, session: aiohttp.ClientSession, url: str, asking: Mapping[str, str]
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        headers = {"Accept-Encoding": "identity", **asking}
        for _ in range(_REDIRECTS + 1):
            request = session.get(self._exact(url), allow_redirects=False, headers=headers, read_bufsize=_BUFFER)
            async with request as response:
                location = response.headers.get("Location") if response.status in _REDIRECT_CODES else None
                if location is None:
                    _check_answer(response, url, asked_for_part="Range" in headers)
                    yield response
                    return
            url = _joined(url, location)
        message = f"more than {_REDIRECTS} redirects, the last to {_shown(url)}"
        raise DownloadError(message, charged="yes")

    def _open(self) -> tuple[aiohttp.ClientSession, ThreadPoolExecutor]:
        if not self._opened:
            message = "the downloader is not open"
            raise ClientClosedError(message)
        if self._session is None:  # most clients of a web tier never fetch anything
            self._session = open_session(
                self._timeouts, total=None, decompress=False, socket_factory=self._guard.socket
            )
        if self._writers is None:
            self._writers = ThreadPoolExecutor(_WRITERS, thread_name_prefix="aivideo-download")
        return self._session, self._writers

    def _exact(self, url: str) -> URL:
        fault = self._guard.fault(url)
        if fault is not None:
            raise DownloadError(f"a result's URL {fault}: {_shown(url)}", charged="yes")
        # Quoted again, a signed URL would no longer fit its signature.
        return URL(url, encoded=url.isascii())


def _shown(url: str) -> str:
    return without_query(url) if is_web_url(url) else "what is no http(s) URL"


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        return ""


def _check_answer(response: aiohttp.ClientResponse, url: str, *, asked_for_part: bool) -> None:
    status = response.status
    if asked_for_part and status == _OUT_OF_RANGE:
        raise changed()
    if status != 200 and not (asked_for_part and status == 206):
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
