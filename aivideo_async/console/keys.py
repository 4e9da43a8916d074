"""The view of API keys, which shows a key once, when it is made, and never again. Pure."""

from __future__ import annotations

from aivideo_async.console.controls import Cap, KeyLine, KeyRing
from aivideo_async.console.html import Html, Node, el, joined
from aivideo_async.console.parts import (
    View,
    Visit,
    badge,
    button,
    copyable,
    credits_text,
    empty,
    entry,
    form,
    heading,
    stranger,
    table,
)

SPANS = {"hourly": "an hour", "daily": "a day", "total": "in all"}
CAPS = {"hourly": "Credits an hour", "daily": "Credits a day", "total": "Credits in all"}


def keys(visit: Visit, ring: KeyRing, *, issued: tuple[str, str] | None = None) -> View:
    """Every key; ``issued`` are name and key of the one that was just made."""
    lines = ring.keys()
    columns = ("Name", "Key", "State", "Balance", "Spent", "Limits", *(("",) if ring.can_change else ()))
    rows = [_row(visit, ring, line) for line in lines]
    listed: Node = table("API keys", columns, rows, numeric=("Balance", "Spent"))
    if not lines:
        listed = empty("No key", "Nobody can create anything before there is a key.")
    lead = "A key is shown once, when it is made. Afterwards only its last letters are."
    body = el("div", listed, _new(visit), class_="split late") if ring.can_change else listed
    main = joined(heading("Keys", lead), _issued(issued), body)
    return View(title="Keys", place="keys", main=main, still=issued is not None)


def state(line: KeyLine) -> Html:
    """Whether a key is let in."""
    return badge("disabled", mood="bad") if line.disabled else badge("active", mood="good")


def cap_text(cap: Cap) -> str:
    """``120 of 300 an hour``."""
    return f"{credits_text(cap.spent)} of {credits_text(cap.credits)} {SPANS.get(cap.span, cap.span)}"


def limit_entries(visit: Visit, line: KeyLine | None = None) -> Html:
    """The fields of a key's caps and addresses, filled with what was typed, or else with what the key has."""
    caps = {} if line is None else {cap.span: cap.credits for cap in line.caps}
    numbers = [
        entry(
            visit, name, title, f"{caps[name].normalize():f}" if name in caps else "", inputmode="decimal",
            placeholder="no cap",
        )
        for name, title in CAPS.items()
    ]  # fmt: skip
    addresses = "\n".join(() if line is None else line.addresses)
    about = "IPs and CIDRs, one a line, ten at most. None: it may be used from everywhere."
    return joined(
        el("div", *numbers, class_="trio"),
        entry(visit, "addresses", "Addresses", addresses, about, rows=2, placeholder="10.0.0.0/8", spellcheck="false"),
    )


def _row(visit: Visit, ring: KeyRing, line: KeyLine) -> tuple[Node, ...]:
    limits = [cap_text(cap) for cap in line.caps]
    limits += [f"from {address}" for address in line.addresses]
    name = stranger(line.name, short=60)
    cells: tuple[Node, ...] = (
        el("a", el("strong", name), href=visit.to("keys", line.name)),
        el("code", line.hint),
        state(line),
        el("span", credits_text(line.balance), _whose(line), class_="stack"),
        credits_text(line.consumed),
        el("ul", *(el("li", stranger(text, short=60)) for text in limits), class_="plain small") if limits else "none",
    )
    if not ring.can_change:
        return cells
    more = el("a", "Change", el("span", " ", name, class_="unseen"), href=visit.to("keys", line.name), class_="button")
    return (*cells, el("div", more, switch(visit, line, listed=True), class_="acts"))


def switch(visit: Visit, line: KeyLine, *, listed: bool = False) -> Html:
    """A button that disables a key, or lets it in again; where it is ``listed``, the list is shown then."""
    act = "enable" if line.disabled else "disable"
    name = el("span", " ", stranger(line.name, short=60), class_="unseen")
    pressed = el("button", act.capitalize(), name, type="submit", class_="quiet small", name="act", value=act)
    back = el("input", type="hidden", name="listed", value="yes") if listed else None
    return form(visit, visit.to("keys", line.name), back, pressed)


def _whose(line: KeyLine) -> Node:
    return el("span", f"shared by {line.shared_by}", class_="soft small") if line.shared_by > 1 else None


def _issued(issued: tuple[str, str] | None) -> Node:
    if issued is None:
        return None
    name, key = issued
    words = joined("The key of ", el("strong", stranger(name, short=60)), ". It is not shown again.")
    return el(
        "section", el("p", words), copyable("issued", "API key", key, opened=True), class_="card good", role="status"
    )


def _new(visit: Visit) -> Html:
    own = "Empty: it spends from the sandbox's account."
    named = entry(visit, "name", "Name", "", placeholder="staging", required=True, maxlength=64, autocomplete="off")
    purse = entry(visit, "credits", "Credits of its own", "", own, inputmode="decimal", placeholder="shared")
    return el(
        "section",
        el("h2", "New key"),
        form(
            visit,
            visit.to("keys"),
            el("div", named, purse, class_="pair"),
            limit_entries(visit),
            el("div", button("Make a key", kind="main"), class_="acts"),
            class_="fill",
        ),
        class_="card",
        id="new",
    )
