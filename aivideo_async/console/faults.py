"""The view of faults and of the clock: what goes wrong now, what shall go wrong, and how fast time goes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from itertools import groupby

from aivideo_async.catalog import MODELS
from aivideo_async.console.controls import ActiveFault, ClockFace, Fault, Switchboard
from aivideo_async.console.html import Html, Node, el, joined
from aivideo_async.console.parts import View, Visit, button, form, heading, stranger

STEPS = ((10, "10 s"), (60, "1 min"), (600, "10 min"))
"""Spans of the service's time by which the clock is moved on."""
MOST_TIMES = 100
"""Creates in a row that something can be chosen for."""


def faults(visit: Visit, board: Switchboard) -> View:
    """What goes wrong now, the clock, and everything that can be made to happen."""
    lead = "Make it go wrong here before it does so in production."
    anew = el("a", "Begin anew\N{HORIZONTAL ELLIPSIS}", href=visit.to("reset"), class_="button")
    main = joined(
        heading("Faults and clock", lead, aside=anew),
        el("div", _active(visit, board.active()), _clock(visit, board.clock()), class_="split"),
        _choose(visit, board),
    )
    return View(title="Faults and clock", place="faults", main=main)


def groups_of(faults: Sequence[Fault]) -> list[tuple[str, list[Fault]]]:
    """The faults by their groups, in their order."""
    return [(group, list(some)) for group, some in groupby(faults, key=lambda fault: fault.group)]


def _active(visit: Visit, active: Sequence[ActiveFault]) -> Html:
    clear = button("Clear all", kind="quiet small", name="act", value="clear") if active else None
    rows = (
        el(
            "li",
            el("span", el("strong", stranger(fault.title, short=200)), el("span", _whom(fault), class_="soft"),
               class_="what"),
            button("Remove", kind="quiet small", name="remove", value=fault.id),
            class_="row",
        )
        for fault in active
    )  # fmt: skip
    listed: Node = el("ul", *rows, class_="plain rows")
    if not active:
        listed = el("p", "Nothing: every create goes its usual way. Choose below what shall happen.", class_="soft")
    head = el("div", el("h2", "Active now"), clear, class_="row")
    return form(visit, visit.to("faults"), head, listed, class_="card", id="active")


def _whom(fault: ActiveFault) -> Html:
    share = "" if fault.share is None else f"{fault.share * 100:g} % of "
    return joined(share, stranger(fault.whom, short=160))


def _clock(visit: Visit, face: ClockFace) -> Html:
    ticking = None if face.paused else f"{face.now.timestamp() * 1000:.0f}"
    shown = el("p", el("time", f"{face.now.astimezone(UTC):%H:%M:%S}", data_tick=ticking), class_="clock")
    pace = el("p", f"{face.speed:g} times as fast as the service" + (", paused" if face.paused else ""), class_="soft")
    head = el("h2", "Clock")
    if not face.can_stop:
        return el("section", head, shown, pace, class_="card")
    held = button("Go on" if face.paused else "Pause", name="act", value="go" if face.paused else "pause")
    steps = (button(f"+{text}", kind="quiet", name="advance", value=str(span)) for span, text in STEPS)
    row = el("div", shown, held, class_="row")
    return form(visit, visit.to("faults"), head, row, pace, el("div", *steps, class_="acts near"), class_="card")


def _choose(visit: Visit, board: Switchboard) -> Html:
    chosen = (visit.said or {}).get("fault", ())
    groups = (
        el("fieldset", el("legend", group), *(_choice(fault, fault.name in chosen) for fault in some), class_="choices")
        for group, some in groups_of(board.faults())
    )
    problem = visit.problems.get("fault", "")
    wrong = el("p", stranger(problem), class_="problem", role="alert") if problem else None
    return form(
        visit,
        visit.to("faults"),
        el("h2", "Choose what shall happen"),
        el("div", *groups, class_="groups"),
        el("div", wrong, _next(visit), _share(visit), class_="bar"),
        class_="card faults",
    )


def _choice(fault: Fault, chosen: bool) -> Html:
    words = el("span", el("strong", fault.title), el("small", fault.meaning))
    return el("label", el("input", type="checkbox", name="fault", value=fault.name, checked=chosen), words)


def _next(visit: Visit) -> Html:
    times = el(
        "input", type="number", name="times", min=1, max=MOST_TIMES, step=1, value=_said(visit, "times", "1"),
        aria_label="How many of the next creates",
    )  # fmt: skip
    act = button("Let it happen", kind="main", name="act", value="enqueue")
    return el("div", act, el("span", "to the next"), times, class_="act", data_act=True)


def _share(visit: Visit) -> Html:
    share = el(
        "input", type="number", name="share", min=0, max=100, step="any", value=_said(visit, "share", "10"),
        aria_label="Per cent",
    )  # fmt: skip
    act = button("Set it", kind="main", name="act", value="share")
    return el("div", act, el("span", "for"), share, el("span", "% of"), _whoms(visit), class_="act", data_act=True)


def _whoms(visit: Visit) -> Html:
    """Whom a share can be of: everything, a model or a key."""
    ring, said = visit.source.keys, _said(visit, "whom", "")
    names = [] if ring is None else [line.name for line in ring.keys()]  # noqa: SIM118 - it is no mapping
    groups = (("Of one key", "key", names), ("Of one model", "model", list(MODELS)))
    options = (
        el(
            "optgroup",
            *(el("option", name, value=f"{kind}:{name}", selected=said == f"{kind}:{name}") for name in some),
            label=title,
        )
        for title, kind, some in groups
        if some
    )
    return el("select", el("option", "all", value=""), *options, name="whom", aria_label="Of what")


def _said(visit: Visit, name: str, otherwise: str) -> str:
    texts = (visit.said or {}).get(name, ())
    return texts[-1] if texts else otherwise
