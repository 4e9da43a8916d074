"""How a result file is handed out: whole, in part, or by one of the faults that were enqueued for its task. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from pydantic import JsonValue

from aivideo_async.sandbox.records import SandboxTask
from aivideo_async.sandbox.scenarios import Changed, ExpiredUrl, RedirectPrivate, ShortBody
from aivideo_async.sandbox.shelf import Content, Shelf, ShelfError, byte_range

PRIVATE_URL = "http://10.255.255.1/latest/meta-data/"
"""An address that no result can be at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handout:
    """An answer. Its body is ``sent`` bytes of a content from the ``first`` on, back to front where it is ``mirrored``.

    ``length`` is what it announces; one of which less is sent breaks off.
    """

    status: int
    headers: Mapping[str, str]
    content: Content | None = None
    first: int = 0
    sent: int = 0
    length: int = 0
    mirrored: bool = False
    content_type: str = "application/octet-stream"
    modified: float | None = None

    def pieces(self, most: int) -> Iterator[tuple[int, int]]:
        """Where in the content each piece of the body begins, and its size, ``most`` bytes at most."""
        if self.content is None:
            return
        for done in range(0, self.sent, most):
            first, size = self.first + done, min(most, self.sent - done)
            yield self.content.size - first - size if self.mirrored else first, size


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

    def forget(self, task: SandboxTask) -> None:
        """Have none of a task's files any more."""
        for path in paths_in(task.output):
            self._shelf.drop(path)
            self._owners.pop(path, None)
            self._given.pop(path, None)

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
        self._given[path] += task is not None
        if task is not None and task.course.has(RedirectPrivate):
            return Handout(status=302, headers={"Location": PRIVATE_URL})
        mirrored = task is not None and task.course.has(Changed) and self._given[path] > 1
        etag, size = f'"{file.etag[1:-1][::-1]}"' if mirrored else file.etag, file.content.size
        span = byte_range(wanted if if_range in (None, etag) else None, size)
        headers = {"ETag": etag, "Accept-Ranges": "bytes"}
        if span is not None:
            headers["Content-Range"] = f"bytes {span[0]}-{span[1]}/{size}"
        first, last = span or (0, size - 1)
        length = last + 1 - first
        return Handout(
            status=200 if span is None else 206, headers=headers, content=file.content, first=first, length=length,
            sent=length // 2 if task is not None and self._breaks_off(task, path) else length, mirrored=mirrored,
            content_type=file.content_type, modified=file.modified,
        )  # fmt: skip

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


def paths_in(output: JsonValue | Mapping[str, JsonValue]) -> Iterator[str]:
    """The path of every URL that an output has, wherever it stands."""
    if isinstance(output, str):
        yield from [urlsplit(output).path] if "://" in output else []
    elif isinstance(output, Mapping):
        for value in output.values():
            yield from paths_in(value)
    elif isinstance(output, list):
        for value in output:
            yield from paths_in(value)
