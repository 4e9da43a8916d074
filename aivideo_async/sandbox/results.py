"""A finished task's ``output``: its files on the shelf, their URLs, the metadata (api.md §3). Pure."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import JsonValue

from aivideo_async.sandbox.files import FileDesk
from aivideo_async.sandbox.plan import Made, Work
from aivideo_async.sandbox.records import SandboxTask
from aivideo_async.sandbox.shelf import Shelf


def output_of(
    task: SandboxTask, work: Work, shelf: Shelf, desk: FileDesk, name: Callable[[], str], now: float
) -> dict[str, JsonValue]:
    """Put the files on the shelf, each by a new ``name``, and tell where they are."""

    def put(made: Made) -> str:
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
