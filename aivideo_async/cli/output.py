"""What commands print: results on standard output, everything else on standard error.

On a terminal with colour and live progress, elsewhere as plain lines without a control character. What strangers wrote
is escaped before it is printed. With ``machine`` (``--json``) standard output carries JSON objects only.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Protocol, TextIO

from pydantic import JsonValue
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from aivideo_async.core.errors import AIVideoError

JOINERS = "\u200c\u200d"
"""Zero-width, and harmless: emoji and several scripts are written with them."""


def clean(text: str) -> str:
    """The text on one line, with what could steer a terminal written as an escape (``\\x1b``)."""
    return "".join(
        sign
        if sign.isprintable() or sign in JOINERS
        else " "
        if sign in "\n\t"
        else sign.encode("unicode_escape").decode()
        for sign in text
    )


def number(amount: Decimal) -> int | float:
    """Credits as a JSON number: whole where they are whole."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


class Board(Protocol):
    """Progress of several things at once, a row each."""

    def set(self, row: str, status: str, *, ended: bool = False) -> None:
        """Put a row's status; a row that has ended stops its clock."""
        ...


class Screen:
    """Where one command prints: to ``out`` and ``err``, by default the process's own.

    ``machine``: results are JSON objects, one per line.
    """

    def __init__(self, *, machine: bool, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.machine = machine
        results, remarks = out or sys.stdout, err or sys.stderr
        # Whether it is a terminal decides, and no variable of the environment: a file gets no escape sequences.
        self._out = Console(file=results, force_terminal=results.isatty(), highlight=False)
        self._err = Console(file=remarks, force_terminal=remarks.isatty(), highlight=False)

    def line(self, text: str) -> None:
        """A line of the result; nothing where a machine reads."""
        if not self.machine:
            self._out.print(Text(clean(text)), soft_wrap=True)

    def object(self, value: Mapping[str, JsonValue]) -> None:
        """A result where a machine reads; nothing elsewhere. ASCII, on one line, at once."""
        if self.machine:
            print(json.dumps(value), file=self._out.file, flush=True)

    def say(self, text: str, *, style: str = "") -> None:
        """A remark, beside the result."""
        self._err.print(Text(clean(text), style=style), soft_wrap=True)

    def error(self, error: BaseException) -> None:
        """One sentence and the hint; for a machine an object as well."""
        told = facts_of(error)
        self.say(f"error: {told['message']}", style="bold red")
        if told["hint"]:
            self.say(f"hint: {told['hint']}")
        self.object({"error": told})

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """A table of the result: drawn on a terminal, elsewhere in columns of plain text."""
        cells = [[clean(cell) for cell in row] for row in rows]
        if self.machine:
            return
        if not self._out.is_terminal:
            for text in _aligned([list(columns), *cells]):
                self._out.print(Text(text), soft_wrap=True)
            return
        headers: list[Column | str] = [*columns[:-1], Column(columns[-1], overflow="fold")]
        table = Table(*headers, box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
        for row in cells:
            table.add_row(*map(Text, row))
        self._out.print(table)

    @contextmanager
    def board(self) -> Generator[Board]:
        """Show progress on standard error while the block runs."""
        if not self._err.is_terminal:
            yield _Lines(self)
            return
        columns = (
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.fields[status]}", markup=False, style="dim"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._err) as progress:
            yield _Live(progress)

    @property
    def terminal(self) -> Console | None:
        """Where something can be redrawn in place, beside the results; ``None`` where nothing can."""
        return self._err if self._err.is_terminal else None

    @contextmanager
    def logging(self) -> Generator[None]:
        """Print what this package logs, while the block runs."""
        logger, handler = logging.getLogger("aivideo_async"), _ToScreen(self)
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)


def facts_of(error: BaseException) -> dict[str, JsonValue]:
    """An error as plain values."""
    if isinstance(error, AIVideoError):
        return {
            "type": type(error).__name__,
            "message": error.message,
            "hint": error.hint,
            "status": error.status,
            "code": error.code,
            "charged": error.charged,
            "retryable": error.retryable,
            "task_id": error.task_id,
        }
    kind = type(error).__name__
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        return {"type": kind, "message": f"{error.strerror or error}{where}", "hint": None}
    hint = "aivideo --verbose … shows where it comes from"
    return {"type": kind, "message": f"unexpected {kind}: {error}", "hint": hint}


class _Lines:
    """A board where nothing can be redrawn: a line for each change."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def set(self, row: str, status: str, *, ended: bool = False) -> None:  # noqa: ARG002 - a line has no clock
        self._screen.say(f"{row}: {status}")


class _Live:
    """A board that is redrawn in place."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._rows: dict[str, TaskID] = {}

    def set(self, row: str, status: str, *, ended: bool = False) -> None:
        if row not in self._rows:
            self._rows[row] = self._progress.add_task(clean(row), total=1, status="")
        self._progress.update(self._rows[row], status=clean(status), completed=int(ended))


class _ToScreen(logging.Handler):
    """Log records as remarks."""

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self._screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        for line in self.format(record).splitlines():
            self._screen.say(f"{record.levelname.lower()}: {line}", style="dim")


def _aligned(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
