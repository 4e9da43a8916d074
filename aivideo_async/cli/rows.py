"""From a file of requests (.csv, .jsonl) to requests: what is wrong is told with file, line and column.

The file is read row by row and twice: once to judge all of it before a credit is spent, once to send.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

from pydantic import JsonValue
from pydantic.fields import FieldInfo

from aivideo_async.catalog import MODELS, parse_request, request_to_data
from aivideo_async.catalog.meant import meant_field
from aivideo_async.catalog.problems import sentence
from aivideo_async.cli.fields import loosely, strictly
from aivideo_async.core.errors import ConfigurationError, InvalidRequestError
from aivideo_async.core.models import GenerationRequest

SUFFIXES = (".csv", ".jsonl")
_BESIDE_FIELDS = ("model", "kind")
_FIELDS = sorted({name for known in MODELS.values() for name in known.model_fields} | set(_BESIDE_FIELDS))
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Row:
    """A good row: its line in the file, from 1, and the request that it is."""

    line: int
    request: GenerationRequest


@dataclass(frozen=True, slots=True)
class Problem:
    """A bad one. ``column`` counts from 1: a cell of a .csv, a character of a line; ``name`` is the field."""

    line: int
    message: str
    column: int | None = None
    name: str | None = None

    def told(self, file: Path) -> str:
        """A line for people and for editors that jump to it."""
        column = "" if self.column is None else f":{self.column}"
        return f"{file}:{self.line}{column}: {self.message}"


class _BadError(Exception):
    def __init__(self, *problems: Problem) -> None:
        super().__init__()
        self.problems = problems


def read(file: Path, model: str) -> Iterator[Row | Problem]:
    """Every row of the file; ``model`` is for rows that name none. Blocks. Raises OSError and ConfigurationError."""
    if file.suffix.lower() not in SUFFIXES:
        raise ConfigurationError(f"{file} is neither .csv nor .jsonl", hint="the suffix says how it is read")
    with file.open("rb") as lines:
        if lines.read(2) in _UTF16:
            yield Problem(1, "the file is UTF-16, and must be UTF-8: save it again in that encoding", 1)
            return
        lines.seek(0)
        yield from _csv(lines, model) if file.suffix.lower() == ".csv" else _jsonl(lines, model)


def duplicates(rows: Iterable[Row]) -> Iterator[tuple[Row, int]]:
    """The rows that are there already, with the line on which they first stood."""
    seen: dict[bytes, int] = {}
    for row in rows:
        digest = sha256(json.dumps(request_to_data(row.request), sort_keys=True).encode()).digest()
        first = seen.setdefault(digest, row.line)
        if first != row.line:
            yield row, first


def _csv(lines: Iterable[bytes], model: str) -> Iterator[Row | Problem]:
    source = _Decoded(lines)
    reader = csv.reader(source, strict=True)
    header: list[str] | None = None
    empty: list[int] = []
    while True:
        line = source.line + 1
        try:
            cells = next(reader)
            if not any(cell.strip() for cell in cells):
                empty.append(line)
                continue
            yield from (Problem(at, "the line is empty: remove it", 1) for at in empty)
            empty.clear()
            if header is None:
                header = _header(cells, line)
            else:
                yield _row_of_cells(header, cells, line, model)
        except StopIteration:
            return
        except _BadError as error:
            yield from error.problems
            if header is None:
                return
        except csv.Error as error:
            yield Problem(source.line, f"not a row of a .csv: {error}")


def _header(cells: Sequence[str], line: int) -> list[str]:
    names = [cell.strip() for cell in cells]
    problems: list[Problem] = []
    for column, name in enumerate(names, 1):
        meant = meant_field(name, _FIELDS) if name else None
        hint = f", did you mean {meant}?" if meant else ""
        if name not in _FIELDS:
            problems.append(Problem(line, f"no model has a field {name!r}{hint}", column, name))
        elif name in names[: column - 1]:
            problems.append(Problem(line, f"the column {name} is there twice", column, name))
    if problems:
        raise _BadError(*problems)
    return names


def _row_of_cells(header: Sequence[str], cells: Sequence[str], line: int, model: str) -> Row:
    if len(cells) > len(header):
        message = f"{len(cells)} cells for {len(header)} columns: is a comma not in quotes?"
        raise _BadError(Problem(line, message, len(header) + 1))
    texts = {name: cell for name, cell in zip(header, cells, strict=False) if cell.strip()}
    data = _typed(texts, model)
    columns = {name: column for column, name in enumerate(header, 1)}
    return _row(data, line, columns)


def _typed(texts: Mapping[str, str], model: str) -> dict[str, JsonValue]:
    name = texts.get("model", "").strip() or model
    plain = {field: text for field, text in texts.items() if field not in _BESIDE_FIELDS}
    if kind := texts.get("kind", "").strip():
        inputs: dict[str, JsonValue] = {
            field: text if field == "prompt" else loosely([text]) for field, text in plain.items()
        }
        return {"kind": kind, "model": name, "input": inputs}
    known = MODELS.get(name)
    fields: Mapping[str, FieldInfo] = {} if known is None else known.model_fields
    typed = {field: strictly(fields[field], [text]) if field in fields else text for field, text in plain.items()}
    return {"model": name, **typed}


def _jsonl(lines: Iterable[bytes], model: str) -> Iterator[Row | Problem]:
    source = _Decoded(lines)
    empty: list[int] = []
    while True:
        try:
            text = next(source)
            if not text.strip():
                empty.append(source.line)
                continue
            yield from (Problem(at, "the line is empty: remove it", 1) for at in empty)
            empty.clear()
            yield _row(_object(text, source.line, model), source.line, {})
        except StopIteration:
            return
        except _BadError as error:
            yield from error.problems


def _object(text: str, line: int, model: str) -> dict[str, JsonValue]:
    try:
        value: JsonValue = json.loads(text, parse_constant=_refuse, object_pairs_hook=_without_doubles)
    except json.JSONDecodeError as error:
        raise _BadError(Problem(line, f"not JSON: {error.msg}", error.colno)) from error
    except (ValueError, RecursionError) as error:
        raise _BadError(Problem(line, f"not JSON that can be sent: {error}", 1)) from error
    if not isinstance(value, dict):
        raise _BadError(Problem(line, 'a line is one object: {"prompt": "…", "duration": 4}', 1))
    return {"model": model, **value}


def _row(data: Mapping[str, JsonValue], line: int, columns: Mapping[str, int]) -> Row:
    try:
        return Row(line, parse_request(data))
    except InvalidRequestError as error:
        problems = [
            Problem(line, sentence(one), columns.get(one.field.partition(".")[0]), one.field or None)
            for one in error.errors
        ]
        raise _BadError(*(problems or [Problem(line, error.message)])) from error


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _without_doubles(pairs: Sequence[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} is there twice")
    return made


class _Decoded:
    """The lines of a file as text; ``line`` counts them. A line that is not UTF-8 is a problem of its own."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self.line = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = next(self._lines)
        self.line += 1
        if self.line == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            column = len(raw[: error.start].decode()) + 1
            meant = raw[error.start : error.start + 1].decode("latin-1")
            message = f"not UTF-8 from here on (in Latin-1 it would be {meant!r}): save the file as UTF-8"
            raise _BadError(Problem(self.line, message, column)) from error
