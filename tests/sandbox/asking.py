"""An engine on a clock that stands still, and what the tests ask of it again and again."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from random import Random

from pydantic import JsonValue

from aivideo_async.catalog import PRICES
from aivideo_async.core.models import Kind
from aivideo_async.sandbox.dialect import AS_WRITTEN, BodyForms, Dialect
from aivideo_async.sandbox.engine import Engine
from aivideo_async.sandbox.plan import Made, Work
from aivideo_async.sandbox.records import Created, Delivery, SandboxTask
from aivideo_async.sandbox.shelf import Content, Shelf

KEY = "sk-of-the-tests"
BEARER = f"Bearer {KEY}"
NOW = 1_790_000_000.0
LATER = NOW + 10_000
CALLBACK = "http://127.0.0.1:9/cb/secret-token"
BASE = "http://127.0.0.1:8"
SORA: dict[str, JsonValue] = {"model": "sora-2", "prompt": "a city", "callback_url": CALLBACK}


def content(data: bytes) -> Content:
    """What stands for these bytes on a shelf."""
    return Content(hashlib.sha256(data).hexdigest(), len(data))


CLIP = Work((Made("mp4", content(b"clip")),), "16:9")


def an_engine(
    *, balance: int = 1000, speed: float = 1.0, forms: BodyForms = "both", seed: int = 1, dialect: Dialect = AS_WRITTEN
) -> Engine:
    shelf = Shelf(b"secret", lifetime=86_400, base_url=BASE)
    engine = Engine(shelf=shelf, prices=PRICES, draw=Random(seed), speed=speed, forms=forms, dialect=dialect)
    engine.open_account(KEY, Decimal(balance))
    return engine


def ask(engine: Engine, body: JsonValue, *, kind: Kind = "video", key: str | None = BEARER) -> Created:
    return engine.create(kind, key, json.dumps(body).encode(), NOW)


def accepted(engine: Engine, body: JsonValue = SORA, *, kind: Kind = "video") -> SandboxTask:
    """A task that was accepted."""
    task = ask(engine, body, kind=kind).task
    assert task is not None
    return task


def refused(engine: Engine, body: JsonValue, *, kind: Kind = "video", key: str | None = BEARER) -> tuple[int, str]:
    """Status and code with which a create is refused; fails if a task was made of it."""
    created = ask(engine, body, kind=kind, key=key)
    assert created.task is None
    error = created.answer.body["error"]
    assert isinstance(error, dict)
    return created.answer.status, str(error["code"])


def ended(
    engine: Engine, body: JsonValue = SORA, *, work: Work[bytes] | None = None, kind: Kind = "video"
) -> list[Delivery]:
    """Accept a task, hand its files in, let its time pass; the callbacks that are due."""
    task = accepted(engine, body, kind=kind)
    if task.course.failure is None:
        engine.finish(task.id, CLIP if work is None else work.kept(content), NOW)
    return engine.advance(LATER)


def the_task(engine: Engine) -> SandboxTask:
    (task,) = engine.tasks.values()
    return task
