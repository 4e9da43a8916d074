"""Two plots: every ratio beside its target, and what N awaited tasks cost by callbacks and by polling.

matplotlib is loaded by name and used through narrow protocols, so that the checkers do not need it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from tests.benchmarks.report import Figure, Measured, Point

REACHED, MISSED, PLAIN = "#2a7f62", "#c4572e", "#6b7280"
INCH_PER_BAR = 0.32


class _Axes(Protocol):
    def barh(self, y: float, width: float, *, left: float, color: str, height: float) -> object: ...
    def plot(
        self,
        x: Sequence[float],
        y: Sequence[float],
        *,
        color: str | None = None,
        linewidth: float = 1.5,
        marker: str = "",
        label: str = "",
    ) -> object: ...
    def set_yticks(self, ticks: Sequence[float], labels: Sequence[str], *, fontsize: int) -> object: ...
    def set_xscale(self, value: str) -> object: ...
    def set_yscale(self, value: str) -> object: ...
    def set_xlabel(self, xlabel: str) -> object: ...
    def set_title(self, label: str, *, fontsize: int) -> object: ...
    def grid(self, *, axis: str = "both", alpha: float) -> object: ...
    def margins(self, *, y: float) -> object: ...
    def legend(self, *, fontsize: int) -> object: ...


class _Picture(Protocol):
    def add_subplot(self, rows: int, columns: int, index: int) -> _Axes: ...
    def savefig(self, path: Path) -> object: ...


def write_plots(measured: Measured, folder: Path) -> list[Path]:
    """Write ``ratios.svg`` and, where there are any points, ``scaling.svg``. Raises ModuleNotFoundError."""
    written: list[Path] = []
    ratios = [figure for figure in measured.figures if figure.unit == "×" and figure.value is not None]
    if ratios:
        written.append(_ratios(ratios, folder / "ratios.svg"))
    if measured.points:
        written.append(_scaling(measured.points, folder / "scaling.svg"))
    return written


def _picture(width: float, height: float) -> _Picture:
    make = import_module("matplotlib.figure").Figure
    return cast("_Picture", make(figsize=(width, height), layout="constrained"))


def _ratios(figures: list[Figure], path: Path) -> Path:
    picture = _picture(12.0, INCH_PER_BAR * len(figures) + 1.0)
    axes = picture.add_subplot(1, 1, 1)
    for place, figure in enumerate(reversed(figures)):
        _bar(axes, place, figure)
    names = [f"{figure.what} / {figure.against}" for figure in reversed(figures)]
    axes.set_yticks(range(len(figures)), names, fontsize=8)
    axes.set_xscale("log")
    axes.margins(y=0.01)
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel("ratio in one run, 1 is equal: median and quartiles; the thick tick is the target (green: reached)")
    picture.savefig(path)
    return path


def _bar(axes: _Axes, place: int, figure: Figure) -> None:
    value = figure.value
    if value is None:
        return
    color = PLAIN if figure.target is None else REACHED if figure.verdict == "reached" else MISSED
    axes.barh(place, value.median - 1.0, left=1.0, color=color, height=0.6)
    axes.plot([value.low, value.high], [place, place], color="#111111", linewidth=1.0)
    if figure.target is not None:
        axes.plot([figure.target.value] * 2, [place - 0.4, place + 0.4], color="#000000", linewidth=2.5)


def _scaling(points: list[Point], path: Path) -> Path:
    picture = _picture(13.0, 4.0)
    panels: list[tuple[str, Callable[[Point], float]]] = [
        ("requests per task", lambda point: point.requests),
        ("client CPU per task, µs", lambda point: point.cpu * 1e6),
        ("mean delay, ms", lambda point: point.delay * 1e3),
    ]
    for index, (title, read) in enumerate(panels, 1):
        axes = picture.add_subplot(1, len(panels), index)
        for way in dict.fromkeys(point.way for point in points):
            line = [point for point in points if point.way == way]
            axes.plot([point.tasks for point in line], [read(point) for point in line], marker="o", label=way)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("awaited tasks")
        axes.set_title(title, fontsize=10)
        axes.grid(alpha=0.3)
        if index == 1:
            axes.legend(fontsize=8)
    picture.savefig(path)
    return path
