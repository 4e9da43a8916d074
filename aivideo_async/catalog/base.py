"""What the typed request classes have in common: how they refuse, what they cost, which media they name.

A request is checked when it is made. ``model_copy(update=…)`` and ``model_construct`` do not check; ``check()`` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, JsonValue, ValidationError, WrapValidator, model_validator

from aivideo_async.catalog.local import image_or, with_image
from aivideo_async.catalog.problems import explained, refusal, shown, subject_of, without_paths
from aivideo_async.core.addresses import is_public
from aivideo_async.core.errors import ConfigurationError, FieldProblem
from aivideo_async.core.models import Estimate, GenerationRequest, Kind

# Seconds that a task of each kind usually takes; when and how often to ask rests on it (flow.md §5).
USUAL_SECONDS: Mapping[Kind, float] = MappingProxyType({"video": 360.0, "image": 30.0, "music": 120.0})


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _media_url(url: str) -> str:
    """An http(s) URL that names a host and carries no user name (api.md §2). Whether it is public is asked later."""
    if url.lower().startswith("data:"):
        raise ValueError("cannot be a data: URL, the service fetches input media itself and there is no upload")
    if any(sign.isspace() or not sign.isprintable() or sign == "\\" for sign in url):
        raise ValueError("has white space, a control character or a backslash in it")
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is not a well-formed URL") from None
    if parts.scheme not in {"http", "https"}:
        raise ValueError("must be an http(s) URL, the service fetches input media itself and there is no upload")
    if not host:
        raise ValueError("names no host")
    if "@" in parts.netloc:
        raise ValueError("must not carry a user name or password")
    return url


NOT_BLANK = AfterValidator(_not_blank)
AS_TUPLE = AfterValidator(tuple)
MediaUrl = Annotated[str, AfterValidator(_media_url)]
ImageUrl = Annotated[str, AfterValidator(_media_url), WrapValidator(image_or)]
"""A medium's URL, or a picture of this machine: a ``Path``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBook:
    """Credits per model and variant, as of a day and from a source; prices change often and pages disagree (api.md §2).

    What a price is for (a second, a task) and how variants are called is the model's affair, see ``catalog.prices``.
    ``dated`` is an ISO date. ``dollars_per_credit`` depends on the package that was bought.
    Raises ConfigurationError for a price or rate that is negative or not finite.
    """

    prices: Mapping[str, Mapping[str, Decimal]]
    dated: str
    source: str
    dollars_per_credit: Decimal = Decimal("0.004")
    _made: dict[tuple[str, str, int, int], Estimate] = field(
        default_factory=dict[tuple[str, str, int, int], Estimate], init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        own = {model: MappingProxyType(dict(variants)) for model, variants in self.prices.items()}
        object.__setattr__(self, "prices", MappingProxyType(own))
        for amount in (self.dollars_per_credit, *(price for variants in own.values() for price in variants.values())):
            if not amount.is_finite() or amount < 0:
                raise ConfigurationError(f"a price book cannot hold {amount} as a price")

    def price(self, model: str, variant: str) -> Decimal | None:
        """Credits for one unit of ``variant`` of ``model``, or ``None`` where the book has no such line."""
        return self.prices.get(model, {}).get(variant)

    def dollars(self, credits: Decimal) -> Decimal:  # noqa: A002 - credits is the word of this package
        """What so many credits cost, at this book's rate."""
        return credits * self.dollars_per_credit

    def estimate(self, model: str, variant: str, units: tuple[int, int]) -> Estimate:
        """The price of at least ``units[0]`` and at most ``units[1]`` units; unbounded where the book has no price."""
        price = self.price(model, variant)
        if price is None:
            return Estimate(low=Decimal(0), high=None, exact=False, source=self.source, dated=self.dated)
        name = (model, variant, *units)
        made = self._made.get(name)
        if made is None:
            low, high = price * units[0], price * units[1]
            made = Estimate(low=low, high=high, exact=low == high, source=self.source, dated=self.dated)
            self._made[name] = made  # as many as there are prices and durations: every record of a clip shares one
        return made

    def override(
        self,
        prices: Mapping[str, Mapping[str, Decimal]],
        *,
        dated: str | None = None,
        source: str | None = None,
        dollars_per_credit: Decimal | None = None,
    ) -> PriceBook:
        """A new book with ``prices`` in place of, or beside, the ones here; models of your own are welcome."""
        merged = {model: {**self.prices.get(model, {}), **variants} for model, variants in prices.items()}
        return PriceBook(
            prices={**self.prices, **merged},
            dated=dated or self.dated,
            source=source or f"{self.source}, with prices of your own",
            dollars_per_credit=self.dollars_per_credit if dollars_per_credit is None else dollars_per_credit,
        )


class RequestPart(BaseModel, frozen=True, extra="forbid", strict=True, hide_input_in_errors=True):
    """A frozen value that raises InvalidRequestError when it is made wrongly.

    Under ``model_validate``, and so in the body of a FastAPI route, pydantic turns that into its own ValidationError.
    """

    __slots__ = ("_made",)  # set when it was checked as it was made: copies and ``model_construct`` have not got it

    def __init__(self, /, *args: object, **data: object) -> None:
        subject = subject_of(type(self))
        if args:
            message = f"{type(self).__name__} takes its fields by name and no positional value"
            raise refusal(subject, [FieldProblem("", message, meant=f"{next(iter(data), 'prompt')}=…")])
        try:
            super().__init__(**(with_image(data, type(self).model_fields) if "image" in data else data))
        except ValidationError as error:
            refused = explained(type(self), error)
        else:
            object.__setattr__(self, "_made", True)
            return
        raise refused  # outside of the handler: pydantic's error holds the values in full and must not be chained

    @classmethod
    def made_of(cls, data: Mapping[str, object]) -> Self:
        """The value with these fields. Raises InvalidRequestError."""
        return cls(**data)

    def rules(self) -> Iterator[FieldProblem]:
        """What is wrong between fields that are each right by themselves."""
        yield from ()

    @model_validator(mode="after")
    def _keep_rules(self) -> Self:
        problems = tuple(self.rules())
        if problems:
            raise refusal(subject_of(type(self)), problems)
        return self

    def __repr_args__(self) -> Iterable[tuple[str | None, object]]:
        """URLs without path and query, since both are where people's tokens are."""
        return [(name, _masked(value)) for name, value in super().__repr_args__()]


class TypedRequest(RequestPart, GenerationRequest, frozen=True):
    """The base of every request class of the catalog.

    ``usual_seconds`` is how long such a task usually takes.
    """

    usual_seconds: ClassVar[float]

    def fields(self) -> dict[str, JsonValue]:
        """The model's ``input`` as plain JSON: defaults are sent, what is ``None`` or an empty list is not."""
        return {name: value for name, value in super().fields().items() if value != []}

    def asked(self, *names: str) -> tuple[object, ...]:
        """The model's own fields of these names, ``None`` for each that it has not got."""
        fields = self.__dict__
        return tuple([fields.get(name) for name in names])

    def check(self) -> None:
        """Validate what ``model_copy`` or ``model_construct`` made, since they do not. Raises InvalidRequestError."""
        if not hasattr(self, "_made"):
            type(self).made_of({name: _unmade(value) for name, value in self.__dict__.items()})

    def media_urls(self) -> tuple[tuple[str, str], ...]:
        """Pairs of field path and URL for every input medium, nested ones too (``multi_prompt.0.…``)."""
        return tuple(media_in(self.fields()))

    def price_variant(self) -> str:
        """Which line of the price book applies."""
        return "task"

    def billed_units(self) -> tuple[int, int]:
        """How many units are charged at least and at most: seconds, or one task."""
        return 1, 1

    def estimate(self, book: PriceBook) -> Estimate:
        """What the task will probably cost in credits; ``high`` is ``None`` for a model that ``book`` does not list."""
        return book.estimate(self.model, self.price_variant(), self.billed_units())


class VideoRequest(TypedRequest, frozen=True):
    """A request for a video."""

    usual_seconds: ClassVar[float] = USUAL_SECONDS["video"]
    kind: Literal["video"] = "video"
    if TYPE_CHECKING:
        image: InitVar[Path | None] = None
        """A picture of this machine that becomes the first of ``image_urls``, where the model has these."""


class TimedVideoRequest(VideoRequest, frozen=True):
    """A request for a video that is charged by the second of ``duration``."""

    duration: int

    def price_variant(self) -> str:
        """Which line of the price book applies."""
        return "second"

    def billed_units(self) -> tuple[int, int]:
        """Seconds that are charged, at least and at most."""
        return self.duration, self.duration


class ImageRequest(TypedRequest, frozen=True):
    """A request for an image, charged by the task."""

    usual_seconds: ClassVar[float] = USUAL_SECONDS["image"]
    kind: Literal["image"] = "image"
    if TYPE_CHECKING:
        image: InitVar[Path | None] = None
        """A picture of this machine that becomes the first of ``image_urls``, where the model has these."""


class MusicRequest(TypedRequest, frozen=True):
    """A request for music, charged by the task."""

    usual_seconds: ClassVar[float] = USUAL_SECONDS["music"]
    kind: Literal["music"] = "music"


def media_in(fields: Mapping[str, JsonValue]) -> Iterator[tuple[str, str]]:
    """Pairs of path and URL for every http(s) string under a name that ends in ``url`` or ``urls``, at any depth."""
    return ((path, text) for path, text in texts_in_url_fields(fields) if text.lower().startswith(("http:", "https:")))


def texts_in_url_fields(fields: Mapping[str, JsonValue]) -> Iterator[tuple[str, str]]:
    """Pairs of path and text for every string under a name that ends in ``url`` or ``urls``, at any depth."""
    for name, value in fields.items():
        yield from _texts(name, name, value)


def _texts(path: str, name: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        if name.lower().endswith(("url", "urls")):
            yield path, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(f"{path}.{index}", name, item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(f"{path}.{key}", key, item)


def media_url_problem(path: str, url: str) -> FieldProblem | None:
    """What is wrong with an input medium's URL, whether or not its host is public."""
    try:
        _media_url(url)
    except ValueError as error:
        return FieldProblem(path, f"{path} {error}", shown(url), "http(s) URLs")
    return None


def refuse_private_media(request: GenerationRequest) -> None:
    """Raise InvalidRequestError if an input medium is where the hosted service cannot fetch it (flow.md §9).

    Not for a service on loopback, which can.
    """
    problems = [
        FieldProblem(
            path, f"{path} is at a private address, which the service cannot reach", shown(url), "public hosts"
        )
        for path, url in request.media_urls()
        if not is_public(_host(url))
    ]
    if problems:
        raise refusal(request.model, problems)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _masked(value: object) -> object:
    if isinstance(value, str):
        return without_paths(value)
    if isinstance(value, dict):
        return {name: _masked(item) for name, item in cast("dict[str, object]", value).items()}
    if isinstance(value, (list, tuple)):
        return tuple(_masked(item) for item in cast("Sequence[object]", value))
    return value


def _unmade(value: object) -> object:
    """Parts back into plain fields, so that they are checked too."""
    if isinstance(value, RequestPart):
        return {name: _unmade(item) for name, item in value.__dict__.items()}
    if isinstance(value, (list, tuple)):
        return [_unmade(item) for item in cast("Sequence[object]", value)]
    return value
