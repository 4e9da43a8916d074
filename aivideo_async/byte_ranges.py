"""A file that comes in several answers: what a host says of it, and whether a later answer is of the same one. Pure.

Only what has a strong validator is gone on with (RFC 9110 §13.1.5); all else begins again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_WHOLE, _PART = 200, 206


@dataclass(frozen=True, slots=True)
class Version:
    """What a host says of the file that it sends: ``length`` in bytes of all of it, where it says so."""

    etag: str | None = None
    modified: str | None = None
    length: int | None = None
    ranges: bool = True

    @property
    def validator(self) -> str | None:
        """What goes into ``If-Range``; ``None`` for a file that cannot be gone on with."""
        if not self.ranges:
            return None
        return self.modified if self.etag is None else None if self.etag.startswith("W/") else self.etag

    def differs(self, other: Version) -> bool:
        """Whether the two are surely not of the same file."""
        if None not in (self.length, other.length) and self.length != other.length:
            return True
        if None not in (self.etag, other.etag):
            return self.etag != other.etag
        return None not in (self.modified, other.modified) and self.modified != other.modified


def asking(size: int, version: Version | None) -> dict[str, str]:
    """The headers that ask for what comes after the first ``size`` bytes; none where all must come again."""
    if version is None or size == 0 or version.validator is None:
        return {}
    return {"Range": f"bytes={size}-", "If-Range": version.validator}


def answered(status: int, headers: Mapping[str, str], length: int | None) -> tuple[int, Version] | None:
    """Where an answer of 200 or 206 begins in its file, and what it says of it; ``length`` is its Content-Length.

    ``None`` for a part that does not say which it is.
    """
    etag, modified = headers.get("ETag"), headers.get("Last-Modified")
    ranges = headers.get("Accept-Ranges", "").strip().lower() != "none"
    if status == _WHOLE:
        return 0, Version(etag, modified, length, ranges)
    found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if status != _PART or found is None:
        return None
    first, last, total = int(found[1]), int(found[2]), None if found[3] == "*" else int(found[3])
    if last < first or (length is not None and length != last - first + 1) or (total is not None and last >= total):
        return None
    return first, Version(etag, modified, total, ranges)
