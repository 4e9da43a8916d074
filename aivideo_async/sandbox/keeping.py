"""Writes down what changed in an engine, and gives it back to another one: ``StateFolder`` has the rows."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar, cast

import anyio.to_thread
from pydantic import TypeAdapter

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox.clock import Clock, Reading
from aivideo_async.sandbox.engine import Engine
from aivideo_async.sandbox.faults import Rule
from aivideo_async.sandbox.keys import ApiKey
from aivideo_async.sandbox.ledger import Posting
from aivideo_async.sandbox.records import CallbackAttempt, Delivery, RequestEntry, SandboxTask
from aivideo_async.sandbox.scenario_json import (
    course_in,
    courses_read,
    courses_written,
    data_of,
    rules_written,
    set_as_written,
)
from aivideo_async.sandbox.scenarios import Course
from aivideo_async.sandbox.shelf import Content
from aivideo_async.sandbox.state import Changes, Kept, StateFolder
from aivideo_async.supervise import finish

T = TypeVar("T")

logger: logging.Logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file's row: what is in it, and when it was put there (unix seconds)."""

    name: str
    size: int
    modified: float


TASKS: TypeAdapter[SandboxTask] = TypeAdapter(SandboxTask)
KEYS: TypeAdapter[ApiKey] = TypeAdapter(ApiKey)
POSTINGS: TypeAdapter[Posting] = TypeAdapter(Posting)
REQUESTS: TypeAdapter[RequestEntry] = TypeAdapter(RequestEntry)
ATTEMPTS: TypeAdapter[CallbackAttempt] = TypeAdapter(CallbackAttempt)
DELIVERIES: TypeAdapter[tuple[float, Delivery]] = TypeAdapter(tuple[float, Delivery])
FILES: TypeAdapter[KeptFile] = TypeAdapter(KeptFile)
CLOCKS: TypeAdapter[Reading] = TypeAdapter(Reading)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What a sandbox needs to go on as itself; the three secrets are hex or text."""

    api_key: str
    webhook: str
    shelf: str
    base_url: str
    starts: int = 0


SECRETS: TypeAdapter[Secrets] = TypeAdapter(Secrets)


class Keeper:
    """Keeps one engine and its clock in one folder; ``marks`` are how far an earlier keeper of them came."""

    def __init__(self, folder: StateFolder, engine: Engine, clock: Clock, marks: Marks | None = None) -> None:
        self._folder, self._engine, self._clock = folder, engine, clock
        self._lock = asyncio.Lock()
        self._changed = asyncio.Event()
        self.marks: Marks = marks or Marks()

    def touch(self) -> None:
        """Have what changed written down soon."""
        self._changed.set()

    async def run(self) -> None:
        """Write whenever something was touched, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self.keep()

    async def keep(self, secrets: Secrets | None = None) -> None:
        """Write down what changed; it is there when this returns. A folder that cannot be written to is logged.

        ``secrets`` are written in the same go: a folder that has them has the key and the balance that belong to them.
        Cancelling it does not stop the writing: it is raised when all is written.
        """
        await finish(self._keep(secrets))

    async def written(self, task_id: str) -> None:
        """Return when what is known of a task is written down. Cancelling it as ``keep``."""
        if self._lock.locked() or task_id in self._engine.tasks.changed:
            await self.keep()

    async def _keep(self, secrets: Secrets | None) -> None:
        async with self._lock:
            changes, marks = changes_of(self._engine, self._clock, self.marks)
            if secrets is not None:
                changes.rows.append(("secrets", "all", _text(SECRETS, secrets)))
            if not changes:
                return
            ids = self._engine.ids_changed()
            before = [set(changed) for changed in ids]
            for changed in ids:
                changed.clear()
            try:
                await anyio.to_thread.run_sync(self._folder.write, changes)
            except (OSError, sqlite3.Error) as error:
                logger.error("the state could not be written: %s", error)  # noqa: TRY400 - a full disk needs no trace
                for changed, unwritten in zip(ids, before, strict=True):
                    changed |= unwritten
            else:
                self.marks = marks

    def restored(self, *, moved: bool) -> None:
        """Say that what the engine has now is what the folder has, but for the URLs where it ``moved``."""
        engine = self._engine
        for changed in engine.ids_changed():
            changed.clear()
        if moved:
            engine.tasks.changed.update(engine.tasks)
            engine.outbox.changed.update(engine.outbox.open)
        grown = marks_of(engine, self._clock)
        self.marks = replace(grown, queue=(), rules=(), clock=None)  # which may have more than was kept


@dataclass(frozen=True, slots=True)
class Marks:
    """How much of each list that only grows was written, since which reset, and what is written as a whole."""

    postings: int = 0
    requests: int = 0
    attempts: int = 0
    resets: int = 0
    queue: tuple[Course, ...] = ()
    rules: tuple[Rule, ...] = ()
    clock: Reading | None = None


def marks_of(engine: Engine, clock: Clock) -> Marks:
    """How much there is now."""
    return Marks(
        len(engine.ledger), engine.logged, engine.outbox.made, engine.resets,
        queue=tuple(engine.waiting()), rules=engine.faults.rules, clock=clock.reading,
    )  # fmt: skip


