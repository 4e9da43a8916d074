"""What a demo came to: as a table, as the object of ``--json`` and as a gallery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from pydantic import JsonValue

from aivideo_async import gallery
from aivideo_async.cli.output import Screen, number
from aivideo_async.cli.screenplay import name_of
from aivideo_async.core.errors import AIVideoError
from aivideo_async.core.models import Credits, GenerationRequest, TaskRecord, TaskStatus

LEAD = "One image, one clip that begins with it, and clips in three lengths and two sizes, submitted at once."


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """What became of one task. ``file`` is where its result lies, ``error`` says why there is none, ``poster`` is a
    picture of a clip.

    ``took`` is seconds from submitting to the file, by our clock.
    """

    request: GenerationRequest
    record: TaskRecord | None = None
    file: Path | None = None
    error: AIVideoError | None = None
    first_frame: Path | None = None
    poster: Path | None = None
    took: float = 0.0

    @property
    def id(self) -> str | None:
        """Our id; ``None`` where it did not come to one."""
        if self.record is not None:
            return self.record.id
        return None if self.error is None else self.error.task_id

    @property
    def status(self) -> str:
        """The task's status, or ``refused`` where there is no record of one."""
        return "refused" if self.record is None else self.record.status.value

    @property
    def credits(self) -> Decimal:
        """What it cost by the estimate: nothing unless it completed, since what fails is paid back."""
        estimate = None if self.record is None or self.status != TaskStatus.COMPLETED else self.record.estimate
        return Decimal(0) if estimate is None or estimate.high is None else estimate.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A whole demo. ``requests`` are counted in the sandbox's log, ``callbacks`` by the receiver."""

    shots: Sequence[Shot]
    requests: Mapping[str, int]
    callbacks: Mapping[str, int]
    before: Credits
    after: Credits

    @property
    def spent(self) -> Decimal:
        """Credits that are gone."""
        return self.before.balance - self.after.balance


def report(screen: Screen, outcome: Outcome, page: Path) -> None:
    """Print the outcome."""
    screen.table(("task", "status", "took", "credits", "file"), [_row(shot) for shot in outcome.shots])
    requests, callbacks = outcome.requests, outcome.callbacks
    screen.line(
        f"{requests['create']} creates, {requests['get_task']} status queries; "
        f"{callbacks['verified']} of {callbacks['received']} callbacks verified, {callbacks['rejected']} rejected; "
        f"{outcome.spent:,f} credits spent"
    )
    screen.line(f"gallery: {page}")
    for shot in outcome.shots:
        if shot.error is not None:
            screen.say(f"error: {name_of(shot.request)}: {shot.error}", style="bold red")
    screen.object(summary(outcome))


def summary(outcome: Outcome) -> dict[str, JsonValue]:
    """The object of ``aivideo demo --json``."""
    return {
        "tasks": [_task(shot) for shot in outcome.shots],
        "requests": dict(outcome.requests),
        "callbacks": dict(outcome.callbacks),
        "credits": {
            "before": number(outcome.before.balance),
            "after": number(outcome.after.balance),
            "spent": number(outcome.spent),
        },
    }


def page_of(outcome: Outcome, made: datetime) -> str:
    """The gallery as HTML, for the folder in which the files lie."""
    facts = {
        "Tasks": str(len(outcome.shots)),
        "Callbacks verified": str(outcome.callbacks["verified"]),
        "Status queries": str(outcome.requests["get_task"]),
        "Credits spent": f"{outcome.spent:,f}",
    }
    items = [_item(shot) for shot in outcome.shots]
    return gallery.render(items, title="aivideo demo", lead=LEAD, facts=facts, made=made)


def _task(shot: Shot) -> dict[str, JsonValue]:
    fields = shot.request.fields()
    return {
        "id": shot.id,
        "model": shot.request.model,
        "status": shot.status,
        "file": None if shot.file is None else str(shot.file),
        "duration": fields.get("duration"),
        "size": fields.get("size"),
        "credits": number(shot.credits),
    }


def _row(shot: Shot) -> Sequence[str]:
    return name_of(shot.request), shot.status, f"{shot.took:.1f} s", f"{shot.credits:f}", str(shot.file or "")


def _item(shot: Shot) -> gallery.GalleryItem:
    size = str(shot.request.fields().get("size", "")).split("x")
    pixels = (int(size[0]), int(size[1])) if len(size) == 2 else None
    record = shot.record or TaskRecord(
        id=shot.id or "not created", origin="", model=shot.request.model, request=shot.request
    )
    files = () if shot.file is None else (shot.file.name,)
    item = gallery.item_of(record, files=files, size=pixels, poster=None if shot.poster is None else shot.poster.name)
    item = replace(
        item, status=shot.status, message=item.message or (None if shot.error is None else shot.error.message)
    )
    if shot.first_frame is None:
        return item
    parameters = {name: value for name, value in item.parameters.items() if name != "image_urls"}
    return replace(item, parameters={**parameters, "first frame": shot.first_frame.name})
