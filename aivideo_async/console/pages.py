"""The console: which view for which path, what a form does, and the news of a page that is open."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import aclosing
from dataclasses import replace
from urllib.parse import unquote

from aivideo_async.console import credits as purse_view
from aivideo_async.console import frame
from aivideo_async.console.faults import faults
from aivideo_async.console.fields import problems_of, read
from aivideo_async.console.guard import Guard
from aivideo_async.console.html import el, joined, path
from aivideo_async.console.http import Answer, Ask, see_other
from aivideo_async.console.keys import keys
from aivideo_async.console.live import AT_MOST, news
from aivideo_async.console.logs import callbacks, requests
from aivideo_async.console.parts import View, Visit, empty
from aivideo_async.console.source import Source
from aivideo_async.console.task import no_task, task
from aivideo_async.console.tasks import tasks
from aivideo_async.console.trying import CALLBACK, MODEL, trying
from aivideo_async.core.errors import AIVideoError, ConfigurationError, InvalidRequestError, StoreError

logger: logging.Logger = logging.getLogger(__name__)

EVENT_STREAM = (("Content-Type", "text/event-stream; charset=utf-8"), ("Cache-Control", "no-store"),
                ("X-Accel-Buffering", "no"))  # fmt: skip


class Console:
    """The pages over a source, without a server: ``await console.answer(ask)``.

    ``hosts`` are names beside loopback under which it may be asked for, and need a ``token`` (16 letters at least).
    Raises ConfigurationError.
    """

    def __init__(self, source: Source, *, hosts: Collection[str] = (), token: str | None = None) -> None:
        self._source = source
        self._guard = Guard(secrets.token_bytes(32), hosts=hosts, token=token)
        self._open_pages = 0

    async def answer(self, ask: Ask) -> Answer:
        """The answer to one request; errors of the source become a page. Cancelling it stops reading."""
        refused = self._guard.refuse(ask)
        if refused is not None:
            return refused
        parts = [unquote(part) for part in ask.path.split("/") if part]
        visit = Visit(source=self._source, base=ask.base, form_token=self._guard.form_token, query=ask.query)
        if ask.method not in {"GET", "HEAD", "POST"}:
            return Answer(status=405, headers=(("Allow", "GET, HEAD, POST"),))
        if parts[:1] == ["assets"] and len(parts) == 2:
            return frame.asset(parts[1]) or self._shown(visit, _nowhere(visit))
        try:
            if parts == ["live"]:
                return self._live(ask)
            await self._source.refresh()
            return await (self._post(ask, visit, parts) if ask.method == "POST" else self._get(visit, parts))
        except StoreError as error:
            logger.warning("the console cannot read: %s", error)
            return self._shown(visit, _unreadable(error))

    async def _get(self, visit: Visit, parts: list[str]) -> Answer:
        if not parts:
            return see_other(path(visit.base, "tasks"))
        if parts[0] == "tasks" and len(parts) == 2:
            detail = await visit.source.task(parts[1])
            return self._shown(visit, no_task(visit, parts[1]) if detail is None else task(visit, detail))
        view = _listed(visit, parts[0]) if len(parts) == 1 else None
        return self._shown(visit, view or _nowhere(visit))

    async def _post(self, ask: Ask, visit: Visit, parts: list[str]) -> Answer:
        acts: Mapping[str, Callable[[Visit, Ask], Awaitable[Answer]]] = {
            "try": self._send, "faults": self._fault, "keys": self._key,
        }  # fmt: skip
        if parts[:1] == ["tasks"] and parts[2:] == ["resend"]:
            return await self._resend(visit, parts[1])
        act = acts.get(parts[0]) if len(parts) == 1 else None
        return self._shown(visit, _nowhere(visit)) if act is None else await act(visit, ask)

    async def _send(self, visit: Visit, ask: Ask) -> Answer:
        workshop = visit.source.workshop
        if workshop is None:
            return self._shown(visit, _nowhere(visit))
        visit = replace(visit, said=ask.form)
        callback = _one(ask, CALLBACK).strip() or None
        try:
            request = read(_one(ask, MODEL), ask.form)
        except InvalidRequestError as error:
            visit = replace(visit, problems=problems_of(error))
            return self._shown(visit, _refused(trying(visit)))
        sent = await workshop.create(request, callback)
        if sent.task_id is not None:
            return see_other(visit.to("tasks", sent.task_id))
        problem = {CALLBACK if "callback_url" in sent.message else "": f"{sent.message} ({sent.code or 'no answer'})"}
        visit = replace(visit, problems=problem)
        return self._shown(visit, _refused(trying(visit)))

    async def _resend(self, visit: Visit, task_id: str) -> Answer:
        log = visit.source.callbacks
        if log is None or not await log.resend(task_id):
            return self._shown(visit, no_task(visit, task_id))
        return see_other(visit.to("tasks", task_id))

    async def _fault(self, visit: Visit, ask: Ask) -> Answer:
        board = visit.source.switchboard
        if board is None:
            return self._shown(visit, _nowhere(visit))
        try:
            act, span = _one(ask, "act"), _one(ask, "advance")
            if span:
                board.advance(float(span))
            elif act in {"pause", "go"}:
                board.pause(on=act == "pause")
            else:
                self._set_faults(ask)
        except (ConfigurationError, ValueError) as error:
            visit = replace(visit, problems={"fault": str(error)})
            return self._shown(visit, _refused(faults(visit, board)))
        return see_other(visit.to("faults"))

    def _set_faults(self, ask: Ask) -> None:
        board = self._source.switchboard
        chosen = ask.form.get("fault", ())
        if board is None:
            return
        if board.can_share:
            for fault in board.faults():
                text = _one(ask, f"share-{fault.name}").strip()
                board.share(fault.name, float(text) / 100 if text else 0.0)
        elif not chosen:
            raise ConfigurationError("choose what shall happen")
        if chosen:
            board.enqueue(chosen)

    async def _key(self, visit: Visit, ask: Ask) -> Answer:
        ring = visit.source.keys
        if ring is None or not ring.can_change:
            return self._shown(visit, _nowhere(visit))
        name, act = _one(ask, "name").strip(), _one(ask, "act")
        try:
            if act == "issue":
                return self._shown(visit, keys(visit, ring, issued=(name, ring.issue(name))))
            if act == "delete":
                ring.delete(name)
            else:
                ring.switch(name, on=act == "enable")
        except AIVideoError as error:
            visit = replace(visit, problems={"name": str(error)})
            return self._shown(visit, _refused(keys(visit, ring)))
        return see_other(visit.to("keys"))

    def _live(self, ask: Ask) -> Answer:
        since = ask.headers.get("last-event-id") or ask.query.get("since", "")
        if ask.method != "GET" or self._open_pages >= AT_MOST:
            return Answer(status=503, headers=(("Retry-After", "5"),))

        async def stream() -> AsyncGenerator[bytes]:
            self._open_pages += 1
            try:
                async with aclosing(news(self._source, since)) as events:
                    async for event in events:
                        yield event
            except StoreError as error:
                logger.warning("the console's news stop: %s", error)
            finally:
                self._open_pages -= 1

        return Answer(headers=EVENT_STREAM, stream=stream)

    def _shown(self, visit: Visit, view: View) -> Answer:
        return frame.answer(visit, view, nonce=secrets.token_urlsafe(16))


def _listed(visit: Visit, place: str) -> View | None:
    source = visit.source
    if place == "tasks":
        return tasks(visit)
    if place == "credits":
        return purse_view.credits(visit)
    if place == "callbacks" and source.callbacks is not None:
        return callbacks(visit, source.callbacks)
    if place == "requests" and source.requests is not None:
        return requests(visit, source.requests)
    if place == "keys" and source.keys is not None:
        return keys(visit, source.keys)
    if place == "faults" and source.switchboard is not None:
        return faults(visit, source.switchboard)
    if place == "try" and source.workshop is not None:
        return trying(visit)
    return None


def _refused(view: View) -> View:
    return replace(view, status=422, still=True)


def _one(ask: Ask, name: str) -> str:
    values = ask.form.get(name, ())
    return values[-1] if values else ""


def _nowhere(visit: Visit) -> View:
    link = el("p", el("a", "All tasks", href=visit.to("tasks")))
    main = empty("There is no such page", "This console has no view of that name.", link)
    return View(title="No such page", place="", main=main, status=404)


def _unreadable(error: StoreError) -> View:
    main = empty("The store cannot be read", joined(el("bdi", str(error)[:300]), " The page tries again by itself."))
    return View(title="The store cannot be read", place="", main=main, status=503)
