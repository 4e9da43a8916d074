"""What was measured, as a table on the terminal and as JSON; says of every target whether it was reached."""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from tests.benchmarks.contest import Spread
from tests.benchmarks.processes import CORES

PACKAGES = (
    "aivideo-async", "aiohttp", "pydantic", "openai", "fal-client", "replicate", "httpx", "httpx-aiohttp",
    "standardwebhooks", "svix", "fastapi", "uvicorn", "uvloop",
)  # fmt: skip

HEADS = ("row", "what", "against", "median", "spread", "target", "verdict", "by CPU", "other side", "note")
POINT_HEADS = ("way", "tasks", "requests/task", "client CPU/task", "mean delay", "note")


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should be."""

    kind: Literal["at least", "at most"]
    value: float

    def missed_by(self, value: float) -> float | None:
        """The share of the target that is missing, or too much (of one, for a target of none); ``None``: reached."""
        distance = (self.value - value) / (self.value or 1.0)
        missing = distance if self.kind == "at least" else -distance
        return missing if missing > 0 else None

    def __str__(self) -> str:
        return f"{'≥' if self.kind == 'at least' else '≤'} {self.value:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table.

    ``value`` is a ratio (×) unless ``unit`` says otherwise. ``cpu`` is the same ratio taken from CPU seconds, and
    ``busy`` how busy the other side was, as a share of a core. Without a value there is a ``note`` that says why, or
    the row was skipped.
    """

    row: str
    what: str
    against: str
    value: Spread | None
    unit: str = "×"
    target: Target | None = None
    cpu: float | None = None
    busy: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """Reached, or by how much not; a contender that got nothing done gives no ratio."""
        if self.value is None:
            return "no ratio" if self.note else "skipped"
        if self.target is None:
            return ""
        missed = self.target.missed_by(self.value.median)
        return "reached" if missed is None else f"missed by {missed:.0%}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One way of awaiting N tasks: requests and client CPU seconds per task, and mean seconds until awaiters knew."""

    way: str
    tasks: int
    requests: float
    cpu: float
    delay: float
    note: str = ""


@dataclass(slots=True)
class Measured:
    """What one row gave."""

    figures: list[Figure] = field(default_factory=list[Figure])
    points: list[Point] = field(default_factory=list[Point])

    def add(self, other: Measured) -> None:
        """Take what another row gave, too."""
        self.figures += other.figures
        self.points += other.points


def skipped(row: str, missing: Sequence[str]) -> list[Figure]:
    """A line for each contender that could not run."""
    return [Figure(row=row, what="skipped", against=name, value=None) for name in missing]


def table(measured: Measured) -> str:
    """The table for a terminal."""
    text = _columns([HEADS, *(_cells(figure) for figure in measured.figures)])
    if measured.points:
        text += "\n\n" + _columns([POINT_HEADS, *(_point_cells(point) for point in measured.points)])
    return text


def _cells(figure: Figure) -> tuple[str, ...]:
    value = figure.value
    return (
        figure.row,
        figure.what,
        figure.against,
        "-" if value is None else f"{_short(value.median)} {figure.unit}",
        "-" if value is None else f"{_short(value.low)} … {_short(value.high)}",
        "" if figure.target is None else str(figure.target),
        figure.verdict,
        "" if figure.cpu is None else f"{figure.cpu:.2f} ×",
        "" if figure.busy is None else f"{figure.busy:.0%} busy",
        figure.note,
    )


def _point_cells(point: Point) -> tuple[str, ...]:
    requests, cpu, delay = f"{point.requests:.2f}", f"{point.cpu * 1e6:.0f} µs", f"{point.delay * 1e3:.1f} ms"
    return point.way, str(point.tasks), requests, cpu, delay, point.note


def _columns(lines: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def write_json(measured: Measured, path: Path) -> None:
    """Everything, for whoever wants to compare two runs."""
    document = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": {"system": platform.platform(), "cores": list(CORES)},
        "packages": {name: _version(name) for name in PACKAGES},
        "figures": [{**dataclasses.asdict(figure), "verdict": figure.verdict} for figure in measured.figures],
        "scaling": [dataclasses.asdict(point) for point in measured.points],
    }
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
