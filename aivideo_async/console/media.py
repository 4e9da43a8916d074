"""A task's results as they can be seen or heard. Pure.

What is not of the page's own origin is linked and not loaded.
"""

from __future__ import annotations

from aivideo_async.console.html import Address, Html, Node, el, followable, joined
from aivideo_async.console.music import Track
from aivideo_async.console.parts import Visit, span_text, stranger
from aivideo_async.console.source import TaskLine

LABEL = 140
"""Letters of a prompt in the name of a picture."""


def media(visit: Visit, line: TaskLine) -> Html:
    """All results, with what plays them."""
    shown = [_result(visit, line, number, url) for number, url in enumerate(line.files, 1)]
    return joined(*shown)


def poster(visit: Visit, line: TaskLine) -> Html:
    """One picture of the results: a clip's first frame, which loads nothing before it is in sight, or a cover."""
    if not line.files:
        return joined()
    where = _own(visit, line.files[0])
    if where is None:
        return joined(_result(visit, line, 1, line.files[0]))
    if line.kind == "image":
        return el("img", src=where, alt=_label(line, 1), loading="lazy", decoding="async")
    if line.kind == "music":
        return _cover(visit, line.tracks[0], line) if line.tracks else joined()
    return el("video", src=where, muted=True, playsinline=True, preload="none", tabindex=-1, aria_hidden="true")


def _result(visit: Visit, line: TaskLine, number: int, url: str) -> Node:
    where, label = followable(url, visit.source.own), _label(line, number)
    if where is None:
        return None
    if _own(visit, url) is None:
        return el("a", f"Open {line.kind} {number}", href=where, rel="noreferrer noopener", class_="button")
    if line.kind == "image":
        return el("img", src=where, alt=label, loading="lazy", decoding="async")
    if line.kind == "music":
        track = line.tracks[number - 1] if number <= len(line.tracks) else Track()
        return _piece(visit, line, track, el("audio", src=where, aria_label=label, controls=True, preload="none"))
    return el("video", src=where, aria_label=label, controls=True, playsinline=True, loop=True, preload="auto")


def _piece(visit: Visit, line: TaskLine, track: Track, player: Html) -> Html:
    name = el("strong", stranger(track.title or line.prompt or "Untitled", short=LABEL))
    length = None if track.seconds is None else el("span", span_text(track.seconds), class_="num")
    words = el("figcaption", el("p", name, length, class_="row"), player)
    return el("figure", _cover(visit, track, line), words, class_="piece")


def _cover(visit: Visit, track: Track, line: TaskLine) -> Html:
    where = _own(visit, track.cover)
    if where is None:
        return joined()
    return el("img", src=where, alt=f"Cover of {track.title or line.prompt}"[:LABEL], loading="lazy", decoding="async")


def _own(visit: Visit, url: str) -> Address | None:
    """The path of a file of the page's own origin, which may be loaded."""
    where = followable(url, visit.source.own) if url and visit.source.own else None
    return where if where is not None and where.startswith("/") else None


def _label(line: TaskLine, number: int) -> str:
    return f"{line.kind} {number}: {line.prompt[:LABEL]}"
