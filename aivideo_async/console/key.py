"""The view of one API key: what it has spent, its limits, a top-up of its account, and its end. Pure."""

from __future__ import annotations

from aivideo_async.console.controls import KeyLine, KeyRing
from aivideo_async.console.html import Html, Node, el, joined
from aivideo_async.console.keys import cap_text, limit_entries, state, switch
from aivideo_async.console.parts import (
    View,
    Visit,
    ago,
    button,
    credits_text,
    empty,
    entry,
    facts,
    form,
    plural,
    stranger,
)


def key(visit: Visit, ring: KeyRing, name: str) -> View:
    """The key of this name."""
    every = ring.keys()
    line = next((line for line in every if line.name == name), None)
    if line is None:
        return _no_key(visit, name)
    head = el(
        "header",
        el("p", el("a", "Keys", href=visit.to("keys")), class_="crumbs"),
        el("h1", stranger(line.name, short=64)),
        el("p", state(line), " ", el("code", line.hint, class_="soft"), class_="under"),
    )
    general = visit.problems.get("", "")
    problem = el("p", stranger(general), class_="problem", role="alert") if general else None
    right = el("div", _facts(visit, line), _top_up(visit, line) if ring.can_change else None, class_="column side")
    left = el("div", _limits(visit, line), _end(visit, line), class_="column") if ring.can_change else None
    body = el("div", left, right, class_="split task")
    return View(title=line.name[:60], place="keys", main=joined(head, problem, body))


def _no_key(visit: Visit, name: str) -> View:
    main = empty(
        "There is no such key",
        joined("No key is called ", stranger(name, short=80), ". It may have been deleted."),
        el("p", el("a", "All keys", href=visit.to("keys"))),
        alone=True,
    )
    return View(title="No such key", place="keys", main=main, status=404)


def _facts(visit: Visit, line: KeyLine) -> Html:
    whose = "its own account" if line.shared_by == 1 else f"shared by {plural(line.shared_by, 'key')}"
    pairs: dict[str, Node] = {
        "Balance": el("span", credits_text(line.balance), " ", el("span", whose, class_="soft small")),
        "Spent": credits_text(line.consumed),
        **{cap.span.capitalize(): cap_text(cap) for cap in line.caps},
        "Made": ago(line.created_at, visit.source.now()),
    }
    return el("section", el("h2", "Details", class_="unseen"), facts(pairs), class_="card")


def _limits(visit: Visit, line: KeyLine) -> Html:
    about = "What would pass a cap is refused: 429 spend_limit_exceeded. From elsewhere it is 403 ip_not_allowed."
    return el(
        "section",
        el("h2", "Limits"),
        el("p", about, class_="soft small"),
        form(
            visit,
            visit.to("keys", line.name),
            limit_entries(visit, line),
            el("div", button("Save limits", kind="main", name="act", value="limit"), class_="acts"),
            class_="fill",
        ),
        class_="card",
    )


def _top_up(visit: Visit, line: KeyLine) -> Html:
    whose = "All keys of its account have them." if line.shared_by > 1 else "They are for this key alone."
    amount = entry(visit, "credits", "Credits", "", whose, inputmode="decimal", placeholder="1000", required=True)
    return el(
        "section",
        el("h2", "Top up"),
        form(
            visit,
            visit.to("keys", line.name),
            amount,
            el("div", button("Top up", name="act", value="top_up"), class_="acts"),
            class_="fill",
        ),
        class_="card",
    )


def _end(visit: Visit, line: KeyLine) -> Html:
    """Disabling, and deleting, which is asked about first."""
    off = "Whoever uses it gets 401." if line.disabled else "Disabled, it gets 401 until it is let in again."
    gone: Node = el(
        "details",
        el("summary", "Delete this key\N{HORIZONTAL ELLIPSIS}"),
        el("p", "Whoever uses it gets 401 from then on, and it cannot be brought back. "
                "Its tasks, its account and its postings stay."),
        form(visit, visit.to("keys", line.name), button("Delete for good", kind="grave", name="act", value="delete")),
        class_="ask",
    )  # fmt: skip
    if line.own:
        off += " At the next start it is let in by itself."
        gone = el("p", "The sandbox's own key stays: its exports and Try it use it.", class_="soft")
    head = el("div", el("p", off, class_="soft"), switch(visit, line), class_="row")
    return el("section", el("h2", "Disable or delete"), head, gone, class_="card last")