def changes_of(engine: Engine, clock: Clock, marks: Marks) -> tuple[Changes, Marks]:
    """What is to be written, and the marks that hold when it was."""
    now = marks_of(engine, clock)
    wiped = now.resets != marks.resets
    marks = Marks(resets=now.resets) if wiped else marks
    changes = Changes(wiped=wiped)
    add = changes.rows.append
    for id in sorted(engine.keys.changed):
        key = engine.keys.get(id)
        add(("key", id, None if key is None else _text(KEYS, key)))
    for id in engine.tasks.changed:
        task = engine.tasks.get(id)
        add(("task", id, None if task is None else written(task)))
    for id in engine.outbox.changed:
        due = engine.outbox.open.get(id)
        add(("delivery", id, None if due is None else _text(DELIVERIES, due)))
    for number, posting in enumerate(engine.ledger.since(marks.postings), marks.postings):
        add(("posting", f"{number:012d}", _text(POSTINGS, posting)))
    _add_lists(changes, engine, marks, now)
    _add_wholes(changes, marks, now)
    for path in engine.shelf.changed:
        file = engine.shelf.file(path)
        if file is None:
            add(("file", path, None))
            continue
        kept = KeptFile(file.content.name, file.content.size, file.modified)
        add(("file", path, _text(FILES, kept)))
    return changes, now


def _add_lists(changes: Changes, engine: Engine, marks: Marks, now: Marks) -> None:
    """The ends of the two lists whose beginnings are forgotten."""
    fresh = min(now.requests - marks.requests, len(engine.requests))
    for number, entry in enumerate(islice(reversed(engine.requests), fresh)):
        changes.rows.append(("request", f"{now.requests - 1 - number:012d}", _text(REQUESTS, entry)))
    fresh = min(now.attempts - marks.attempts, len(engine.outbox.attempts))
    for number, attempt in enumerate(islice(reversed(engine.outbox.attempts), fresh)):
        changes.rows.append(("attempt", f"{now.attempts - 1 - number:012d}", _text(ATTEMPTS, attempt)))
    changes.oldest["request"] = f"{now.requests - len(engine.requests):012d}"
    changes.oldest["attempt"] = f"{now.attempts - len(engine.outbox.attempts):012d}"


def _add_wholes(changes: Changes, marks: Marks, now: Marks) -> None:
    """What goes wrong next and what the clock shows: little, and written as a whole."""
    if now.queue != marks.queue:
        changes.rows.append(("queue", "all", courses_written(now.queue)))
    if now.rules != marks.rules:
        changes.rows.append(("rules", "all", rules_written(now.rules)))
    if now.clock is not None and now.clock != marks.clock:
        changes.rows.append(("clock", "all", _text(CLOCKS, now.clock)))


def secrets_of(kept: Kept) -> Secrets | None:
    """Who the sandbox was; ``None`` for a new folder. Raises ConfigurationError for rows that are none of ours."""
    text = kept.rows.get("secrets", {}).get("all")
    try:
        return None if text is None else SECRETS.validate_json(text)
    except ValueError as error:
        raise ConfigurationError("the state of this folder is damaged") from error


def restore(engine: Engine, clock: Clock, kept: Kept, old: str, new: str) -> None:
    """Give an engine and its clock all that was kept. ``old`` and ``new`` are the base URLs of then and now.

    What is enqueued or set to go wrong already comes after what was kept, and over it.

    Raises ConfigurationError for rows that are none of ours.
    """
    moved = {
        kind: [text.replace(f"{old}/files/", f"{new}/files/") if old != new else text for text in rows.values()]
        for kind, rows in kept.rows.items()
    }
    try:
        _restore_lists(engine, moved)
        for path, text in kept.rows.get("file", {}).items():
            file = FILES.validate_json(text)
            engine.shelf.restore(path, Content(file.name, file.size), file.modified)
        tasks = sorted((read(text) for text in moved.get("task", ())), key=lambda task: task.created_at)
        engine.restore(tasks, [DELIVERIES.validate_json(text) for text in moved.get("delivery", ())])
        _restore_wholes(engine, clock, kept.rows)
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError("the state of this folder is damaged") from error


def _restore_lists(engine: Engine, rows: Mapping[str, list[str]]) -> None:
    engine.keys.clear()
    engine.ledger.clear()
    for text in rows.get("key", ()):
        engine.keys.put(KEYS.validate_json(text))
    for text in rows.get("posting", ()):
        engine.ledger.append(POSTINGS.validate_json(text))
    for text in rows.get("request", ()):
        engine.log(REQUESTS.validate_json(text))
    for text in rows.get("attempt", ()):
        engine.outbox.attempts.append(ATTEMPTS.validate_json(text))
        engine.outbox.made += 1


def _restore_wholes(engine: Engine, clock: Clock, rows: Mapping[str, Mapping[str, str]]) -> None:
    faults, rules, queue = engine.faults, engine.faults.rules, tuple(engine.faults.queue)
    faults.clear()
    for text in rows.get("rules", {}).get("all", "[]"), rules_written(rules):
        set_as_written(faults, text)
    faults.queue.clear()
    faults.queue.extend([*courses_read(rows.get("queue", {}).get("all", "[]")), *queue])
    for text in rows.get("clock", {}).values():
        clock.set(CLOCKS.validate_json(text))


def written(task: SandboxTask) -> str:
    """A task as JSON."""
    value = cast("dict[str, object]", TASKS.dump_python(task, mode="json"))
    return json.dumps({**value, "course": data_of(task.course)}, separators=(",", ":"))


def read(text: str) -> SandboxTask:
    """The task of ``written``. Raises ValueError, KeyError, TypeError."""
    value = cast("dict[str, object]", json.loads(text))
    return TASKS.validate_python({**value, "course": course_in(value["course"])})


def _text(adapter: TypeAdapter[T], value: T) -> str:
    return adapter.dump_json(value).decode()
