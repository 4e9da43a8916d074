"""The OpenAPI 3.1 description of what the sandbox serves, made of api.md §1 and §5 and the catalog's models. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast, get_args

from pydantic import JsonValue

from aivideo_async.catalog import MODELS
from aivideo_async.core.models import JsonObject, Kind
from aivideo_async.sandbox.dialect import ERRORS
from aivideo_async.sandbox.records import Status

Json = dict[str, JsonValue]
ERROR_STATUSES = {401: "no such key", 403: "not from this address", 429: "too many, or a spend cap is reached",
                  500: "the outcome is unknown", 503: "the provider is down or refused"}  # fmt: skip
CREATES: dict[str, Kind] = {"videos": "video", "images": "image", "music": "music"}


def description(base_url: str) -> Json:
    """The whole document; ``base_url`` is where it is served."""
    paths: Json = {f"/v1/{path}/generations": {"post": _create(path, kind)} for path, kind in CREATES.items()}
    paths["/v1/tasks/{taskId}"] = {"get": _get_task()}
    paths["/v1/credits"] = {"get": _operation("get_credits", "The balance.", _envelope(_credits()))}
    return {
        "openapi": "3.1.0",
        "info": {"title": "AI Video API (sandbox)", "version": "1", "description": "A local service; nothing is paid."},
        "servers": [{"url": base_url}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Error": _object({"error": _object({
                    "code": {"type": "string", "examples": list[JsonValue](ERRORS)},
                    "message": {"type": "string"},
                    "type": {"enum": list[JsonValue](sorted({kind for _, kind in ERRORS.values()}))},
                })}),
                "Task": _task(),
            },
        },
    }  # fmt: skip


def _create(path: str, kind: Kind) -> Json:
    names = sorted(name for name, known in MODELS.items() if known.model_fields["kind"].default == kind)
    shared: Json = {
        "model": {"type": "string", "enum": list[JsonValue](names)},
        "callback_url": {"type": "string", "format": "uri", "pattern": "^https?://"},
        "prompt": {"type": "string"},
        "input": {"type": "object", "description": "The nested form: the model's fields stand in here."},
    }
    operation = _operation(
        f"create_{path}", "Accept a task and charge for it.", _envelope(_object({"taskId": _uuid()})),
        also=(400, 402, 404, 413),
    )  # fmt: skip
    schema: Json = {"type": "object", "required": ["model"], "properties": shared}
    return {
        **operation,
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
    }


def _get_task() -> Json:
    parameter: Json = {"name": "taskId", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    operation = _operation("get_task", "A task as it stands.", {"$ref": "#/components/schemas/Task"}, also=(404,))
    return {**operation, "parameters": [parameter]}


def _operation(name: str, summary: str, schema: Json, *, also: Iterable[int] = ()) -> Json:
    answers: Json = {"200": {"description": "OK", "content": {"application/json": {"schema": schema}}}}
    for status in sorted({*ERROR_STATUSES, *also}):
        answers[str(status)] = {
            "description": ERROR_STATUSES.get(status, "refused"),
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
    return {"operationId": name, "summary": summary, "responses": answers}


def _task() -> Json:
    moment: Json = {"type": "integer", "description": "unix seconds"}
    task = _object({
        "id": _uuid(), "status": {"enum": list[JsonValue](get_args(Status))},
        "model": {"type": "string"}, "created_at": moment,
    })  # fmt: skip
    output = _object({"urls": {"type": "array", "items": {"type": "string"}}, "metadata": {"type": "object"}})
    error = _object({"code": {"type": "string"}, "message": {"type": "string"}})
    further: Json = {"completed_at": moment, "progress": {"type": ["number", "null"]}, "output": output, "error": error}
    return {**task, "properties": {**cast("JsonObject", task["properties"]), **further}}


def _credits() -> Json:
    names = ("balance", "total_purchased", "total_consumed")
    return _object({name: {"type": "number"} for name in names})


def _envelope(data: Json) -> Json:
    return _object({"code": {"const": 200}, "msg": {"type": "string"}, "data": data})


def _object(properties: Json) -> Json:
    return {"type": "object", "required": list[JsonValue](properties), "properties": properties}


def _uuid() -> Json:
    return {"type": "string", "format": "uuid"}
