"""How far a batch is: on a terminal a bar for the whole and a row for each item on its way, elsewhere a line each."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from aivideo_async.batch_items import BatchItem, Progress
from aivideo_async.cli.output import Screen, clean
from aivideo_async.core.models import GenerationRequest

ROWS_SHOWN = 20
_NAME = 60


class Display(Protocol):
    """What shows a batch."""

    def update(self, progress: Progress, running: Mapping[int, GenerationRequest]) -> None:
        """Show how far it is."""
        ...

    def ended(self, item: BatchItem, progress: Progress) -> None:
        """Show that an item has ended."""
        ...


@contextmanager
def shown(screen: Screen) -> Generator[Display]:
    """Show a batch while the block runs."""
    console = screen.terminal
    if console is None:
        yield _Lines(screen)
        return
    columns = (
        SpinnerColumn(finished_text=" "),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[status]}", markup=False, style="dim"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console) as bars:
        yield _Bars(bars, screen)


def told(progress: Progress) -> str:
    """A batch in one line: counts, credits, rate, time left."""
    counts = {
        "failed": progress.failed,
        "in doubt": progress.in_doubt,
        "over budget": progress.over_budget,
        "from before": progress.resumed,
    }
    here = progress.ended - progress.resumed
    parts = [f"{count} {word}" for word, count in counts.items() if count]
    parts.append(f"{progress.spent:,f} credits spent")
    if progress.reserved:
        parts.append(f"{progress.reserved:,f} reserved")
    if progress.uncertain:
        parts.append(f"{progress.uncertain:,f} uncertain")
    if here and progress.elapsed > 0:
        parts.append(f"{60 * here / progress.elapsed:.1f}/min")
    if progress.left:
        parts.append(f"{_span(progress.left)} left")
    return ", ".join(parts)


def name_of(index: int, request: GenerationRequest) -> str:
    """An item in a few words."""
    prompt = str(request.fields().get("prompt") or "")
    prompt = prompt if len(prompt) <= _NAME else prompt[: _NAME - 1] + "…"
    return clean(f"{index + 1} {request.model} {prompt}".strip())


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


class _Lines:
    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def update(self, progress: Progress, running: Mapping[int, GenerationRequest]) -> None:
        """Nothing can be redrawn."""

    def ended(self, item: BatchItem, progress: Progress) -> None:
        total = "" if progress.total is None else f"/{progress.total}"
        why = f": {item.error}" if item.error is not None else ""
        self._screen.say(f"[{progress.ended}{total}] {name_of(item.index, item.request)}: {item.ending}{why}")


class _Bars:
    def __init__(self, bars: Bars, screen: Screen) -> None:
        self._bars, self._screen = bars, screen
        self._whole = bars.add_task("all", total=None, status="")
        self._rows: dict[int, TaskID] = {}

    def update(self, progress: Progress, running: Mapping[int, GenerationRequest]) -> None:
        self._bars.update(self._whole, total=progress.total, completed=progress.ended, status=told(progress))
        for index in [index for index in self._rows if index not in running]:
            self._bars.remove_task(self._rows.pop(index))
        for index, request in running.items():
            if index not in self._rows and len(self._rows) < ROWS_SHOWN:
                self._rows[index] = self._bars.add_task(name_of(index, request), total=1, status="")

    def ended(self, item: BatchItem, progress: Progress) -> None:
        if item.error is not None:
            self._screen.say(f"{name_of(item.index, item.request)}: {item.ending}: {item.error}", style="red")
        self._bars.update(self._whole, completed=progress.ended, status=told(progress))
