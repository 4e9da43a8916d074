"""Headers as frameworks give them -> raw pairs, as everything here takes them; and what those say of the body."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from aivideo_async.core.signing import RawHeaders

Pairs = Iterable[tuple[str | bytes, str | bytes | Sequence[str]]]
Headers = Mapping[str, str] | Mapping[str, Sequence[str]] | Iterable[tuple[str, str]] | RawHeaders
"""A mapping of text (Lambda; several values of one name in a list), pairs of text (Flask), or raw pairs (ASGI)."""


def raw_headers(headers: Headers) -> RawHeaders:
    """Raw pairs in the order given; a name that comes twice stays twice. Never raises for what a stranger sent."""
    pairs = cast("Pairs", headers.items() if isinstance(headers, Mapping) else headers)
    return [(_raw(name), _raw(value)) for name, values in pairs for value in _each(values)]


def is_plain_json(headers: RawHeaders) -> bool:
    """JSON or unnamed, and not encoded: the service documents neither, and a bomb needs an encoding."""
    for name, value in headers:
        lowered = name.lower()
        if lowered == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            return False
        if lowered == b"content-type":
            media_type = value.partition(b";")[0].strip().lower()
            if media_type != b"application/json" and not media_type.endswith(b"+json"):
                return False
    return True


def declared_length(headers: RawHeaders) -> int:
    """The largest length that is declared, in bytes; 0 where none is."""
    lengths = [value for name, value in headers if name.lower() == b"content-length"]
    return max((int(value) for value in lengths if value.isdigit() and len(value) < 16), default=0)


def _each(values: str | bytes | Sequence[str]) -> Sequence[str | bytes]:
    return (values,) if isinstance(values, str | bytes) else values


def _raw(text: str | bytes) -> bytes:
    """The bytes that WSGI, and most others, decoded as Latin-1; some decode UTF-8."""
    if isinstance(text, bytes):
        return text
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
