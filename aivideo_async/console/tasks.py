"""The view of all tasks: as a gallery or a table, filtered by what stands in the address. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from aivideo_async.console.html import Html, Node, el, joined
from aivideo_async.console.media import poster
from aivideo_async.console.parts import (
    View,
    Visit,
    ago,
    badge,
    bar,
    credits_text,
    empty,
    heading,
    number_in,
    pager,
    plural,
    reason,
    span_text,
    stranger,
    table,
)
from aivideo_async.console.snippets import as_shell
from aivideo_async.console.source import ENDED, Page, Tally, TaskLine, Wanted

GALLERY, ROWS = 24, 50
"""Tasks on a page of either sort."""
SHORT = 140
"""Letters of a prompt in a list."""
FILTERS = {"status": "status", "model": "model", "q": "text"}
"""What a list is filtered by: the name in the address, and the word."""


def tasks(visit: Visit) -> View:
    """The tasks that the address asks for."""
    source, query = visit.source, visit.query
    tally = source.tally()
    wanted = _wanted(query)
    # Where no media are loaded a gallery is a wall of black.
    as_table = query.get("view", "" if source.own else "table") == "table"
    size, number = ROWS if as_table else GALLERY, number_in(query, "page")
    found = source.tasks(wanted, (number - 1) * size, size)
    if tally.total == 0:
        return View(title="Tasks", place="tasks", main=joined(heading("Tasks"), _first_steps(visit)))
    body: Node = _table(visit, found) if as_table else _gallery(visit, found)
    if not found.items:
        body = _nothing_fits(visit)
    main = joined(
        heading("Tasks", _summary(tally), aside=_switch(visit, as_table)),
        _filters(visit, tally, wanted),
        body,
        pager(visit, "tasks", number, size, found.total, at_least=found.at_least) if found.items else None,
    )
    return View(title="Tasks", place="tasks", main=main)


def _wanted(query: Mapping[str, str]) -> Wanted:
    return Wanted(status=query.get("status", ""), model=query.get("model", ""), text=query.get("q", "").strip())


def _nothing_fits(visit: Visit) -> Html:
    """Which filters there are, each with a link that drops it and says what is found then."""
    drops: list[Html] = []
    for name, what in FILTERS.items():
        value = visit.query.get(name, "").strip()
        if value:
            number = visit.source.tasks(_wanted({**visit.query, name: ""}), 0, 0).total
            link = el("a", f"Drop the {what}", href=visit.here("tasks", **{name: None, "page": None}))
            drops.append(el("li", link, " ", stranger(value, short=60), f": then {plural(number, 'task')}"))
    if not drops:
        link = el("a", "Go to the newest", href=visit.here("tasks", page=None))
        return empty("Nothing is so far back", "The list is not that long.", el("p", link))
    every = el("p", el("a", "Show all tasks", href=visit.to("tasks", view=visit.query.get("view"))))
    text = "No task is like that. Drop what asks for too much:"
    return empty("Nothing fits", text, el("ul", *drops, class_="plain"), every if len(drops) > 1 else None)


def _summary(tally: Tally) -> Node:
    words = [plural(tally.total, "task")]
    words += [f"{tally.running:,} running"] if tally.running else []
    words += [f"{number:,} {name}" for name, number in tally.statuses.items() if name in ENDED and number]
    return el("span", " \N{MIDDLE DOT} ".join(words), role="status")


def _switch(visit: Visit, as_table: bool) -> Html:
    return el(
        "nav",
        el(
            "a",
            "Gallery",
            href=visit.here("tasks", view=None if visit.source.own else "gallery", page=None),
            aria_current=None if as_table else "page",
        ),
        el("a", "Table", href=visit.here("tasks", view="table", page=None), aria_current="page" if as_table else None),
        class_="switch",
        aria_label="Shown as",
    )


def _filters(visit: Visit, tally: Tally, wanted: Wanted) -> Html:
    statuses = [("", "Any status"), ("running", "Running"), *((name, name.title()) for name in tally.statuses)]
    models = [("", "Any model"), *((name, f"{name} ({number:,})") for name, number in tally.models.items())]
    for chosen, options in ((wanted.status, statuses), (wanted.model, models)):
        if chosen not in dict(options):
            options.append((chosen, chosen))  # what is filtered by is seen, also where nothing is like that
    kept = visit.query.get("view")
    search = el(
        "input", type="search", name="q", value=wanted.text, placeholder="Find in prompts and ids", maxlength=200,
        aria_label="Find in prompts and ids", data_find=True,
    )  # fmt: skip
    return el(
        "form",
        el("input", type="hidden", name="view", value=kept) if kept else None,
        search,
        _select("status", "Status", statuses, wanted.status),
        _select("model", "Model", models, wanted.model),
        el("button", "Filter", type="submit", class_="quiet"),
        None if wanted.everything else el("a", "Clear", href=visit.to("tasks", view=kept)),
        method="get", action=visit.to("tasks"), class_="filters", role="search", data_auto=True,
    )  # fmt: skip


def _select(name: str, label: str, options: list[tuple[str, str]], chosen: str) -> Html:
    made = (el("option", text, value=value, selected=value == chosen) for value, text in options)
    return el("select", *made, name=name, aria_label=label)


def _gallery(visit: Visit, found: Page[TaskLine]) -> Html:
    return el("ul", *(_card(visit, line) for line in found.items), class_="cards")


def _card(visit: Visit, line: TaskLine) -> Html:
    stage = poster(visit, line) or _nothing_to_see(line)
    prompt = stranger(line.prompt.strip() or f"{line.kind.title()} without a prompt", short=SHORT)
    name = el("a", prompt, href=visit.to("tasks", line.id), class_="cover")
    under = el(
        "p", el("span", stranger(line.model, short=60), class_="soft"), el("span", _cost(line), class_="soft num")
    )
    last = el("p", badge(line.status), ago(line.ended_at or line.created_at, visit.source.now()), class_="soft")
    card = el("article", el("div", stage, class_="stage"), el("div", el("h2", name), under, last, class_="text"))
    return el("li", card, id=f"task-{line.id}", class_="tall" if line.tall else None)


def _nothing_to_see(line: TaskLine) -> Html:
    if line.status not in ENDED:
        share = "" if line.progress is None else f"{line.progress:.0%}"
        return el("div", bar(line.progress, f"Progress of {line.id}"), el("span", share or line.status), class_="wait")
    if line.problem:
        return el("p", stranger(reason(line.problem), short=SHORT), class_="nothing")
    title = line.tracks[0].title if line.tracks else ""
    return el("p", stranger(title, short=SHORT) if title else f"No {line.kind} to be seen", class_="nothing")


def _cost(line: TaskLine) -> str:
    if line.credits is None:
        return ""
    return f"{credits_text(line.credits)} cr" if line.paid else "given back"


def _table(visit: Visit, found: Page[TaskLine]) -> Html:
    return table(
        "Tasks, newest first",
        ("Task", "Model", "Status", "Credits", "Took", "Created"),
        [_row(visit, line) for line in found.items],
        numeric=("Credits", "Took"),
    )


def _row(visit: Visit, line: TaskLine) -> tuple[Node, ...]:
    now = visit.source.now()
    prompt = stranger(line.prompt.strip() or line.id, short=90)
    began, ended = line.created_at, line.ended_at
    took = span_text(((ended or now) - began).total_seconds()) if began and (ended or line.status not in ENDED) else ""
    progress = bar(line.progress, f"Progress of {line.id}") if line.status not in ENDED else None
    paid = credits_text(line.credits) if line.paid else el("span", "given back", class_="soft")
    return (
        el("a", prompt, href=visit.to("tasks", line.id)),
        stranger(line.model, short=60),
        el("span", badge(line.status), progress, class_="stack"),
        paid,
        took,
        ago(line.created_at, now),
    )


def _first_steps(visit: Visit) -> Html:
    if visit.source.workshop is None:
        return empty(
            "No tasks yet",
            "Tasks appear here as soon as a client records them in this store: ",
            el(
                "pre", el("code", "async with Client(store=\u2026) as client:\n    task = await client.submit(request)")
            ),
        )
    code = as_shell(visit.source.base_url, "aivideo generate 'A paper boat crosses a puddle'")
    return empty(
        "Nothing was made yet",
        "Every task that a client creates appears here while it is made. Make the first one now, or from a shell:",
        el("p", el("a", "Try it", href=visit.to("try"), class_="button main")),
        el("pre", el("code", code)),
    )
