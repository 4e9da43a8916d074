"""Draws valid requests of any class of the catalog from the limits that its fields declare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast, get_args, get_origin

from hypothesis import strategies as st
from pydantic import JsonValue
from pydantic.fields import FieldInfo

from aivideo_async.catalog import TypedRequest
from aivideo_async.catalog.base import RequestPart
from aivideo_async.core.errors import InvalidRequestError

URLS = st.sampled_from(
    ["https://cdn.example.com/a.png", "http://example.org/b?c=d", "https://b\u00fccher.example.com/"]
)
JSON: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def requests_of(request_class: type[TypedRequest]) -> st.SearchStrategy[TypedRequest]:
    """Requests of one class; what its rules between fields refuse is drawn again."""

    def made(data: dict[str, object]) -> TypedRequest | None:
        try:
            return request_class.made_of(data)
        except InvalidRequestError:
            return None

    return cast("st.SearchStrategy[TypedRequest]", _data_of(request_class).map(made).filter(bool))


def _data_of(part: type[RequestPart]) -> st.SearchStrategy[dict[str, object]]:
    fields = {name: field for name, field in part.model_fields.items() if name not in {"kind", "model"}}
    required = {name: _value(field) for name, field in fields.items() if field.is_required() or name == "prompt"}
    optional = {name: _value(field) for name, field in fields.items() if name not in required}
    return st.fixed_dictionaries(required, optional=optional)


def _value(field: FieldInfo) -> st.SearchStrategy[object]:
    arms = [arm for arm in get_args(field.annotation) if arm is not type(None)]
    optional = type(None) in get_args(field.annotation)
    drawn = _plain(arms[0] if optional else field.annotation, field)
    return st.none() | drawn if optional and not field.is_required() else drawn


def _plain(annotation: object, field: FieldInfo) -> st.SearchStrategy[object]:
    low, high = _limit(field, "ge"), _limit(field, "le")
    if get_origin(annotation) is Literal:
        return st.sampled_from(get_args(annotation))
    if get_origin(annotation) is Sequence:
        item = get_args(annotation)[0]
        items = _data_of(item) if isinstance(item, type) and issubclass(item, RequestPart) else URLS
        return st.lists(items, min_size=_limit(field, "min_length") or 0, max_size=_limit(field, "max_length") or 3)
    if annotation is int:
        return st.integers(low, high)
    if annotation is float:
        return st.floats(low, high)
    return st.booleans() if annotation is bool else st.text("a b\u00e9\U0001f3a5", min_size=1, max_size=20)


def _limit(field: FieldInfo, name: str) -> int | None:
    return next((getattr(mark, name) for mark in field.metadata if hasattr(mark, name)), None)
