"""How a result file is handed out: whole, in part, or by one of the faults that were enqueued for its task. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from pydantic import JsonValue

from aivideo_async.sandbox.records import SandboxTask
from aivideo_async.sandbox.scenarios import Changed, ExpiredUrl, RedirectPrivate, ShortBody
from aivideo_async.sandbox.shelf import Shelf, ShelfError, byte_range

PRIVATE_URL = "http://10.255.255.1/latest/meta-data/"
"""An address that no result can be at."""


@dataclass(frozen=True, slots=True)
class Handout:
    """An answer. ``length`` is what it announces; a ``body`` that is shorter breaks off."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    length: int
    content_type: str = "application/octet-stream"
    modified: float | None = None


class FileDesk:
    """Hands the files of a shelf out, to whoever has a living URL. ``tasks`` are the engine's, ``put`` changes one."""

    def __init__(self, shelf: Shelf, tasks: Mapping[str, SandboxTask], put: Callable[[SandboxTask], object]) -> None:
        self._shelf, self._tasks, self._put = shelf, tasks, put
        self._owners: dict[str, str] = {}
        self._given: Counter[str] = Counter()

    def told(self, task: SandboxTask, urls: Sequence[str], now: float) -> list[str]:
        """The URLs of a task's results as the service tells them."""
        if not task.course.has_file_fault:
            return list(urls)
        self._owners.update({urlsplit(url).path: task.id for url in urls})
        if task.course.has(ExpiredUrl):
            return [self._shelf.url(urlsplit(url).path, self._shelf.dead_since(now)) for url in urls]
        return list(urls)

    def take_up(self, task: SandboxTask) -> None:
        """Know a task of an earlier run and its files."""
        urls = (task.output or {}).get("urls")
        if task.course.has_file_fault and isinstance(urls, list):
            self._owners.update({urlsplit(str(url)).path: task.id for url in urls})

    def hand_out(
        self, path: str, query: Mapping[str, str], now: float, *, wanted: str | None, if_range: str | None
    ) -> Handout:
        """The answer to a GET with the headers ``Range`` and ``If-Range``. Raises ShelfError."""
        task = self._tasks.get(self._owners.get(path, ""))
        try:
            file = self._shelf.get(path, query, now)
        except ShelfError:
            if task is not None and task.course.has(ExpiredUrl):
                self._renew(task, now)
            raise
        self._given[path] += 1
        if task is not None and task.course.has(RedirectPrivate):
            return Handout(302, {"Location": PRIVATE_URL}, b"", 0)
        data, etag = file.data, file.etag
        if task is not None and task.course.has(Changed) and self._given[path] > 1:
            data, etag = data[::-1], f'"{etag[1:-1][::-1]}"'
        span = byte_range(wanted if if_range in (None, etag) else None, len(data))
        headers = {"ETag": etag, "Accept-Ranges": "bytes"}
        if span is not None:
            headers["Content-Range"] = f"bytes {span[0]}-{span[1]}/{len(data)}"
            data = data[span[0] : span[1] + 1]
        body = data[: len(data) // 2] if task is not None and self._breaks_off(task, path) else data
        return Handout(200 if span is None else 206, headers, body, len(data), file.content_type, file.modified)

    def _breaks_off(self, task: SandboxTask, path: str) -> bool:
        if task.course.has(Changed):
            return self._given[path] == 1
        times = [item.times for item in task.course.scenarios if isinstance(item, ShortBody)]
        return self._given[path] <= max(times, default=0)

    def _renew(self, task: SandboxTask, now: float) -> None:
        """From now on whoever asks for the task is told living URLs."""
        if task.output is None:
            return
        old = task.output["urls"]
        urls: list[JsonValue] = (
            [self._shelf.url(urlsplit(str(url)).path, now) for url in old] if isinstance(old, list) else []
        )
        self._put(replace(task, output={**task.output, "urls": urls}))
