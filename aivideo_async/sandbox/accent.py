"""How a service speaks where nobody has written down how the hosted one does: answers and callbacks in a dialect. Pure.

The default dialect is our reading of api.md; the others are the ways in which that reading may be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import cast

from pydantic import JsonValue

from aivideo_async.core.models import JsonObject
from aivideo_async.sandbox.dialect import Answer, Dialect

ENVELOPE: Mapping[str, JsonValue] = {"code": 200, "msg": "success"}
QUOTA = (("X-RateLimit-Limit", "60"), ("X-RateLimit-Remaining", "59"))


def task_body(dialect: Dialect, body: JsonObject, again: Callable[[str], str] | None = None) -> dict[str, JsonValue]:
    """A task object as the dialect words it; ``again`` gives a fresh URL for one that was given before."""
    spoken = dict(body)
    spoken["status"] = dialect.words.get(str(body["status"]), body["status"])
    if "progress" in spoken:
        spoken["progress"] = dialect.progress
    if dialect.tells_cost:
        spoken["credits_used"] = 1
    output = spoken.get("output")
    if isinstance(output, dict):
        spoken["output"] = _output(dialect, output, again)
    return spoken


def _output(dialect: Dialect, output: JsonObject, again: Callable[[str], str] | None) -> dict[str, JsonValue]:
    spoken = dict(output)
    if again is not None and dialect.fresh_urls:
        spoken["urls"] = [again(str(url)) for url in cast("list[JsonValue]", output["urls"])]
    if not dialect.metadata:
        spoken["metadata"] = {}
    return spoken


def wrapped(body: JsonObject) -> dict[str, JsonValue]:
    """A body in the envelope of create and credits."""
    return {**ENVELOPE, "data": dict(body)}


def created(dialect: Dialect, answer: Answer) -> Answer:
    """The answer to a create that was taken."""
    data = answer.body.get("data")
    if not isinstance(data, dict) or dialect.id_name == "taskId":
        return answer
    return replace(answer, body={**answer.body, "data": {dialect.id_name: data["taskId"]}})


def spoken(dialect: Dialect, answer: Answer) -> Answer:
    """Any answer on its way out: the shape of errors, and further headers."""
    if dialect.bare_errors and answer.status >= 400:
        error = cast("dict[str, JsonValue]", answer.body["error"])
        answer = replace(answer, body={"detail": error["message"]})
    return replace(answer, headers=(*answer.headers, *QUOTA)) if dialect.quota_headers else answer
