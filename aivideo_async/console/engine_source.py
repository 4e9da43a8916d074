"""The sandbox's engine as a ``Source``: it reads what the engine holds, and creates and resends through its server.

The engine does not say when it changes, so its state is given a name that is cheap to make, and looked at a few times a
second while a page is open.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from aivideo_async.console.controls import KeyRing, Sent, Switchboard, Workshop
from aivideo_async.console.engine_credits import Postings, purse_of
from aivideo_async.console.engine_keys import Keys
from aivideo_async.console.engine_tasks import detail_of, line_of
from aivideo_async.console.engine_tools import Faults
from aivideo_async.console.source import (
    CallbackLine,
    CallbackLog,
    Page,
    PostingLog,
    Purse,
    RequestLine,
    RequestLog,
    Tally,
    TaskDetail,
    TaskLine,
    Wanted,
)
from aivideo_async.core.models import GenerationRequest, Kind, moment
from aivideo_async.core.wire import create_request
from aivideo_async.sandbox.clock import Clock
from aivideo_async.sandbox.engine import Engine
from aivideo_async.sandbox.records import CallbackAttempt, Created, RequestEntry

LOOK_EVERY = 0.3
"""Seconds between two looks at the engine while a page is open."""
TICK = 1.0
"""Seconds after which a running task's progress is another."""
HEARTBEAT = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Doer:
    """What the server does for the console. ``create`` takes kind, key and body, ``resend`` a task's id.

    ``wake`` has it do what is due, and write down what changed.
    """

    create: Callable[[Kind, str, bytes], Awaitable[Created]]
    resend: Callable[[str], bool]
    wake: Callable[[], None] = lambda: None


