"""The console: which view for which path, and the news of a page that is open."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from urllib.parse import unquote

from aivideo_async.console import credits as purse_view
from aivideo_async.console import frame
from aivideo_async.console.acts import act
from aivideo_async.console.faults import faults
from aivideo_async.console.guard import Guard
from aivideo_async.console.html import Address, el, joined, path
from aivideo_async.console.http import Answer, Ask, see_other
from aivideo_async.console.key import key
from aivideo_async.console.keys import keys
from aivideo_async.console.live import AT_MOST, news
from aivideo_async.console.logs import callbacks, requests
from aivideo_async.console.parts import View, Visit, empty
from aivideo_async.console.reset import reset
from aivideo_async.console.source import Source
from aivideo_async.console.task import no_task, task
from aivideo_async.console.tasks import tasks
from aivideo_async.console.trying import trying
from aivideo_async.core.errors import StoreError

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
        return self._shown(visit, await _view(visit, parts) or _nowhere(visit))

    async def _post(self, ask: Ask, visit: Visit, parts: list[str]) -> Answer:
        outcome = await act(visit, ask.form, parts)
        return see_other(outcome) if isinstance(outcome, Address) else self._shown(visit, outcome or _nowhere(visit))

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


async def _view(visit: Visit, parts: Sequence[str]) -> View | None:
    match parts:
        case [place]:
            return _listed(visit, place)
        case ["tasks", id]:
            detail = await visit.source.task(id)
            return no_task(visit, id) if detail is None else task(visit, detail)
        case ["keys", name]:
            return None if visit.source.keys is None else key(visit, visit.source.keys, name)
        case _:
            return None


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
    if place == "reset" and source.switchboard is not None:
        return reset(visit)
    if place == "try" and source.workshop is not None:
        return trying(visit)
    return None


def _nowhere(visit: Visit) -> View:
    link = el("p", el("a", "All tasks", href=visit.to("tasks")))
    main = empty("There is no such page", "This console has no view of that name.", link, alone=True)
    return View(title="No such page", place="", main=main, status=404)


def _unreadable(error: StoreError) -> View:
    text = joined(el("bdi", str(error)[:300]), " The page tries again by itself.")
    main = empty("The store cannot be read", text, alone=True)
    return View(title="The store cannot be read", place="", main=main, status=503)
