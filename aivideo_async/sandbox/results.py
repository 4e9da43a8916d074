"""What was made for a task: until its time is up, and then its ``output`` with files and metadata (api.md §3). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pydantic import JsonValue

from aivideo_async.sandbox.files import FileDesk
from aivideo_async.sandbox.plan import Made, Work
from aivideo_async.sandbox.records import SandboxTask
from aivideo_async.sandbox.shelf import Content, Shelf

Result = Work[Content] | tuple[str, str]
"""A task's files, or code and message of why there are none."""


class Results:
    """What was handed in for tasks whose time is not up, by id. Files that come to nothing are dropped."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._results: dict[str, Result] = {}

    def __contains__(self, task_id: str) -> bool:
        return task_id in self._results

    def put(self, task_id: str, result: Result) -> None:
        """Have this one, in place of what was handed in before."""
        self.drop(self._results.get(task_id))
        self._results[task_id] = result

    def pop(self, task_id: str) -> Result:
        """Take one out. Raises KeyError."""
        return self._results.pop(task_id)

    def drop(self, result: Result | None) -> None:
        """Have no use for this one."""
        if isinstance(result, Work):
            self._shelf.dropped.extend(made.data.name for made in result)

    def contents(self) -> Iterator[str]:
        """The name of every file's content, as often as there are files with it."""
        works = (result for result in self._results.values() if isinstance(result, Work))
        return (made.data.name for work in works for made in work)

    def clear(self, *, files: bool = False) -> None:
        """Drop all of them, or those only that are ``files``."""
        for task_id, result in tuple(self._results.items()):
            if isinstance(result, Work) or not files:
                self.drop(self._results.pop(task_id))


def output_of(
    task: SandboxTask, work: Work[Content], shelf: Shelf, desk: FileDesk, name: Callable[[], str], now: float
) -> dict[str, JsonValue]:
    """Put the files on the shelf, each by a new ``name``, and tell where they are."""

    def put(made: Made[Content]) -> str:
        return shelf.put(name(), made.suffix, made.data, now)

    urls = [put(made) for made in work.files]
    output: dict[str, JsonValue] = {"urls": [*desk.told(task, urls, now)]}
    if work.last_frame is not None:
        output["last_frame_url"] = put(work.last_frame)
    metadata = task.plan.metadata(work.ratio)
    if task.plan.kind == "music":
        covers = [put(cover) for cover in work.covers]
        metadata["tracks"] = [
            {"title": made.title, "duration": made.seconds, "image_url": cover}
            for made, cover in zip(work.files, covers, strict=True)
        ]
    return {**output, "metadata": metadata}
