"""A model's fields as a form, and a filled form as a request: everything is read from the catalog. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args, get_origin

from pydantic import JsonValue
from pydantic.fields import FieldInfo

from aivideo_async.catalog import MODELS, TypedRequest, parse_request
from aivideo_async.catalog.problems import allowed_by, bare, limit
from aivideo_async.cli.fields import strictly
from aivideo_async.core.errors import InvalidRequestError
from aivideo_async.core.models import GenerationRequest

Control = Literal["text", "prose", "choice", "switch", "number", "urls", "json"]

LONG = 300
"""Letters from which a text gets a box of several lines."""
FIRST = {"prompt", "duration", "size", "aspect_ratio", "resolution", "mode", "title", "style"}
"""Fields that stand before the fold in every model that has them; and whatever is required."""
SAMPLES = {
    "video": "A realistic handheld shot of a city cafe at sunrise",
    "image": "A paper boat on a puddle that mirrors a harbour, soft morning light",
    "music": "A calm piano piece for a rainy afternoon",
}
"""What the prompt holds before anybody wrote one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One field as it is asked for; ``texts`` are the values that it holds now."""

    name: str
    control: Control
    help: str
    required: bool
    first: bool
    texts: tuple[str, ...]
    options: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    longest: int | None = None


def fields_of(model: str, said: Mapping[str, Sequence[str]] | None) -> list[FormField]:
    """The fields of a model of the catalog, filled with what was said, or else with what is so by default."""
    known = MODELS[model]
    return [
        _field(name, info, _texts(name, info, said, SAMPLES[_kind(known)]))
        for name, info in known.model_fields.items()
        if name not in {"kind", "model"}
    ]


def read(model: str, said: Mapping[str, Sequence[str]]) -> GenerationRequest:
    """The request that a filled form means; what was left empty is left out. Raises InvalidRequestError."""
    known = MODELS.get(model)
    if known is None:
        return parse_request({"model": model})
    given: dict[str, JsonValue] = {"model": model}
    for name, info in known.model_fields.items():
        texts = [text.replace("\r\n", "\n") for text in said.get(name, ())]
        if name in {"kind", "model"} or not any(text.strip() for text in texts):
            continue
        control = _control(info)
        if control == "urls":
            given[name] = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
        elif control in {"text", "prose"}:
            given[name] = texts[-1]
        else:
            given[name] = strictly(info, texts[-1:])
    return parse_request(given)


def problems_of(error: InvalidRequestError) -> dict[str, str]:
    """What is wrong by field, in words; under no name what concerns none of them."""
    found: dict[str, str] = {}
    for problem in error.errors:
        words = problem.message + (f", did you mean {problem.meant}?" if problem.meant else "")
        allowed = f" (allowed: {problem.allowed})" if problem.allowed and not problem.meant else ""
        found.setdefault(problem.field.partition(".")[0], words + allowed)
    return found or {"": error.message}


def _kind(known: type[TypedRequest]) -> str:
    return str(known.model_fields["kind"].default)


def _field(name: str, info: FieldInfo, texts: tuple[str, ...]) -> FormField:
    control = _control(info)
    options = tuple(map(str, get_args(bare(info.annotation)))) if control == "choice" else ()
    return FormField(
        name=name,
        control=control,
        help="" if control in {"choice", "switch"} else allowed_by(info),
        required=info.is_required(),
        first=info.is_required() or name in FIRST,
        texts=texts,
        options=options,
        low=limit(info, "ge"),
        high=limit(info, "le"),
        longest=limit(info, "max_length") if control in {"text", "prose"} else None,
    )


def _texts(name: str, info: FieldInfo, said: Mapping[str, Sequence[str]] | None, sample: str) -> tuple[str, ...]:
    if said is not None and name in said:
        return tuple(said[name])
    if name == "prompt":
        return (sample,)
    default: object = None if info.is_required() else info.get_default(call_default_factory=True)
    if default is None or default == ():
        return ()
    return (str(default).lower() if isinstance(default, bool) else str(default),)


def _control(info: FieldInfo) -> Control:
    annotation = bare(info.annotation)
    if get_origin(annotation) is Literal:
        return "choice"
    if annotation is bool:
        return "switch"
    if annotation is str:
        longest = limit(info, "max_length")
        return "prose" if longest is None or longest > LONG else "text"
    if annotation is int or annotation is float:
        return "number"
    if get_origin(annotation) is Sequence:
        item = bare(get_args(annotation)[0])
        return "json" if isinstance(item, type) and item is not str else "urls"
    return "json"
