"""The view of credits: the balance over time, what they went to, and every movement of them. Pure."""

from __future__ import annotations

from decimal import Decimal
from itertools import groupby

from aivideo_async.console.chart import balance_chart
from aivideo_async.console.html import Html, Node, el, joined
from aivideo_async.console.parts import (
    View,
    Visit,
    ago,
    credits_text,
    empty,
    heading,
    number_in,
    pager,
    plural,
    stranger,
    table,
)
from aivideo_async.console.snippets import as_shell
from aivideo_async.console.source import PostingLine, PostingLog, Purse, Spend

SIZE = 50
"""Postings on a page."""
WORDS = {"top_up": "Top-up", "charge": "Charge", "refund": "Refund", "fee": "Fee"}


def credits(visit: Visit) -> View:  # noqa: A001 - credits is the word of this package
    """The balance, its chart, a table for each thing that spending is told by, and the ledger."""
    purse = visit.source.purse()
    lead = "What was spent, by the price book; the service tells no cost of a task." if purse.estimated else None
    main = joined(
        heading("Credits", *((lead,) if lead else ()), aside=_to_top_up(visit)),
        _figures(purse),
        el("div", _chart(visit, purse), _spending(visit, purse), class_="split" if purse.points else "column"),
        _ledger(visit, visit.source.ledger),
    )
    return View(title="Credits", place="credits", main=main)


def _to_top_up(visit: Visit) -> Node:
    ring = visit.source.keys
    lines = () if ring is None or not ring.can_change else ring.keys()
    own = next((line for line in lines if line.own), None)
    return None if own is None else el("a", "Top up", href=visit.to("keys", own.name), class_="button")


def _figures(purse: Purse) -> Html:
    pairs = [("Balance", purse.balance), ("Purchased", purse.purchased), ("Spent", purse.consumed)]
    known = [(name, amount) for name, amount in pairs if amount is not None]
    return el(
        "dl",
        *(el("div", el("dt", name), el("dd", credits_text(amount))) for name, amount in known),
        class_="figures",
    )


def _chart(visit: Visit, purse: Purse) -> Node:
    if not purse.points:
        return None
    return el("section", el("h2", "Balance"), balance_chart(purse.points, visit.source.now()), class_="card")


def _spending(visit: Visit, purse: Purse) -> Html:
    if not purse.spends:
        return _nothing_spent(visit)
    groups = groupby(purse.spends, key=lambda spend: spend.group)
    return el("div", *(_spends(group, list(spends)) for group, spends in groups), class_="column")


def _nothing_spent(visit: Visit) -> Html:
    text = "A task is charged when it is created, and its credits come back when it fails."
    if visit.source.workshop is None:
        return empty("Nothing was spent yet", f"{text} Tasks appear here once a client records them in this store.")
    code = as_shell(visit.source.base_url, "aivideo generate 'a kite over a harbour' --model sora-2")
    return empty("Nothing was spent yet", f"{text} Spend the first ones:", el("pre", el("code", code)))


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


def _ledger(visit: Visit, log: PostingLog | None) -> Node:
    if log is None:
        return None
    number = number_in(visit.query, "page")
    found = log.postings((number - 1) * SIZE, SIZE)
    columns = ("What", "Credits", "Balance", *(("Account",) if log.accounts > 1 else ()), "Task", "Key", "When")
    rows = [_posting(visit, line, several=log.accounts > 1) for line in found.items]
    listed = table("Postings, newest first", columns, rows, numeric=("Credits", "Balance"))
    return el(
        "section", el("h2", "Ledger"), listed, pager(visit, "credits", number, SIZE, found.total), class_="column"
    )


def _posting(visit: Visit, line: PostingLine, *, several: bool) -> tuple[Node, ...]:
    sign = "+" if line.credits > 0 else ""
    none = "\N{EN DASH}"
    link: Node = el("a", el("code", line.task_id[:8]), href=visit.to("tasks", line.task_id)) if line.task_id else none
    key: Node = el("a", stranger(line.key, short=40), href=visit.to("keys", line.key)) if line.key else none
    model = el("span", stranger(line.model, short=60), class_="soft small") if line.model else None
    return (
        el("strong", WORDS.get(line.reason, line.reason)),
        el("span", f"{sign}{credits_text(line.credits)}", class_="good" if line.credits > 0 else None),
        credits_text(line.balance),
        *((stranger(line.account, short=60),) if several else ()),
        el("span", link, model, class_="stack"),
        key,
        ago(line.at, visit.source.now()),
    )
