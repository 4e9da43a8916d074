"""From ``--set field=value`` to a request: text becomes what the model's field takes, and the catalog judges it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NoReturn

from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from aivideo_async.catalog import MODELS, parse_request
from aivideo_async.core.errors import InvalidRequestError
from aivideo_async.core.models import GenerationRequest, Kind

OPTIONS: Mapping[str, str] = {"model": "--model", "kind": "--kind", "input": "--set, once for each field"}
"""What is no field of a model, and how it is said instead."""


def request_of(model: str, prompt: str | None, assignments: Sequence[str], kind: Kind | None) -> GenerationRequest:
    """The request of a command line. ``kind`` is for a model that the catalog does not know: its fields go as they are.

    Raises InvalidRequestError.
    """
    given = assigned(assignments)
    if prompt is not None:
        if "prompt" in given:
            raise InvalidRequestError("the prompt is given twice, as an argument and with --set")
        given = {"prompt": [prompt], **given}
    if kind is not None:
        inputs: dict[str, JsonValue] = {
            name: texts[0] if name == "prompt" else loosely(texts) for name, texts in given.items()
        }
        return parse_request({"kind": kind, "model": model, "input": inputs})
    known = MODELS.get(model)
    fields = {} if known is None else known.model_fields
    typed = {name: strictly(fields[name], texts) if name in fields else texts[0] for name, texts in given.items()}
    return parse_request({"model": model, **typed})


def assigned(assignments: Sequence[str]) -> dict[str, list[str]]:
    """Texts by field; a field may be set several times. Raises InvalidRequestError for what is no ``field=value``."""
    given: dict[str, list[str]] = {}
    for assignment in assignments:
        name, sign, text = assignment.partition("=")
        if not name or not sign:
            raise InvalidRequestError(f"--set takes field=value, not {assignment!r}")
        if name in OPTIONS:
            raise InvalidRequestError(f"{name} is no field of a model, use {OPTIONS[name]}")
        given.setdefault(name, []).append(text)
    return given


def strictly(field: FieldInfo, texts: Sequence[str]) -> JsonValue:
    """The first reading of the texts that the field's type takes: as text, as JSON, as a list.

    Where none fits it is the plainest reading, for the catalog to refuse in its own words.
    """
    adapter: TypeAdapter[object] = TypeAdapter(field.annotation or str)
    plain = loosely(texts)
    readings: tuple[JsonValue, ...] = (texts[0], plain, [*texts]) if len(texts) == 1 else ([*texts], plain)
    return next((reading for reading in readings if _fits(adapter, reading)), plain)


def loosely(texts: Sequence[str]) -> JsonValue:
    """JSON where it is JSON, else the text; a list of those where there are several."""
    values = [_read(text) for text in texts]
    return values[0] if len(values) == 1 else values


def _fits(adapter: TypeAdapter[object], value: JsonValue) -> bool:
    try:
        adapter.validate_python(value, strict=True)
    except (ValidationError, InvalidRequestError):
        return False
    return True


def _read(text: str) -> JsonValue:
    try:
        value: JsonValue = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text
    return value


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)
