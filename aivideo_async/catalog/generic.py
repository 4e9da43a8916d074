"""A model that the catalog does not know, or one whose fields have changed since."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

from pydantic import AfterValidator, JsonValue

from aivideo_async.catalog.base import (
    NOT_BLANK,
    USUAL_SECONDS,
    PriceBook,
    TypedRequest,
    media_url_problem,
    texts_in_url_fields,
)
from aivideo_async.core.errors import FieldProblem
from aivideo_async.core.models import Estimate, Kind


def _plain_json(value: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """A copy that the caller's own dict and lists cannot reach any more."""
    try:
        text = json.dumps(dict(value), allow_nan=False)
    except ValueError:
        raise ValueError("holds a number that JSON cannot write, such as NaN") from None
    copy: Mapping[str, JsonValue] = json.loads(text)
    return copy


class GenericRequest(TypedRequest, frozen=True):
    """Any model by its name, with its ``input`` as it is; only media URLs are checked.

    It is sent in the nested form. Its price is known where a price book has a line ``task`` for the model, or a line
    ``second`` and the input a whole ``duration``. ``usual_seconds`` is the longest, ``catalog.usual_seconds`` goes by
    ``kind``.
    """

    usual_seconds: ClassVar[float] = USUAL_SECONDS["video"]
    kind: Kind
    model: Annotated[str, NOT_BLANK]
    input: Annotated[Mapping[str, JsonValue], AfterValidator(_plain_json)]

    def fields(self) -> dict[str, JsonValue]:
        """The ``input`` as plain JSON, with nothing left out."""
        plain: dict[str, JsonValue] = self.model_dump(mode="json", include={"input"})["input"]
        return plain

    def asked(self, *names: str) -> tuple[object, ...]:
        """What the ``input`` holds under these names, ``None`` for each that it does not."""
        return tuple(self.input.get(name) for name in names)

    def rules(self) -> Iterator[FieldProblem]:
        """What stands in a field for URLs, and looks like one, must be one that the service can take."""
        for path, text in texts_in_url_fields(self.input):
            if text.lower().startswith(("http:", "https:", "data:")):
                problem = media_url_problem(f"input.{path}", text)
                if problem is not None:
                    yield problem

    def estimate(self, book: PriceBook) -> Estimate:
        """The price by ``book``'s lines ``task`` or ``second``; else without a bound."""
        seconds = self.input.get("duration")
        if book.price(self.model, "task") is None and type(seconds) is int and seconds > 0:
            return book.estimate(self.model, "second", (seconds, seconds))
        return book.estimate(self.model, "task", (1, 1))
