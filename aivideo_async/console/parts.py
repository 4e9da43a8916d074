"""Small pieces that several views are made of: numbers, moments, statuses, lists and pagers, empty states. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from pydantic import JsonValue

from aivideo_async.console.html import Address, Attribute, Html, Node, el, joined, path, visible
from aivideo_async.console.http import NOTHING
from aivideo_async.console.source import Mood, Source

MOODS: Mapping[str, Mood] = {
    "completed": "good", "failed": "bad", "refused": "bad", "expired": "bad", "in_doubt": "bad",
}  # fmt: skip
WORDS = {"in_doubt": "in doubt"}
REQUEST_ID = re.compile(r"\s*\(?\brequest[ _]id:?\s*[\w-]{8,}\)?\.?\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What a view is made from: the source, where the page is, what was asked for, and what a form must hold.

    ``said`` are the values of a form that was not taken, ``problems`` what was wrong with it by field.
    """

    source: Source
    base: str
    form_token: str
    query: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    said: Mapping[str, Sequence[str]] | None = None
    problems: Mapping[str, str] = field(default_factory=lambda: NOTHING)

    def to(self, *parts: str, **query: str | int | None) -> Address:
        """The address of another page of the console."""
        return path(self.base, *parts, **query)

    def here(self, *parts: str, **changes: str | int | None) -> Address:
        """The address of this page with its query changed."""
        return path(self.base, *parts, **{**self.query, **changes})


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A view as it is shown: ``place`` is its entry in the navigation.

    One that is ``still`` is not brought up to date while it is open: it holds what is shown once, or what was typed.
    """

    title: str
    place: str
    main: Html
    status: int = 200
    still: bool = False


def number_in(query: Mapping[str, str], name: str, default: int = 1, most: int = 1_000_000) -> int:
    """A whole number above zero, or the default for everything else."""
    text = query.get(name, "")
    return min(int(text), most) if text.isascii() and text.isdigit() and 0 < len(text) < 9 and int(text) else default


def credits_text(amount: Decimal | None) -> str:
    """``1,275`` or ``2.4``, with a minus sign where it is one, and a dash for what nobody knows."""
    if amount is None:
        return "\N{EN DASH}"
    short = amount.quantize(Decimal(1)) if amount == amount.to_integral_value() else amount.normalize()
    return f"{short:,f}".replace("-", "\N{MINUS SIGN}")


def span_text(seconds: float) -> str:
    """A span in its two largest units."""
    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"


def ago(at: datetime | None, now: datetime) -> Html:
    """How long ago something was, with the moment itself for who points at it."""
    if at is None:
        return el("span", "\N{EN DASH}")
    seconds = (now - at).total_seconds()
    text = "just now" if seconds < 2 else f"{span_text(float(int(seconds))).replace('.0 s', ' s')} ago"
    return el("time", text, datetime=at.isoformat(), title=f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC")


def clock_time(at: datetime | None) -> Html:
    """A moment to the millisecond."""
    if at is None:
        return el("span", "\N{EN DASH}")
    shown = at.astimezone(UTC)
    return el("time", f"{shown:%H:%M:%S}.{shown.microsecond // 1000:03}", datetime=at.isoformat(), title=f"{shown} UTC")


def badge(status: str, *, mood: Mood | None = None) -> Html:
    """A status as a word with a dot."""
    return el("span", WORDS.get(status, status), class_=f"badge {mood or MOODS.get(status, 'open')}")


def code_badge(status: int | None, otherwise: str = "no answer") -> Html:
    """An HTTP status."""
    mood: Mood = "bad" if status is None or status >= 500 else "good" if status < 400 else "open"
    return el("span", otherwise if status is None else str(status), class_=f"badge {mood}")


def stranger(text: str, *, short: int | None = None) -> Html:
    """A text that somebody else wrote, kept from turning what stands around it."""
    shown = text if short is None or len(text) <= short else f"{text[:short].rstrip()}\N{HORIZONTAL ELLIPSIS}"
    return el("bdi", shown)


def reason(problem: str) -> str:
    """A failure's message without the request's id at its end, which only support can read."""
    return REQUEST_ID.sub("", problem) or problem


def bar(share: float | None, label: str) -> Html:
    """Progress from 0 to 1, or of unknown extent."""
    value = None if share is None else f"{min(1.0, max(0.0, share)):.3f}"
    return el("progress", value=value, max=None if value is None else 1, aria_label=label)


def facts(pairs: Mapping[str, Node]) -> Html:
    """Names and values."""
    return el("dl", *(el("div", el("dt", name), el("dd", value)) for name, value in pairs.items()), class_="facts")


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[Node]], *, numeric: Sequence[str] = ()) -> Html:
    """A table; on a narrow page each row becomes a block whose cells say what they are."""
    head = el("tr", *(
        el("th", name or el("span", "Acts", class_="unseen"), scope="col", class_="num" if name in numeric else None)
        for name in columns
    ))  # fmt: skip
    body = (
        el("tr", *(
            el("td", cell, data_name=name, class_="num" if name in numeric else None)
            for name, cell in zip(columns, row, strict=True)
        ))
        for row in rows
    )  # fmt: skip
    whole = el("table", el("caption", caption, class_="unseen"), el("thead", head), el("tbody", *body))
    return el("div", whole, class_="scroll")


def empty(title: str, text: Node, *more: Node, alone: bool = False) -> Html:
    """What stands where nothing is yet: it says how something comes here. ``alone`` it is the whole page."""
    return el("section", el("h1" if alone else "h2", title), el("p", text), *more, class_="empty")


def heading(title: str, *lead: Node, aside: Node = None) -> Html:
    """The head of a view."""
    words = el("div", el("h1", title), el("p", *lead, class_="lead") if lead else None)
    return el("header", words, el("div", aside, class_="aside") if aside else None, class_="head")


def pager(visit: Visit, place: str, number: int, size: int, total: int, *, at_least: bool = False) -> Html:
    """Where one is in a list, and the way on."""
    pages = max(1, -(-total // size))
    first, last = min(total, (number - 1) * size + 1), min(total, number * size)
    newer = el("a", "Newer", href=visit.here(place, page=number - 1 if number > 2 else None), rel="prev")
    older = el("a", "Older", href=visit.here(place, page=number + 1), rel="next")
    known = f"{total:,}{' or more' if at_least else ''}"
    if pages == number == 1 and not at_least:
        return el("p", el("span", f"{known} in all"), class_="pager")
    return el(
        "nav",
        newer if number > 1 else el("span", "Newer", aria_disabled="true"),
        el("span", f"{first:,}\N{EN DASH}{last:,} of {known}"),
        older if number < pages else el("span", "Older", aria_disabled="true"),
        class_="pager",
        aria_label="Pages",
    )


def form(visit: Visit, action: Address, *children: Node, **attributes: str | bool | None) -> Html:
    """A form that changes something."""
    token = el("input", type="hidden", name="form_token", value=visit.form_token)
    return el("form", token, *children, method="post", action=action, **attributes)


def button(text: str, *, kind: str = "", name: str | None = None, value: str | None = None) -> Html:
    """A button that sends its form."""
    return el("button", text, type="submit", class_=kind or None, name=name, value=value)


def entry(
    visit: Visit, name: str, title: str, value: str = "", about: str = "", *, rows: int | None = None,
    **attributes: str | int | bool | None,
) -> Html:  # fmt: skip
    """A labelled input, of several ``rows`` where it has them, filled with what was typed before, or else with value.

    What is wrong with it stands beside it.
    """
    typed = (visit.said or {}).get(name)
    text, problem = typed[-1] if typed else value, visit.problems.get(name, "")
    described = f"about-{name}" if about or problem else None
    known: dict[str, Attribute] = {
        "name": name, "aria_describedby": described, "aria_invalid": "true" if problem else None, **attributes,
    }  # fmt: skip
    box = el("input", value=text, **known) if rows is None else el("textarea", text, rows=rows, **known)
    hints = joined(
        el("small", about) if about else None, el("span", stranger(problem), class_="problem") if problem else None
    )
    beside = el("span", hints, class_="hints", id=described) if hints else None
    return el("div", el("label", el("span", title), box), beside, class_="entry")


def copier(id: str, text: str, about: str = "", *, kind: str = "copy") -> Html:
    """A button that copies what is in the element ``id``, at one click; there is none without a script."""
    return el("button", text, type="button", data_copy=id, class_=kind, aria_label=about or None)


def copyable(id: str, title: str, text: str, *, opened: bool = False) -> Html:
    """Text to be copied, folded under its title."""
    return el("details", el("summary", title), el("div", copier(id, "Copy", f"Copy: {title}"), code(id, title, text),
              class_="code"), open=opened, id=f"{id}-fold")  # fmt: skip


def code(id: str, title: str, text: str) -> Html:
    """Text as it is typed, in an element ``id``."""
    return el("pre", el("code", text, id=id), tabindex=0, aria_label=title, role="region")


def in_code(python: str, curl: str, *, kind: str = "card") -> Html:
    """The code that does what the page did: a click copies it, and below it can be read."""
    copiers = (copier("python", "Copy as Python", kind="small"), copier("curl", "Copy as curl", kind="small"))
    return el(
        "section",
        el("div", el("h2", "Do it in code"), el("div", *copiers, class_="acts"), class_="row"),
        el("details", el("summary", "Python"), code("python", "Python", python), open=True, id="python-fold"),
        el("details", el("summary", "curl"), code("curl", "curl", curl), id="curl-fold"),
        class_=kind,
    )


def pretty(value: JsonValue) -> str:
    """JSON to be read."""
    return visible(json.dumps(value, indent=2, ensure_ascii=False))


def plural(number: int, noun: str) -> str:
    """``1 task``, ``1,204 tasks``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
