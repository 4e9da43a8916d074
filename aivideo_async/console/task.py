"""The view of one task: what came out, what it was made of, and what happened to it, step by step. Pure."""

from __future__ import annotations

from datetime import datetime

from aivideo_async.console.faults import groups_of
from aivideo_async.console.html import Html, Node, el, joined
from aivideo_async.console.media import media
from aivideo_async.console.parts import (
    View,
    Visit,
    ago,
    badge,
    bar,
    button,
    clock_time,
    copyable,
    credits_text,
    empty,
    facts,
    form,
    in_code,
    span_text,
    stranger,
)
from aivideo_async.console.snippets import as_curl, as_python
from aivideo_async.console.source import ENDED, Step, TaskDetail


def task(visit: Visit, detail: TaskDetail) -> View:
    """One task."""
    line = detail.line
    prompt = line.prompt.strip() or f"{line.kind.title()} without a prompt"
    head = el(
        "header",
        el("p", el("a", "Tasks", href=visit.to("tasks")), " / ", el("code", line.id), class_="crumbs"),
        el("h1", stranger(prompt, short=120), class_="prompt"),
        el("p", badge(line.status), " ", el("span", stranger(line.model, short=60), class_="soft"), class_="under"),
    )
    left = el("div", _stage(visit, detail), _words(prompt), _code(visit, detail), class_="column")
    right = el("div", _facts(visit, detail), _timeline(visit, detail), _afflict(visit, detail), class_="column side")
    return View(title=prompt[:60], place="tasks", main=joined(head, el("div", left, right, class_="split task")))


def no_task(visit: Visit, id: str) -> View:
    """What stands in the place of a task that is not there."""
    main = empty(
        "There is no such task",
        joined(stranger(id, short=80), " is not known here: it was forgotten, or belongs to another service."),
        el("p", el("a", "All tasks", href=visit.to("tasks"))),
        alone=True,
    )
    return View(title="No such task", place="tasks", main=main, status=404)


def _stage(visit: Visit, detail: TaskDetail) -> Html:
    line = detail.line
    shown = media(visit, line)
    if shown:
        sort = " tall" if line.tall else " music" if line.kind == "music" else ""
        return el("div", shown, class_=f"player{sort}")
    if line.status not in ENDED:
        share = "\N{EN DASH}" if line.progress is None else f"{line.progress:.0%}"
        words = el("p", el("strong", share), " ", line.status, role="status")
        return el("div", el("div", bar(line.progress, "Progress"), words, class_="wait"), class_="player")
    text = el("p", stranger(line.problem or "There is no file.", short=2000), class_="nothing")
    return el("div", text, class_="player")


def _words(prompt: str) -> Node:
    if len(prompt) <= 120:
        return None
    return el("section", el("h2", "Prompt"), el("p", stranger(prompt), class_="whole", tabindex=0), class_="card")


def _facts(visit: Visit, detail: TaskDetail) -> Html:
    line, now = detail.line, visit.source.now()
    pairs: dict[str, Node] = {}
    if line.credits is not None:
        pairs["Credits"] = credits_text(line.credits) + ("" if line.paid else ", given back")
    pairs["Created"] = ago(line.created_at, now)
    if line.created_at and line.ended_at:
        pairs["Took"] = span_text((line.ended_at - line.created_at).total_seconds())
    pairs |= {name: stranger(value, short=300) for name, value in detail.facts.items()}
    pairs |= {f"Label {name[:40]}": stranger(value, short=120) for name, value in line.labels.items()}
    return el("section", el("h2", "Details", class_="unseen"), facts(pairs), class_="card")


def _timeline(visit: Visit, detail: TaskDetail) -> Html:
    began = next((step.at for step in detail.steps if step.at is not None), None)
    steps = (_step(number, step, began) for number, step in enumerate(detail.steps))
    resend = None
    if detail.can_resend:
        action = visit.to("tasks", detail.line.id, "resend")
        resend = form(visit, action, button("Send the callback again"))
    head = el("div", el("h2", "Timeline"), resend, class_="row")
    return el("section", head, el("ol", *steps, class_="timeline"), class_="card")


def _afflict(visit: Visit, detail: TaskDetail) -> Node:
    """What can still go wrong with a task that runs."""
    board, line = visit.source.switchboard, detail.line
    if board is None or line.status in ENDED:
        return None
    options = (
        el("optgroup", *(el("option", fault.title, value=fault.name) for fault in some), label=group)
        for group, some in groups_of([fault for fault in board.faults() if fault.late])
    )
    problem = visit.problems.get("fault", "")
    return el(
        "section",
        el("h2", "Let it go wrong"),
        form(
            visit,
            visit.to("tasks", line.id, "afflict"),
            el("select", *options, name="fault", aria_label="What shall happen to this task"),
            button("Let it happen"),
            class_="acts grow",
        ),
        el("p", stranger(problem), class_="problem", role="alert") if problem else None,
        class_="card",
        id="afflict",
    )


def _step(number: int, step: Step, began: datetime | None) -> Html:
    after: Node = None
    if step.at is not None and began is not None and step.at != began:
        after = el("span", f"+{span_text((step.at - began).total_seconds())}", class_="soft num")
    raw = copyable(f"raw-{number}", step.raw_title or "Raw", step.raw) if step.raw else None
    return el(
        "li",
        el("p", el("strong", step.title), after, class_="row"),
        el("p", stranger(step.detail, short=600), class_="soft") if step.detail else None,
        el("p", clock_time(step.at), class_="soft small") if step.at is not None else None,
        raw,
        class_=step.mood,
    )


def _code(visit: Visit, detail: TaskDetail) -> Node:
    if detail.request is None:
        return None
    return in_code(as_python(detail.request), as_curl(detail.request, visit.source.base_url), kind="card last")
