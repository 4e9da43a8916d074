"""The view of faults and of the clock: what shall go wrong, and how fast time goes. Pure."""

from __future__ import annotations

from datetime import UTC
from itertools import groupby

from aivideo_async.console.controls import ClockFace, Fault, Switchboard
from aivideo_async.console.html import Html, Node, el, joined
from aivideo_async.console.parts import View, Visit, button, form, heading, stranger

STEPS = ((10, "10 s"), (60, "1 min"), (600, "10 min"))
"""Spans of the service's time by which the clock is moved on."""


def faults(visit: Visit, board: Switchboard) -> View:
    """The clock, what waits for the next creates, and everything that can be made to happen."""
    lead = "Make it go wrong here before it does so in production. What you choose happens to the next create."
    beside = (_clock(visit, board.clock()), _waiting(board), _anew(visit))
    main = joined(
        heading("Faults and clock", lead),
        el("div", _next(visit, board), el("div", *beside, class_="column side"), class_="split"),
    )
    return View(title="Faults and clock", place="faults", main=main)


def _clock(visit: Visit, face: ClockFace) -> Html:
    shown = el("p", el("time", f"{face.now.astimezone(UTC):%H:%M:%S}"), class_="clock")
    pace = f"{face.speed:g} times as fast as the service" + (", paused" if face.paused else "")
    acts: Node = None
    if face.can_stop:
        held = button("Go on" if face.paused else "Pause", name="act", value="go" if face.paused else "pause")
        steps = (button(f"+{text}", kind="quiet", name="advance", value=str(span)) for span, text in STEPS)
        acts = form(visit, visit.to("faults"), held, *steps, class_="acts", aria_label="The clock")
    return el("section", el("h2", "Clock"), shown, el("p", pace, class_="soft"), acts, class_="card")


def _waiting(board: Switchboard) -> Html:
    waiting = board.waiting()
    listed: Node = el("ol", *(el("li", stranger(text, short=200)) for text in waiting), class_="plain")
    if not waiting:
        listed = el("p", "Nothing: the next create goes its usual way.", class_="soft")
    return el("section", el("h2", "Before the next creates"), listed, class_="card")


def _anew(visit: Visit) -> Html:
    words = "Forget tasks, files, callbacks, requests and postings; keys and credits stay."
    link = el("a", "Begin anew\N{HORIZONTAL ELLIPSIS}", href=visit.to("reset"), class_="button")
    return el("section", el("h2", "Reset"), el("p", words, class_="soft"), el("p", link), class_="card")


def _next(visit: Visit, board: Switchboard) -> Html:
    groups = (
        el("fieldset", el("legend", group), *(_choice(fault, board) for fault in faults), class_="choices")
        for group, faults in groupby(board.faults(), key=lambda fault: fault.group)
    )
    wrong = el("p", stranger(visit.problems.get("fault", "")), class_="problem", role="alert")
    how = "Tick what shall happen to the next create. A number is the share of all creates that it meets from now on."
    told = el("p", how, class_="soft") if board.can_share else None
    send = button("Let it happen to the next create", kind="main", name="act", value="enqueue")
    return form(visit, visit.to("faults"), told, *groups, wrong if visit.problems else None, send, class_="card faults")


def _choice(fault: Fault, board: Switchboard) -> Html:
    words = el("span", el("strong", fault.title), el("small", fault.meaning))
    check = el("label", el("input", type="checkbox", name="fault", value=fault.name), words)
    if not board.can_share:
        return check
    share = el(
        "input", type="number", name=f"share-{fault.name}", min=0, max=100, step="any",
        aria_label=f"{fault.title}: per cent", value=None if fault.share is None else f"{fault.share * 100:g}",
    )  # fmt: skip
    return el("div", check, el("span", share, " %", class_="share"), class_="row")
