"""A request and its answer without a framework, so that aiohttp and ASGI mount the same page."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import parse_qs

BODY_LIMIT = 256 * 1024
"""Bytes of a form: a prompt of 5,000 letters, each of them escaped, has less than a fifth."""
FIELDS_AT_MOST = 200

Headers = tuple[tuple[str, str], ...]
Stream = Callable[[], AsyncGenerator[bytes]]
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request. ``base`` is where the console is mounted, ``path`` what follows; header names are lower-case."""

    method: str
    path: str
    base: str = ""
    scheme: str = "http"
    query: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    headers: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    form: Mapping[str, Sequence[str]] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer. Where there is a ``stream`` it comes instead of the body, and does not end by itself."""

    status: int = 200
    headers: Headers = ()
    body: bytes = b""
    stream: Stream | None = None


def read_query(text: str) -> dict[str, str]:
    """The last value of each name; a query with too many of them is none."""
    return {name: values[-1] for name, values in read_form(text.encode("latin-1", "replace")).items()}


def read_form(body: bytes) -> dict[str, list[str]]:
    """The values by name of an urlencoded form; nothing where it has too many fields."""
    try:
        return parse_qs(body.decode("latin-1"), keep_blank_values=True, max_num_fields=FIELDS_AT_MOST)
    except ValueError:
        return {}


def see_other(where: str, *headers: tuple[str, str]) -> Answer:
    """After a form: look there."""
    return Answer(status=303, headers=(("Location", where), ("Cache-Control", "no-store"), *headers))
