"""One of the engine's tasks as the console shows it: its line, its facts and its timeline. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast
from urllib.parse import urlsplit

from pydantic import JsonValue

from aivideo_async.catalog import parse_request, request_to_data
from aivideo_async.console.music import tracks_in
from aivideo_async.console.parts import plural, pretty
from aivideo_async.console.source import Mood, Step, TaskDetail, TaskLine
from aivideo_async.core.errors import InvalidRequestError
from aivideo_async.core.models import GenerationRequest, moment
from aivideo_async.sandbox.records import CallbackAttempt, SandboxTask
from aivideo_async.sandbox.scenarios import (
    DropConnection,
    HtmlAnswer,
    LateCallback,
    LoseCallback,
    ReorderCallback,
    ServerError,
    TruncatedAnswer,
)

SPOILT = (DropConnection, HtmlAnswer, ServerError, TruncatedAnswer)
"""What lets a create be accepted, and its sender know nothing of it."""
HELD_BACK = (LoseCallback, LateCallback, ReorderCallback)
"""Why a task that has ended may have no callback yet, or never."""
NEARLY = 0.99
"""The share that a task has done at most before it ends."""


def line_of(task: SandboxTask, now: float) -> TaskLine:
    """The task in a list."""
    output = task.output or {}
    urls = output.get("urls")
    ended_at = task.completed_at if task.completed_at is not None else task.due_at if task.ended else None
    span = task.due_at - task.created_at
    done = 1.0 if span <= 0 else (now - task.created_at) / span
    return TaskLine(
        id=task.id,
        kind=task.plan.kind,
        model=task.model,
        status=task.status,
        prompt=task.plan.prompt,
        created_at=moment(task.created_at),
        ended_at=None if ended_at is None else moment(ended_at),
        credits=task.price,
        paid=task.status != "failed",
        progress=None if task.ended else min(NEARLY, max(0.0, done)),
        files=tuple(url for url in urls if isinstance(url, str)) if isinstance(urls, list) else (),
        tracks=tracks_in(output.get("metadata")),
        tall=_is_tall(task.plan.ratio),
        problem="" if task.error is None else task.error[1],
    )


def detail_of(task: SandboxTask, attempts: Sequence[CallbackAttempt], now: float) -> TaskDetail:
    """Everything of the task; ``attempts`` are those at its callback."""
    return TaskDetail(
        line=line_of(task, now),
        request=request_of(task),
        facts=_facts(task),
        steps=[*_steps(task), *_callbacks(task, attempts)],
        can_resend=task.ended and task.callback_url is not None,
    )


def request_of(task: SandboxTask) -> GenerationRequest | None:
    """The request that the task was made of."""
    fields = getattr(task, "fields", None)
    if not isinstance(fields, dict):
        return None
    try:
        return parse_request({"model": task.model, **cast("dict[str, JsonValue]", fields)})
    except InvalidRequestError:
        return None


def _facts(task: SandboxTask) -> dict[str, str]:
    plan = task.plan
    shown: dict[str, str] = {"Kind": plan.kind}
    if plan.kind != "music":
        shown |= {"Resolution": plan.resolution, "Ratio": plan.ratio or ""}
    if plan.kind == "video":
        shown |= {"Duration": f"{plan.seconds} s", "Sound": "yes" if plan.sound else "no"}
    shown["Seed"] = str(plan.seed)
    if task.callback_url is not None:
        shown["Callback"] = _without_token(task.callback_url)
    scenarios = ", ".join(type(item).__name__ for item in task.course.scenarios)
    return {name: value for name, value in {**shown, "Faults": scenarios}.items() if value}


def _without_token(url: str) -> str:
    """Scheme, host and the beginning of the path: the rest of a callback URL lets whoever has it speak."""
    parts = urlsplit(url)
    kept = "/".join(parts.path.split("/")[:-1])
    return (
        f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{kept}/\N{HORIZONTAL ELLIPSIS}"
    )


def _steps(task: SandboxTask) -> list[Step]:
    created = moment(task.created_at)
    request = request_of(task)
    sent: dict[str, JsonValue] = {"model": task.model, "prompt": task.plan.prompt}
    if request is not None:
        sent = request_to_data(request)
    if task.callback_url is not None:
        sent["callback_url"] = _without_token(task.callback_url)
    accepted = {"code": 200, "msg": "success", "data": {"taskId": task.id}}
    cost = f"{task.price.normalize():f} credits charged"
    spoilt = _names(task, SPOILT)
    answer = "Answer before the fault" if spoilt else "Answer"
    if spoilt:
        cost += f"; the sender has not got this answer: {spoilt}"
    steps = [
        Step(at=created, title="Submitted", mood="good", raw=pretty(sent), raw_title="Request as it was understood"),
        Step(
            at=created, title="Accepted", detail=cost, mood="bad" if spoilt else "good",
            raw=pretty(cast("JsonValue", accepted)), raw_title=answer,
        ),
    ]  # fmt: skip
    if not task.ended:
        left = f"{task.status}, due {moment(task.due_at):%H:%M:%S} UTC"
        return [*steps, Step(at=None, title="In work", detail=left, mood="open")]
    return [*steps, _ending(task)]


def _ending(task: SandboxTask) -> Step:
    raw = pretty(cast("JsonValue", task.body()))
    if task.error is not None:
        code, message = task.error
        return Step(
            at=moment(task.due_at), title="Failed", detail=f"{code}: {message} The credits were given back.",
            mood="bad", raw=raw, raw_title="Task",
        )  # fmt: skip
    number = len(line_of(task, task.due_at).files)
    at = moment(task.completed_at or task.due_at)
    return Step(at=at, title="Completed", detail=plural(number, "file"), mood="good", raw=raw, raw_title="Task")


def _names(task: SandboxTask, kinds: tuple[type, ...]) -> str:
    return ", ".join(type(item).__name__ for item in task.course.scenarios if isinstance(item, kinds))


def _callbacks(task: SandboxTask, attempts: Sequence[CallbackAttempt]) -> list[Step]:
    steps = [_attempt(attempt) for attempt in attempts]
    if task.callback_url is None and task.ended:
        steps.append(Step(at=None, title="No callback", detail="The task was created without a callback_url."))
    elif task.ended and not attempts:
        why = _names(task, HELD_BACK)
        steps.append(Step(at=None, title="Callback", detail=f"Not sent{f': {why}' if why else ' yet'}.", mood="open"))
    return steps


def _attempt(attempt: CallbackAttempt) -> Step:
    answer = "no answer" if attempt.status is None else str(attempt.status)
    sorts = {
        "Forged": attempt.forged, "Doubled": attempt.duplicate, "Stale": attempt.stale, "Resent": attempt.resent,
    }  # fmt: skip
    sort = " ".join([*(name for name, so in sorts.items() if so), "callback"]).capitalize()
    title = f"{sort}, attempt {attempt.attempt} ({answer})"
    again = "" if attempt.next_at is None else f"the next attempt: {moment(attempt.next_at):%H:%M:%S} UTC"
    if attempt.next_at is None and not (attempt.accepted or attempt.forged or attempt.stale):
        again = "it is not tried again"
    took = f"{attempt.seconds * 1000:,.0f} ms"
    detail = "; ".join(part for part in (attempt.error, took, again) if part)
    mood: Mood = "plain" if attempt.forged else "good" if attempt.accepted else "bad"
    raw: dict[str, JsonValue] = {
        "headers": dict(attempt.headers), "body": _json(attempt.body), "status": attempt.status,
        "error": attempt.error,
    }  # fmt: skip
    return Step(
        at=moment(attempt.at), title=title, detail=detail, mood=mood, raw=pretty(raw), raw_title="Delivery and answer"
    )


def _json(body: bytes) -> JsonValue:
    try:
        return cast("JsonValue", json.loads(body))
    except ValueError:
        return body.decode("utf-8", "replace")


def _is_tall(ratio: str | None) -> bool:
    wide, _, high = (ratio or "").partition(":")
    return wide.isdigit() and high.isdigit() and int(high) > int(wide)
