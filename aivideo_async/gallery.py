"""One self-contained page beside the files of several tasks: opens from disk, asks no network.

Its cards can be searched, filtered and sorted, and two of them compared side by side in step; without its script it is
the same page, only still.

``render`` gives the page as text and does no I/O; where it is written is the caller's affair, but the files that its
items name must lie beside it. Everything in an item may come from strangers and is escaped. The page's policy allows
one style sheet and one script by their hashes and media from its own folder, and nothing else.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from html import escape
from types import MappingProxyType
from urllib.parse import quote

from pydantic import JsonValue

from aivideo_async.core.models import Kind, TaskRecord, TaskStatus, without_query
from aivideo_async.gallery_script import END, SCRIPT
from aivideo_async.gallery_style import STYLE

SHORT_PROMPT = 180
"""Characters of a prompt that stand in a card's heading; the rest unfolds."""

_NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})
_NOUNS: Mapping[Kind, str] = MappingProxyType({"video": "Video", "image": "Image", "music": "Music"})
_UNSEEN = dict.fromkeys((*range(32), *range(127, 160), *range(0xD800, 0xE000)), "\N{REPLACEMENT CHARACTER}")
_NO_BYTES = dict.fromkeys((*range(0xD800, 0xDC80), *range(0xDD00, 0xE000)), "\N{REPLACEMENT CHARACTER}")
_UNSEEN.update({ord("\n"): "\n", ord("\t"): " ", ord("\r"): " "})


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryItem:
    """One task as the gallery shows it.

    ``files`` are paths relative to the page, ``poster`` one of a picture that stands for a clip until it is played: no
    clip is loaded before. ``size`` is width and height in pixels where it is known, and spares the
    reader a jumping page. ``message`` says why there is no result.
    """

    id: str
    kind: Kind
    model: str
    status: str
    prompt: str = ""
    parameters: Mapping[str, str] = field(default_factory=lambda: _NO_PARAMETERS)
    files: Sequence[str] = ()
    size: tuple[int, int] | None = None
    poster: str | None = None
    credits: Decimal | None = None
    message: str | None = None


def item_of(
    record: TaskRecord,
    *,
    files: Sequence[str] = (),
    size: tuple[int, int] | None = None,
    poster: str | None = None,
) -> GalleryItem:
    """The item for a task. URLs among its parameters lose their query, which may be a secret; credits are estimated."""
    fields = {} if record.request is None else record.request.fields()
    prompt = fields.pop("prompt", None)
    paid = record.estimate.high if record.estimate and record.status is TaskStatus.COMPLETED else None
    return GalleryItem(
        id=record.id,
        kind="video" if record.request is None else record.request.kind,
        model=record.model or "unknown model",
        status=record.status.value,
        prompt=prompt if isinstance(prompt, str) else "",
        parameters={name: _plain(value) + (" s" if name == "duration" else "") for name, value in fields.items()},
        files=tuple(files),
        size=size,
        poster=poster,
        credits=paid,
        message=None if record.failure is None else record.failure.message,
    )


