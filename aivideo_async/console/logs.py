"""The views of callbacks and of requests: what was sent to whom, and what came in. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from aivideo_async.console.html import Html, Node, el, joined
from aivideo_async.console.parts import (
    View,
    Visit,
    ago,
    button,
    code_badge,
    empty,
    form,
    heading,
    number_in,
    pager,
    plural,
    span_text,
    stranger,
    table,
)
from aivideo_async.console.snippets import as_shell
from aivideo_async.console.source import CallbackLine, CallbackLog, Page, RequestLine, RequestLog

SIZE = 50
"""Lines on a page."""


def callbacks(visit: Visit, log: CallbackLog) -> View:
    """Attempts at callbacks, newest first."""
    number = number_in(visit.query, "page")
    found = log.attempts((number - 1) * SIZE, SIZE)
    if not found.total:
        text = "A task that was created with a callback_url is announced there when it ends. Each attempt appears here."
        code = as_shell(
            visit.source.base_url,
            "export AIVIDEO_WEBHOOK_SECRET=\u2026   # printed too, where callbacks are signed",
            "export AIVIDEO_CALLBACK_URL=http://127.0.0.1:8080/hooks",
            "aivideo listen &",
            "aivideo generate 'a kite over a harbour'",
        )
        shell = el("pre", el("code", code))
        main = joined(heading("Callbacks"), empty("No callback was sent yet", text, _to_try(visit), shell))
        return View(title="Callbacks", place="callbacks", main=main)
    columns = ("Status", "Event", "Task", "Attempt", "Took", "When", "")
    listed = _listed("Callbacks, newest first", columns, [_callback(visit, line) for line in found.items])
    lead = f"{plural(found.total, 'attempt')}. One that is not answered 2xx within 30 s is tried again, twice at most."
    return _list_view(visit, "Callbacks", lead, listed, found, number)


def requests(visit: Visit, log: RequestLog) -> View:
    """Requests, newest first."""
    number = number_in(visit.query, "page")
    found = log.requests((number - 1) * SIZE, SIZE)
    if not found.total:
        text = "Every request to the API appears here, with what it was answered. Send one from a shell:"
        code = el(
            "pre", el("code", f'curl -H "Authorization: Bearer $AIVIDEO_API_KEY" {visit.source.base_url}/v1/credits')
        )
        main = joined(heading("Requests"), empty("No request came yet", text, code))
        return View(title="Requests", place="requests", main=main)
    columns = ("Status", "Request", "Task", "Key", "Took", "When")
    listed = _listed("Requests, newest first", columns, [_request(visit, line) for line in found.items])
    return _list_view(visit, "Requests", plural(found.total, "request"), listed, found, number)


def _listed(caption: str, columns: Sequence[str], rows: Sequence[Sequence[Node]]) -> Html:
    """The table without the columns that nothing stands in."""
    kept = [index for index, name in enumerate(columns) if not name or any(row[index] for row in rows)]
    shown = [[row[index] or "\N{EN DASH}" for index in kept] for row in rows]
    return table(caption, [columns[index] for index in kept], shown, numeric=("Took",))


def _list_view(
    visit: Visit, title: str, lead: str, listed: Html, found: Page[CallbackLine] | Page[RequestLine], number: int
) -> View:
    place = title.lower()
    pages = pager(visit, place, number, SIZE, found.total, at_least=found.at_least)
    main = joined(heading(title, el("span", lead, role="status")), listed, pages)
    return View(title=title, place=place, main=main)


def _callback(visit: Visit, line: CallbackLine) -> tuple[Node, ...]:
    now = visit.source.now()
    error = el("span", stranger(line.error, short=160), class_="soft small why") if line.error else None
    note = el("span", line.note, class_="tag") if line.note else None
    again = None
    if line.next_at is not None and line.next_at > now:
        again = el("span", f"again in {span_text((line.next_at - now).total_seconds())}", class_="soft small")
    resend = form(visit, visit.to("tasks", line.task_id, "resend"), button("Send again", kind="quiet small"))
    return (
        code_badge(line.status),
        el("span", el("span", line.event, " ", note), error, class_="stack"),
        el("a", el("code", line.task_id[:8]), href=visit.to("tasks", line.task_id)),
        el("span", str(line.attempt), again, class_="stack"),
        "" if line.seconds is None else span_text(line.seconds),
        ago(line.at, now),
        resend,
    )


def _request(visit: Visit, line: RequestLine) -> tuple[Node, ...]:
    code = el("span", stranger(line.code, short=60), class_="soft small") if line.code else None
    body = el("details", el("summary", "Body"), el("pre", el("code", line.body[:4000]))) if line.body else None
    link = el("a", el("code", line.task_id[:8]), href=visit.to("tasks", line.task_id)) if line.task_id else None
    return (
        el("span", code_badge(line.status, "cut off"), code, class_="stack"),
        el("span", el("code", line.method, " ", stranger(line.path, short=120)), body, class_="stack"),
        link,
        stranger(line.key, short=40) if line.key else None,
        "" if line.seconds is None else span_text(line.seconds),
        ago(line.at, visit.source.now()),
    )


def _to_try(visit: Visit) -> Node:
    if visit.source.workshop is None:
        return None
    return el("p", el("a", "Try it with a callback", href=visit.to("try"), class_="button main"))
