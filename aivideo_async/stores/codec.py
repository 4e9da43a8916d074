"""A record as JSON and back, for every store that keeps it outside of the process.

What comes back equals what went in: moments keep their microseconds, credits are text. What is at its default is left
out. A record of a newer version is refused, never guessed at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic_core import to_json

from aivideo_async.catalog import GenericRequest, parse_request, request_to_data
from aivideo_async.core.errors import InvalidRequestError, StoreError
from aivideo_async.core.models import GenerationRequest, TaskRecord

VERSION = 1

_RECORD = TypeAdapter(TaskRecord)
_OBJECT = TypeAdapter(dict[str, JsonValue])


def record_to_json(record: TaskRecord) -> bytes:
    """The record as one JSON object."""
    data = _RECORD.dump_python(record, exclude={"request"}, exclude_defaults=True, warnings=False)
    request = {} if record.request is None else {"request": request_to_data(record.request)}
    return to_json({"v": VERSION, **data, **request}, fallback=_as_dict)


def record_from_json(text: bytes | str) -> TaskRecord:
    """The record that ``record_to_json`` wrote.

    Raises StoreError for a newer version and for what cannot be read.
    """
    try:
        data = _OBJECT.validate_json(text)
        version, request = data.pop("v", None), data.pop("request", None)
        if version != VERSION:
            raise StoreError(f"a record of version {version} in the store, this package reads {VERSION}")
        record = _RECORD.validate_python(data)
        return record if not isinstance(request, dict) else replace(record, request=_request(request))
    except ValidationError as error:
        raise StoreError("a record in the store cannot be read") from error


def _as_dict(value: object) -> dict[str, JsonValue]:
    """A frozen mapping, which is what ``core.reports`` makes of the service's objects, as what JSON knows."""
    return _OBJECT.validate_python(value)


def _request(data: Mapping[str, JsonValue]) -> GenerationRequest:
    """The request as it was sent, also when the catalog's limits have become stricter since."""
    try:
        return parse_request(data)
    except InvalidRequestError:
        fields = {name: value for name, value in data.items() if name not in ("kind", "model", "input")}
        kind, model, given = data.get("kind", "video"), data.get("model"), data.get("input", fields)
        return GenericRequest.model_construct(kind=kind, model=model, input=given)
