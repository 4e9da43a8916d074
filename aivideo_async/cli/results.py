"""What a batch leaves beside its files: ``results.jsonl``, ``gallery.html``, and the bill."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TextIO

from pydantic import JsonValue

from aivideo_async import gallery
from aivideo_async.batch_items import BatchItem, Ending
from aivideo_async.catalog import request_to_data
from aivideo_async.cli.exits import Exit
from aivideo_async.cli.output import facts_of, number
from aivideo_async.core.errors import ConfigurationError
from aivideo_async.core.models import Kind, TaskRecord

RESULTS = "results.jsonl"
PAGE = "gallery.html"
USUAL_BYTES: Mapping[Kind, int] = {"video": 16 * 2**20, "image": 4 * 2**20, "music": 8 * 2**20}
"""What a result takes on the disk, generously."""


def ready(out: Path, kinds: Iterable[Kind]) -> None:
    """Make the folder, and see that it can be written and has room for the results. Blocks.

    Raises OSError, and ConfigurationError where there is too little room.
    """
    out.mkdir(parents=True, exist_ok=True)
    probe = out / f".aivideo-{os.getpid()}"
    try:
        probe.touch()
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    needed = sum(USUAL_BYTES[kind] for kind in kinds)
    disk = os.statvfs(out)
    free = disk.f_bavail * disk.f_frsize
    if free < needed:
        said = f"{out} has {free / 2**20:,.0f} MiB left, and the results may take {needed / 2**20:,.0f}"
        raise ConfigurationError(said, hint="--out names a folder on another disk")


class Results:
    """``results.jsonl``: lines as items end, and at the end in the order of the rows."""

    def __init__(self, out: Path, lines: Sequence[int]) -> None:
        self._path, self._lines = out / RESULTS, lines
        self._file: TextIO | None = None
        self._kept: dict[int, str] = {}

    def open(self) -> None:
        """Begin anew: a batch that goes on tells again what has ended before. Blocks. Raises OSError."""
        self._file = self._path.open("w", encoding="utf-8")

    def add(self, item: BatchItem, out: Path) -> dict[str, JsonValue]:
        """Write an item, at once. Blocks. Raises OSError."""
        value = item_object(item, self._lines[item.index], out)
        self._kept[item.index] = text = json.dumps(value)
        if self._file is not None:
            self._file.write(text + "\n")
            self._file.flush()
        return value

    def close(self, whole: bool) -> None:
        """Close it, in the order of the rows where it is ``whole``. Blocks. Raises OSError."""
        if self._file is not None:
            self._file.close()
        if whole:
            ordered = self._path.with_suffix(".jsonl.part")
            ordered.write_text("".join(self._kept[n] + "\n" for n in sorted(self._kept)), encoding="utf-8")
            ordered.replace(self._path)


def item_object(item: BatchItem, line: int, out: Path) -> dict[str, JsonValue]:
    """An item as one JSON object. URLs of results are not in it: they are secrets, and dead tomorrow."""
    record = item.record
    return {
        "line": line,
        "ending": item.ending,
        "id": None if record is None else record.id,
        "service_id": None if record is None else record.service_id,
        "model": item.request.model if record is None else record.model,
        "credits": number(item.credits),
        "request": request_to_data(item.request),
        "attempts": [
            {
                "model": attempt.request.model,
                "id": None if attempt.record is None else attempt.record.id,
                "changes": [str(change) for change in attempt.changes],
                "error": None if attempt.error is None else facts_of(attempt.error),
            }
            for attempt in item.attempts
        ],
        "files": [_relative(file, out) for file in item.files],
        "error": None if item.error is None else facts_of(item.error),
    }


def page_of(items: Sequence[BatchItem], out: Path, *, title: str, made: datetime) -> str:
    """The gallery as HTML, for the folder in which the files lie."""
    spent = sum((item.credits for item in items), Decimal(0))
    completed = sum(item.ending == "completed" for item in items)
    facts = {"Requests": str(len(items)), "Completed": str(completed), "Credits by estimate": f"{spent:,f}"}
    return gallery.render([_item(item, out) for item in items], title=title, facts=facts, made=made)


def bill(items: Iterable[BatchItem]) -> list[tuple[str, ...]]:
    """Rows of a table: model, completed, failed, in doubt, credits; an attempt counts where it was made."""
    rows: dict[str, list[Decimal | int]] = {}
    for item in items:
        for attempt in item.attempts:
            row = rows.setdefault(attempt.request.model, [0, 0, 0, Decimal(0)])
            one = BatchItem(index=item.index, request=attempt.request, attempts=(attempt,))
            places: Mapping[Ending, int] = {"completed": 0, "failed": 1, "in_doubt": 2, "over_budget": 1}
            row[places[one.ending]] += 1
            row[3] += one.credits
    return [(model, *(f"{amount:,}" for amount in row)) for model, row in sorted(rows.items())]


def exit_of(items: Iterable[BatchItem], *, bad_rows: bool) -> Exit:
    """The exit code of a batch: over the budget, else something failed, else something is in doubt, else done."""
    endings = {item.ending if item.error is None or item.ending != "completed" else "failed" for item in items}
    if "over_budget" in endings:
        return Exit.CREDITS
    if "failed" in endings or bad_rows:
        return Exit.FAILED
    return Exit.OPEN if "in_doubt" in endings else Exit.OK


def _item(item: BatchItem, out: Path) -> gallery.GalleryItem:
    record = item.record or TaskRecord(id=f"row {item.index + 1}", origin="", request=item.request)
    made = gallery.item_of(record, files=[_relative(file, out) for file in item.files])
    status = made.status if item.ending in ("completed", "failed") and item.record else item.ending.replace("_", " ")
    message = made.message or (None if item.error is None else str(item.error))
    return gallery.GalleryItem(
        id=made.id,
        kind=item.request.kind,
        model=made.model if item.record else item.request.model,
        status=status,
        prompt=made.prompt,
        parameters=made.parameters,
        files=made.files,
        credits=made.credits,
        message=message,
    )


def _relative(file: Path, out: Path) -> str:
    return file.relative_to(out).as_posix() if file.is_relative_to(out) else str(file)