class EngineSource:
    """Reads ``engine``. ``key`` is what *Try it* is sent with, ``account`` what keys that are made here spend from."""

    title = "Sandbox"
    note = "Everything here is local and made up: no credit of yours is spent, and nothing leaves this machine."

    def __init__(
        self, engine: Engine, *, key: Callable[[], str], account: str, clock: Clock, doer: Doer, forms: str = "both"
    ) -> None:
        self._engine, self._key, self._clock, self._doer = engine, key, clock.now, doer
        self._form_taken = forms
        self.own: str = engine.shelf.base_url
        self.base_url: str = engine.shelf.base_url
        self._keys = Keys(engine, account, clock.now, doer.wake)
        self._faults = Faults(engine, clock, doer.wake)

    @property
    def callbacks(self) -> CallbackLog:
        """Attempts at callbacks."""
        return self

    @property
    def requests(self) -> RequestLog:
        """The log of requests."""
        return _Requests(self._engine)

    @property
    def ledger(self) -> PostingLog:
        """Every movement of credits."""
        return Postings(self._engine)

    @property
    def keys(self) -> KeyRing:
        """API keys."""
        return self._keys

    @property
    def switchboard(self) -> Switchboard:
        """Faults and the clock."""
        return self._faults

    @property
    def workshop(self) -> Workshop:
        """Where a request is tried."""
        return self

    def now(self) -> datetime:
        """The sandbox's clock."""
        return moment(self._clock())

    async def refresh(self) -> None:
        """Nothing is read ahead: the engine is in memory."""

    def tasks(self, wanted: Wanted, first: int, most: int) -> Page[TaskLine]:
        """Up to ``most`` tasks that are wanted, from the ``first`` (0 is the newest)."""
        now, every = self._clock(), self._engine.tasks
        newest = reversed(every.values())
        if wanted.everything:
            return Page([line_of(task, now) for task in islice(newest, first, first + most)], len(every))
        found = [task for task in newest if wanted.fits(task.status, task.model, task.id, task.plan.prompt)]
        return Page([line_of(task, now) for task in found[first : first + most]], len(found))

    async def task(self, id: str) -> TaskDetail | None:
        """One task."""
        task = self._engine.tasks.get(id)
        if task is None:
            return None
        attempts = [attempt for attempt in self._engine.callbacks if attempt.task_id == id]
        return detail_of(task, attempts, self._clock())

    def tally(self) -> Tally:
        """How many there are of which sort."""
        tasks = self._engine.tasks.values()
        models = Counter(task.model for task in tasks)
        return Tally(statuses=Counter(task.status for task in tasks), models=dict(models.most_common()))

    def purse(self) -> Purse:
        """Every account's credits together, and how the ledger came to them."""
        return purse_of(self._engine)

    def attempts(self, first: int, most: int) -> Page[CallbackLine]:
        """Attempts at callbacks, the newest first."""
        every = self._engine.callbacks
        lines = [_callback(attempt) for attempt in islice(reversed(every), first, first + most)]
        return Page(lines, len(every))

    async def resend(self, task_id: str) -> bool:
        """Send a task's callback once more."""
        return self._doer.resend(task_id)

    async def create(self, request: GenerationRequest, callback_url: str | None) -> Sent:
        """Create it as a client would that holds the sandbox's own key."""
        form = "nested" if self._form_taken == "nested" else request.body_forms()[0]
        post = create_request(request, form=form, callback_url=callback_url)
        created = await self._doer.create(request.kind, self._key(), post.body or b"")
        if created.answer.twist == "cut":
            return Sent(task_id=None, status=None, message="The connection was cut: a fault that was chosen before.")
        error = created.answer.body.get("error")
        if created.task is not None and not isinstance(error, dict):
            return Sent(task_id=created.task.id, status=created.answer.status)
        told = error if isinstance(error, dict) else {}
        code, message = str(told.get("code", "")), str(told.get("message", ""))
        if code == "invalid_api_key":
            message = "The sandbox's own key is disabled: enable it under Keys."
        return Sent(task_id=None, status=created.answer.status, code=code, message=message)

    def revision(self) -> str:
        """A name for the state as it is; while something runs it is another one every second."""
        engine = self._engine
        due = engine.next_due()
        tick = 0 if due is None else int(self._clock() / TICK)
        keys = f"{hash(tuple(engine.keys)):x}"
        counts = (
            len(engine.tasks),
            engine.outbox.made,
            engine.logged,
            len(engine.ledger),
            self._faults.revision(),
            tick,
            keys,
        )
        return "-".join((*map(str, counts), "" if due is None else f"{due:.3f}"))

    async def revisions(self, since: str) -> AsyncGenerator[str]:
        """The newest revision whenever it is another, and every fifteen seconds. Cancelling it ends it."""
        last, quiet = since, 0.0
        while True:
            revision = self.revision()
            if revision != last or quiet >= HEARTBEAT:
                last, quiet = revision, 0.0
                yield revision
            await asyncio.sleep(LOOK_EVERY)
            quiet += LOOK_EVERY


class _Requests:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def requests(self, first: int, most: int) -> Page[RequestLine]:
        """Requests, the newest first, without those for files: the console itself makes most of them."""
        every = [entry for entry in self._engine.requests if entry.endpoint != "get_file"]
        return Page([_request(entry) for entry in islice(reversed(every), first, first + most)], len(every))


def _callback(attempt: CallbackAttempt) -> CallbackLine:
    note = _note(attempt)
    return CallbackLine(
        at=moment(attempt.at), task_id=attempt.task_id, event=attempt.event, attempt=attempt.attempt,
        status=attempt.status, error=attempt.error or "", note=note, seconds=attempt.seconds,
        next_at=None if attempt.next_at is None else moment(attempt.next_at), headers=attempt.headers,
    )  # fmt: skip


def _note(attempt: CallbackAttempt) -> str:
    said = {
        "forged": attempt.forged,
        "doubled": attempt.duplicate,
        "dated back": attempt.stale,
        "resent": attempt.resent,
    }
    return ", ".join(word for word, so in said.items() if so)


def _request(entry: RequestEntry) -> RequestLine:
    return RequestLine(
        at=moment(entry.at), method=entry.method, path=entry.path, status=entry.status, task_id=entry.task_id,
        key=entry.key, seconds=entry.seconds, code=entry.code, body=entry.body,
    )  # fmt: skip
