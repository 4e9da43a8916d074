"""What a result's metadata tell of its pieces of music. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One piece of music: its cover's URL and its length in seconds, where they are known."""

    title: str = ""
    cover: str = ""
    seconds: float | None = None


def tracks_in(metadata: object) -> tuple[Track, ...]:
    """The pieces, in the order of the result's files; what is not as the service writes it is left out."""
    told = cast("Mapping[str, object]", metadata).get("tracks") if isinstance(metadata, Mapping) else None
    tracks = cast("Sequence[object]", told) if isinstance(told, list | tuple) else ()
    return tuple(_track(cast("Mapping[str, object]", one)) for one in tracks if isinstance(one, Mapping))


def _track(told: Mapping[str, object]) -> Track:
    title, cover, seconds = told.get("title"), told.get("image_url"), told.get("duration")
    return Track(
        title=title if isinstance(title, str) else "",
        cover=cover if isinstance(cover, str) else "",
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
    )
