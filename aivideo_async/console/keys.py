"""The view of API keys, which shows a key once, when it is made, and never again. Pure."""

from __future__ import annotations

from aivideo_async.console.html import Html, Node, el, joined
from aivideo_async.console.parts import (
    View,
    Visit,
    badge,
    button,
    copyable,
    credits_text,
    empty,
    form,
    heading,
    stranger,
    table,
)
from aivideo_async.console.source import KeyLine, KeyRing


def keys(visit: Visit, ring: KeyRing, *, issued: tuple[str, str] | None = None) -> View:
    """Every key; ``issued`` are name and key of the one that was just made."""
    lines = ring.keys()
    columns = ("Name", "Key", "State", "Balance", "Spent", "Limits", *(("",) if ring.can_change else ()))
    rows = [_row(visit, ring, line) for line in lines]
    listed: Node = table("API keys", columns, rows, numeric=("Balance", "Spent"))
    if not lines:
        listed = empty("No key", "Nobody can create anything before there is a key.")
    lead = "A key is shown once, when it is made. Afterwards only its last letters are."
    main = joined(heading("Keys", lead), _issued(issued), listed, _new(visit) if ring.can_change else None)
    return View(title="Keys", place="keys", main=main, still=issued is not None)


def _row(visit: Visit, ring: KeyRing, line: KeyLine) -> tuple[Node, ...]:
    limits = [f"{credits_text(amount)} cr {span}" for span, amount in line.caps.items()]
    limits += [f"from {address}" for address in line.addresses]
    cells: tuple[Node, ...] = (
        el("strong", stranger(line.name, short=60)),
        el("code", line.hint),
        badge("disabled", mood="bad") if line.disabled else badge("active", mood="good"),
        credits_text(line.balance),
        credits_text(line.consumed),
        el("ul", *(el("li", stranger(text, short=60)) for text in limits), class_="plain") if limits else "none",
    )
    return (*cells, _acts(visit, line)) if ring.can_change else cells


def _acts(visit: Visit, line: KeyLine) -> Html:
    act = "enable" if line.disabled else "disable"
    return form(
        visit,
        visit.to("keys"),
        el("input", type="hidden", name="name", value=line.name),
        button(act.capitalize(), kind="quiet small", name="act", value=act),
        button("Delete", kind="quiet small", name="act", value="delete"),
        class_="acts",
    )


def _issued(issued: tuple[str, str] | None) -> Node:
    if issued is None:
        return None
    name, key = issued
    words = joined("The key of ", el("strong", stranger(name, short=60)), ". It is not shown again.")
    return el(
        "section", el("p", words), copyable("issued", "API key", key, opened=True), class_="card good", role="status"
    )


def _new(visit: Visit) -> Html:
    named = el(
        "label",
        el("span", "Name"),
        el("input", name="name", required=True, maxlength=60, autocomplete="off", placeholder="staging"),
        el("span", stranger(visit.problems.get("name", "")), class_="problem"),
    )
    return el(
        "section",
        el("h2", "New key"),
        form(
            visit, visit.to("keys"), named, button("Make a key", kind="main", name="act", value="issue"), class_="line"
        ),
        class_="card",
    )
