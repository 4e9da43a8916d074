"""What a form of the page does: it changes something, and says where to look then, or shows what was wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from aivideo_async.console.controls import FormError, KeyForm, KeyRing, Switchboard
from aivideo_async.console.faults import MOST_TIMES, faults
from aivideo_async.console.fields import problems_of, read
from aivideo_async.console.html import Address
from aivideo_async.console.key import key
from aivideo_async.console.keys import keys
from aivideo_async.console.parts import View, Visit
from aivideo_async.console.task import no_task, task
from aivideo_async.console.trying import CALLBACK, MODEL, trying
from aivideo_async.core.errors import ConfigurationError, InvalidRequestError

Form = Mapping[str, Sequence[str]]
Outcome = Address | View | None
"""Where to look now, a view with what was wrong or is shown once, or nothing where there is no such page."""
MOST_SECONDS = 366 * 86_400
"""By how much the clock is moved on at once."""


async def act(visit: Visit, form: Form, parts: Sequence[str]) -> Outcome:
    """Do what a form says that was sent to this path. Raises StoreError."""
    alone: Mapping[str, Callable[[Visit, Form], Awaitable[Outcome]]] = {
        "try": _send, "faults": _fault, "keys": _issue, "reset": _reset,
    }  # fmt: skip
    match list(parts):
        case ["tasks", id, "resend"]:
            return await _resend(visit, id)
        case ["tasks", id, "afflict"]:
            return await _afflict(visit, form, id)
        case ["keys", name]:
            return _change_key(visit, form, name)
        case [place] if place in alone:
            return await alone[place](visit, form)
        case _:
            return None


async def _send(visit: Visit, form: Form) -> Outcome:
    workshop = visit.source.workshop
    if workshop is None:
        return None
    visit = replace(visit, said=form)
    callback = _one(form, CALLBACK).strip() or None
    try:
        request = read(_one(form, MODEL), form)
    except InvalidRequestError as error:
        return _refused(trying(replace(visit, problems=problems_of(error))))
    sent = await workshop.create(request, callback)
    if sent.task_id is not None:
        return visit.to("tasks", sent.task_id)
    problem = {CALLBACK if "callback_url" in sent.message else "": f"{sent.message} ({sent.code or 'no answer'})"}
    return _refused(trying(replace(visit, problems=problem)))


async def _resend(visit: Visit, task_id: str) -> Outcome:
    log = visit.source.callbacks
    if log is None or not await log.resend(task_id):
        return no_task(visit, task_id)
    return visit.to("tasks", task_id)


async def _fault(visit: Visit, form: Form) -> Outcome:
    board = visit.source.switchboard
    if board is None:
        return None
    try:
        _turn(board, form)
    except ConfigurationError as error:
        return _refused(faults(replace(visit, said=form, problems={"fault": str(error)}), board))
    return visit.to("faults")


def _turn(board: Switchboard, form: Form) -> None:
    """Do what a form of the view of faults says. Raises ConfigurationError."""
    said, span, gone = _one(form, "act"), _one(form, "advance"), _one(form, "remove")
    if span:
        board.advance(_number(span, 0, MOST_SECONDS, "the clock is moved on by a number of seconds"))
    elif gone:
        board.remove(gone)
    elif said in {"pause", "go"}:
        board.pause(on=said == "pause")
    elif said == "clear":
        board.clear()
    elif said == "share":
        share = _number(_one(form, "share"), 0, 100, "a share is a number of per cent, from 0 to 100")
        kind, _, name = _one(form, "whom").partition(":")
        model, key = (name if kind == wanted else None for wanted in ("model", "key"))
        board.share(form.get("fault", ()), share / 100, model=model, key=key)
    else:
        many = f"something happens to 1 to {MOST_TIMES} creates"
        board.enqueue(form.get("fault", ()), int(_number(_one(form, "times") or "1", 1, MOST_TIMES, many)))


async def _afflict(visit: Visit, form: Form, task_id: str) -> Outcome:
    board = visit.source.switchboard
    try:
        done = board is not None and board.afflict(task_id, form.get("fault", ()))
    except ConfigurationError as error:
        detail = await visit.source.task(task_id)
        view = None if detail is None else task(replace(visit, problems={"fault": str(error)}), detail)
        return _refused(view or no_task(visit, task_id))
    return visit.to("tasks", task_id) if done or await visit.source.task(task_id) else no_task(visit, task_id)


async def _reset(visit: Visit, _: Form) -> Outcome:
    board = visit.source.switchboard
    if board is None:
        return None
    board.reset()
    return visit.to("tasks")


async def _issue(visit: Visit, form: Form) -> Outcome:
    ring = visit.source.keys
    if ring is None or not ring.can_change:
        return None
    name = _one(form, "name").strip()
    try:
        return keys(visit, ring, issued=(name, ring.issue(_key_form(form))))
    except FormError as error:
        return _refused(keys(replace(visit, said=form, problems=error.problems), ring))


def _change_key(visit: Visit, form: Form, name: str) -> Outcome:
    ring = visit.source.keys
    if ring is None or not ring.can_change:
        return None
    said = _one(form, "act")
    try:
        _do_to_key(ring, name, said, _key_form(form))
    except FormError as error:
        return _refused(key(replace(visit, said=form, problems=error.problems), ring, name))
    except ConfigurationError as error:
        return _refused(key(replace(visit, problems={"": str(error)}), ring, name))
    return visit.to("keys") if said == "delete" or _one(form, "listed") else visit.to("keys", name)


def _do_to_key(ring: KeyRing, name: str, said: str, form: KeyForm) -> None:
    match said:
        case "enable" | "disable":
            ring.switch(name, on=said == "enable")
        case "delete":
            ring.delete(name)
        case "limit":
            ring.limit(name, form)
        case "top_up":
            ring.top_up(name, form)
        case _:
            raise ConfigurationError("this form says nothing that can be done to a key")


def _key_form(form: Form) -> KeyForm:
    names = ("name", "addresses", "hourly", "daily", "total", "credits")
    return KeyForm(**{name: _one(form, name).strip() for name in names})


def _refused(view: View) -> View:
    """The view as an answer to a form that was not taken; a page that is not there stays one."""
    return replace(view, status=422 if view.status == 200 else view.status, still=True)


def _one(form: Form, name: str) -> str:
    values = form.get(name, ())
    return values[-1] if values else ""


def _number(text: str, least: float, most: float, otherwise: str) -> float:
    """A number within these bounds. Raises ConfigurationError, which says ``otherwise``."""
    try:
        number = float(text)
    except ValueError:
        raise ConfigurationError(otherwise) from None
    if not least <= number <= most:
        raise ConfigurationError(otherwise)
    return number
