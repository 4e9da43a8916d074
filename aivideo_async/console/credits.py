"""The view of credits: the balance over time, and what they went to. Pure."""

from __future__ import annotations

from decimal import Decimal
from itertools import groupby

from aivideo_async.console.chart import balance_chart
from aivideo_async.console.html import Html, Node, el, joined
from aivideo_async.console.parts import View, Visit, credits_text, empty, heading, plural, stranger, table
from aivideo_async.console.source import Purse, Spend


def credits(visit: Visit) -> View:  # noqa: A001 - credits is the word of this package
    """The balance, its chart, and a table for each thing that spending is told by."""
    purse = visit.source.purse()
    lead = "What was spent, by the price book; the service tells no cost of a task." if purse.estimated else None
    main = joined(heading("Credits", lead) if lead else heading("Credits"), _figures(purse), _chart(purse))
    if not purse.spends:
        text = "Credits are charged when a task is created, and given back when it fails."
        main = joined(main, empty("Nothing was spent yet", text))
    for group, spends in groupby(purse.spends, key=lambda spend: spend.group):
        main = joined(main, _spends(group, list(spends)))
    return View(title="Credits", place="credits", main=main)


def _figures(purse: Purse) -> Html:
    pairs = [("Balance", purse.balance), ("Purchased", purse.purchased), ("Spent", purse.consumed)]
    known = [(name, amount) for name, amount in pairs if amount is not None]
    return el(
        "dl",
        *(el("div", el("dt", name), el("dd", credits_text(amount))) for name, amount in known),
        class_="figures",
    )


def _chart(purse: Purse) -> Node:
    if len(purse.points) < 2:
        return None
    return el("section", el("h2", "Balance"), balance_chart(purse.points), class_="card")


def _spends(group: str, spends: list[Spend]) -> Html:
    most = max((spend.credits for spend in spends), default=Decimal(0)) or Decimal(1)
    rows: list[tuple[Node, ...]] = [
        (
            stranger(spend.name, short=80),
            el("meter", value=f"{spend.credits / most:.3f}", min=0, max=1, aria_label=f"Share of {spend.name[:80]}"),
            plural(spend.tasks, "task"),
            credits_text(spend.credits),
        )
        for spend in spends
    ]
    columns = (group.capitalize(), "Share", "Tasks", "Credits")
    listed = table(f"Spent by {group}", columns, rows, numeric=("Tasks", "Credits"))
    return el("section", el("h2", f"Spent by {group}"), listed, class_="card")
