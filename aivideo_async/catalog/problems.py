"""From pydantic's errors to ``InvalidRequestError``: what is wrong, what would do, what was meant (flow.md §9).

Values are shown shortened, URLs without path and query, and the value of an unknown field not at all: it may be a
secret that was meant for somewhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import replace
from types import UnionType
from typing import Annotated, Literal, Union, cast, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from aivideo_async.catalog.meant import meant_field, meant_value
from aivideo_async.core.errors import FieldProblem, InvalidRequestError

_SHOWN = 80
_LISTED = 120
_NO_FIELD = "is not a field of"
# The scheme is bounded, or a long text without any URL would take quadratic time.
_URL = re.compile(r"""[a-z][a-z0-9+.-]{0,15}://[^\s'"<>]*""", re.IGNORECASE)
_WORDS: Mapping[object, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
_OTHER_FIELDS = "a field that this catalog does not know can be sent with GenericRequest"


def subject_of(request_class: type[BaseModel]) -> str:
    """The model's name for a request class, the class's own name for a part of a request."""
    model = request_class.model_fields.get("model")
    return model.default if model is not None and isinstance(model.default, str) else request_class.__name__


def refusal(subject: str, problems: Sequence[FieldProblem]) -> InvalidRequestError:
    """One error for all problems of a request, with a sentence for each."""
    unknown = [problem for problem in problems if problem.meant is None and _NO_FIELD in problem.message]
    hint = _OTHER_FIELDS if unknown else None
    return InvalidRequestError(f"{subject}: " + "; ".join(map(sentence, problems)), errors=problems, hint=hint)


def explained(request_class: type[BaseModel], error: ValidationError) -> InvalidRequestError:
    """Pydantic's error about ``request_class``, as ours."""
    problems = [
        problem
        for details in error.errors(include_url=False)
        for problem in _problems(request_class, details, _path(details["loc"]))
    ]
    return refusal(subject_of(request_class), problems)


def allowed_by(field: FieldInfo) -> str:
    """What a field takes, in words: ``"4, 8, 12"``, ``"a whole number from 4 to 15"``, ``"at most 9 http(s) URLs"``."""
    annotation = bare(field.annotation)
    if get_origin(annotation) is Literal:
        return ", ".join(map(str, get_args(annotation)))
    if _is_list(annotation):
        return _amount(limit(field, "min_length"), limit(field, "max_length"), _noun(get_args(annotation)[0]))
    word = _WORDS.get(annotation, "an object")
    if annotation is str:
        longest = limit(field, "max_length")
        return word if longest is None else f"{word} of at most {longest} characters"
    low, high = limit(field, "ge"), limit(field, "le")
    return word if low is None or high is None else f"{word} from {low} to {high}"


def shown(value: object) -> str:
    """A value as an error may show it: at most 80 characters, of a URL only scheme and host, of an object nothing."""
    if isinstance(value, Mapping):
        return "an object"
    try:
        text = without_paths(value if isinstance(value, str) else repr(value))
    except ValueError:  # an integer of more digits than Python is willing to print
        return f"a huge {type(value).__name__}"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def without_paths(text: str) -> str:
    """The text with every URL in it cut down to scheme and host: people's tokens are in paths and queries."""
    return _URL.sub(_without_path, text)


def _without_path(match: re.Match[str]) -> str:
    try:
        parts = urlsplit(match[0])
    except ValueError:
        return "…"
    return f"{parts.scheme}://{parts.hostname or ''}/…"


def _problems(request_class: type[BaseModel], details: ErrorDetails, path: str) -> Iterator[FieldProblem]:
    cause: object = details.get("ctx", {}).get("error")
    if isinstance(cause, InvalidRequestError):
        for problem in cause.errors:
            yield _inside(path, problem)
    elif details["type"] == "extra_forbidden":
        fields = [name for name in request_class.model_fields if name not in {"kind", "model"}]
        message = f"{path} {_NO_FIELD} {subject_of(request_class)}"
        if path == "callback_url":
            message = "callback_url is set by the client"
        yield FieldProblem(path, message, meant=meant_field(path, fields))
    else:
        field = request_class.model_fields[str(details["loc"][0])]
        yield _problem(field, details, path, cause)


def _inside(path: str, problem: FieldProblem) -> FieldProblem:
    """A part's own problem, as a problem of the request that holds the part at ``path``."""
    if not path or not problem.field:
        return replace(problem, field=path or problem.field)
    starts_with_field = problem.message.startswith(problem.field)
    message = f"{path}.{problem.message}" if starts_with_field else problem.message
    return replace(problem, field=f"{path}.{problem.field}", message=message)


def _problem(field: FieldInfo, details: ErrorDetails, path: str, cause: object) -> FieldProblem:
    allowed = allowed_by(field)
    if details["type"] == "missing":
        return FieldProblem(path, f"{path} is required", allowed=allowed)
    value: object = details["input"]
    if isinstance(cause, ValueError):
        return FieldProblem(path, f"{path} {cause}", shown(value), allowed)
    if details["type"] in {"string_too_long", "too_long"}:
        things = "characters" if isinstance(value, str) else "items"
        return FieldProblem(path, f"{path} has {len(cast('Sized', value))} {things}", shown(value), allowed)
    quoted = repr(shown(value)) if isinstance(value, str) else shown(value)
    return FieldProblem(path, f"{path} cannot be {quoted}", shown(value), allowed, _meant(field, value))


def _meant(field: FieldInfo, value: object) -> str | None:
    annotation = bare(field.annotation)
    if get_origin(annotation) is Literal:
        meant = meant_value(shown(value), get_args(annotation))
        return None if meant is None else str(meant)
    if (
        isinstance(value, str)
        and value.strip().removeprefix("-").isdecimal()
        and (annotation is int or annotation is float)
    ):
        return value.strip()
    return "a list of one" if isinstance(value, str) and _is_list(annotation) else None


def sentence(problem: FieldProblem) -> str:
    """One problem in words: what is wrong, what is allowed, what was meant."""
    allowed = problem.allowed or ""
    allowed = "" if not allowed or (problem.meant and len(allowed) > _LISTED) else f" (allowed: {allowed})"
    meant = f", did you mean {problem.meant}?" if problem.meant else ""
    return f"{problem.message}{allowed}{meant}"


def _path(location: Iterable[int | str]) -> str:
    return ".".join(map(str, location))


def bare(annotation: object) -> object:
    """The annotation without ``Annotated`` and without ``| None``."""
    while get_origin(annotation) in {Annotated, Union, UnionType}:
        annotation = get_args(annotation)[0]
    return annotation


def _is_list(annotation: object) -> bool:
    return get_origin(annotation) is Sequence


def _noun(item: object) -> str:
    plain = bare(item)
    return "http(s) URLs" if plain is str or not isinstance(plain, type) else plain.__name__


def _amount(low: int | None, high: int | None, noun: str) -> str:
    if high is None:
        return f"a list of {noun}" if low is None else f"at least {low} {noun}"
    if low is None:
        return f"at most {high} {noun if high > 1 else noun.removesuffix('s')}"
    return f"exactly {low} {noun}" if low == high else f"{low} to {high} {noun}"


def limit(field: FieldInfo, name: str) -> int | None:
    """A limit from the field's annotations; they are pydantic's own marker objects, told apart by attribute."""
    return next((getattr(mark, name) for mark in field.metadata if hasattr(mark, name)), None)