def render(
    items: Sequence[GalleryItem],
    *,
    title: str,
    lead: str = "",
    facts: Mapping[str, str] = _NO_PARAMETERS,
    made: datetime | None = None,
) -> str:
    """The page as HTML text, to be written as UTF-8 beside the files.

    ``lead`` is a sentence under the title, ``facts`` are names and values beside it, ``made`` stands at the foot.
    """
    cards = "\n".join(_card(number, item) for number, item in enumerate(items, 1))
    body = (
        f'{_tools(items)}\n<ul class="cards">\n{cards}\n</ul>\n{END}'
        if items
        else '<p class="empty">Nothing here yet.</p>'
    )
    moment = "" if made is None else f'Made <time datetime="{made.isoformat()}">{made:%Y-%m-%d %H:%M %Z}</time>. '
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>{_text(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<header class="page">
<div><h1 dir="auto">{_text(title)}</h1>
{f'<p class="lead" dir="auto">{_text(lead)}</p>' if lead else ""}</div>
{_facts(facts)}
</header>
<main>
{body}
</main>
<footer class="page"><p>{moment}The files lie in the folder of this page, which needs no network.</p></footer>
<script>{SCRIPT}</script>
</body>
</html>
"""


def _policy(style: str, script: str) -> str:
    allowed = [f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in (style, script)]
    # A page from disk has no origin that 'self' could name, so file: is named beside it.
    return (
        f"default-src 'none'; style-src {allowed[0]}; script-src {allowed[1]}; img-src 'self' file:; "
        "media-src 'self' file:; base-uri 'none'; form-action 'none'"
    )


POLICY = _policy(STYLE, SCRIPT)
"""The page's Content-Security-Policy."""


def _tools(items: Sequence[GalleryItem]) -> str:
    """What the script makes work, and shows."""
    counts = Counter(item.status for item in items)
    choices = "".join(
        f'<option value="{_text(status)}">{_text(status)} ({count})</option>'
        for status, count in sorted(counts.items())
    )
    return f"""<form class="tools" role="search" hidden>
<p class="wide-field"><label for="find">Find</label><input type="search" id="find" autocomplete="off" spellcheck="false"
placeholder="Prompt, model, parameter"></p>
<p><label for="status">Status</label><select id="status">
<option value="">any ({len(items)})</option>{choices}</select></p>
<p><label for="order">Order</label><select id="order"><option value="made">as made</option>
<option value="cost">dearest first</option><option value="cheap">cheapest first</option>
<option value="model">by model</option><option value="status">by status</option></select></p>
<p class="count" role="status"></p>
</form>"""


def _card(number: int, item: GalleryItem) -> str:
    shape = "tall" if item.size and item.size[1] > item.size[0] else "wide"
    heading = f"item-{number}"
    cost = "-1" if item.credits is None else f"{item.credits.normalize():f}"
    status = _text(item.status)
    return f"""<li class="{shape}" data-model="{_text(item.model)}" data-cost="{cost}">
<article aria-labelledby="{heading}" data-kind="{item.kind}" data-status="{status}">
<div class="stage">{"".join(_media(item)) or f'<p class="nothing">{_text(item.message or "No file")}</p>'}</div>
<div class="text">
<p class="over"><span class="model">{_text(item.model)}</span> <span class="status {_mood(item.status)}">{
        _text(item.status)
    }</span></p>
{_prompt(item, heading)}
{_facts(item.parameters)}
<footer>{"".join(f"<p>{_link(file)}</p>" for file in item.files)}
{_small(item)}{_choice(number, item)}</footer>
</div>
</article></li>"""


def _choice(number: int, item: GalleryItem) -> str:
    """What chooses a card for comparing; music has nothing to be seen beside each other."""
    if not item.files or item.kind == "music":
        return ""
    return (
        f'<label class="choose" hidden><input type="checkbox" aria-describedby="item-{number}">'
        "<span>Compare</span></label>"
    )


def _prompt(item: GalleryItem, heading: str) -> str:
    prompt = item.prompt.strip() or f"{_NOUNS[item.kind]} without a prompt"
    if len(prompt) <= SHORT_PROMPT:
        return f'<h2 id="{heading}" dir="auto">{_text(prompt)}</h2>'
    start = prompt[:SHORT_PROMPT].rsplit(maxsplit=1)[0]
    return (
        f'<h2 id="{heading}" dir="auto">{_text(start)}…</h2>\n'
        f'<details><summary>Whole prompt</summary><p dir="auto">{_text(prompt)}</p></details>'
    )


def _media(item: GalleryItem) -> Iterator[str]:
    size = f' width="{item.size[0]}" height="{item.size[1]}"' if item.size else ""
    for number, file in enumerate(item.files, 1):
        of = f" {number} of {len(item.files)}" if len(item.files) > 1 else ""
        label = _text(f"{_NOUNS[item.kind]}{of}: {_shortened(item.prompt) or file}")
        where = _address(file)
        if item.kind == "image":
            yield f'<a href="{where}"><img src="{where}" alt="{label}" loading="lazy" decoding="async"{size}></a>'
        elif item.kind == "music":
            yield f'<audio src="{where}" aria-label="{label}" controls preload="none"></audio>'
        else:
            poster = f' poster="{_address(item.poster)}"' if item.poster else ""
            yield (
                f'<video src="{where}"{poster} aria-label="{label}"{size} controls playsinline preload="none"></video>'
            )


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(
        f"<div><dt>{_text(name)}</dt><dd dir=auto>{_text(value)}</dd></div>" for name, value in facts.items()
    )
    return f'<dl class="facts">{rows}</dl>' if rows else ""


def _link(file: str) -> str:
    return f'<a class="file" href="{_address(file)}">{_text(file)}</a>'


def _small(item: GalleryItem) -> str:
    """Credits, and the id where no file's name says it already."""
    paid = "" if item.credits is None else f"<span>{item.credits.normalize():f} credits</span>"
    named = any(item.id in file for file in item.files)
    id = "" if named else f'<span class="id">{_text(item.id)}</span>'
    return f'<p class="small">{paid}{id}</p>' if paid or id else ""


def _mood(status: str) -> str:
    return {"completed": "good", "failed": "bad", "refused": "bad", "expired": "bad"}.get(status, "open")


def _address(file: str) -> str:
    """A relative address and nothing else: with ``./`` before it no name can be a scheme or another host."""
    return "./" + escape(quote(file.translate(_NO_BYTES).encode("utf-8", "surrogateescape"), safe="/"))


def _shortened(text: str) -> str:
    return text if len(text) <= SHORT_PROMPT else text[:SHORT_PROMPT] + "…"


def _text(text: str) -> str:
    return escape(text.translate(_UNSEEN), quote=True)


def _plain(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return without_query(value) if "://" in value else value
    if isinstance(value, dict):
        return _joined(f"{name} {_plain(inner)}" for name, inner in value.items())
    return _joined(map(_plain, value)) if isinstance(value, list) else str(value)


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(parts)
