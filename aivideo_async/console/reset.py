"""The view that asks before everything is forgotten, and says what goes and what stays. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from aivideo_async.console.html import Html, el, joined
from aivideo_async.console.parts import View, Visit, button, credits_text, form, heading, plural


def reset(visit: Visit) -> View:
    """The question."""
    source = visit.source
    logs = {
        "callback attempt": None if source.callbacks is None else source.callbacks.attempts(0, 0).total,
        "request": None if source.requests is None else source.requests.requests(0, 0).total,
        "posting": None if source.ledger is None else source.ledger.postings(0, 0).total,
    }
    goes = [
        f"{plural(source.tally().total, 'task')} with timelines and files",
        *(plural(number, noun) for noun, number in logs.items() if number is not None),
        "what was chosen for the next creates",
    ]
    stays = [
        f"the credits that were bought, {credits_text(source.purse().purchased)}: none of them is spent then",
        "keys with their caps and addresses",
        "faults that are set for a share, and the clock",
    ]
    ask = form(
        visit,
        visit.to("reset"),
        button("Forget all of it", kind="grave"),
        el("a", "Keep it", href=visit.to("faults"), class_="button"),
        class_="acts",
    )
    lead = "The sandbox begins anew, as after its first start. There is no way back."
    lists = el("div", _list("Goes", goes), _list("Stays", stays), class_="pair")
    main = joined(heading("Begin anew?", lead), el("section", lists, ask, class_="card"))
    return View(title="Begin anew", place="faults", main=main, still=True)


def _list(title: str, lines: Sequence[str]) -> Html:
    return el("div", el("h2", title), el("ul", *(el("li", line) for line in lines)))
