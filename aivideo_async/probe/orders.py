"""What a probe sends that may cost something, picked from the catalog as cheap as it can be. Pure."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal, get_args, get_origin

from pydantic import JsonValue
from pydantic.fields import FieldInfo

from aivideo_async.catalog import MODELS, PriceBook, TypedRequest, estimate
from aivideo_async.core.errors import ConfigurationError, InvalidRequestError
from aivideo_async.core.models import BodyForm
from aivideo_async.core.wire import HttpRequest, create_request

PROMPT = "a plain grey pebble on white paper"
MISSPELT = "aivideo_probe_no_such_field"
IMPOSSIBLE = "aivideo-probe-no-such-value"
UNREACHABLE = "https://example.com/aivideo-probe/no-such-picture.png"
"""example.com is reserved and has no such file."""
RATIO = "16:9"
_PRICED = ("resolution", "mode", "duration", "sound", "size")
"""The fields on which a price may rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One or more equal creates. Each costs ``price`` by the book if it is taken and ``worst`` at most; ``wanted`` is
    what we expect all of them to cost together.

    ``added`` is put into the model's fields, past every check of ours. ``once`` is an ``Idempotency-Key``. ``told`` is
    whether a callback URL goes with it, ``awaited`` whether its task is followed to its end.
    """

    step: str
    title: str
    request: TypedRequest
    form: BodyForm
    price: Decimal
    wanted: Decimal
    worst: Decimal
    times: int = 1
    added: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    once: bool = False
    told: bool = False
    awaited: bool = False

    def http(self, *, callback_url: str | None, once: str) -> HttpRequest:
        """The request as it is sent."""
        made = create_request(self.request, form=self.form, callback_url=callback_url)
        body = json.loads(made.body or b"{}")
        (body["input"] if self.form == "nested" else body).update(self.added)
        data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        return replace(made, body=data, headers={"Idempotency-Key": once} if self.once else None)


def orders(book: PriceBook) -> tuple[Order, ...]:
    """All that may cost something, in the order in which it is sent: the cheap first. Raises ConfigurationError."""
    cheap, seeing = cheapest(book), cheapest(book, fields=("image_urls",))
    shaped = {"aspect_ratio": RATIO} if RATIO in choices(cheap, "aspect_ratio") else {}
    choosing = [name for name in type(cheap).model_fields if name not in ("model", "kind") and choices(cheap, name)]
    wrong: dict[str, JsonValue] = {choosing[0]: IMPOSSIBLE} if choosing else {"prompt": 7}
    return (
        _order(book, "image", "one task as the pages describe it", cheap, told=True, awaited=True, added=shaped),
        _order(book, "flat", "the same in the flat body", cheap, form="flat", awaited=True),
        _order(book, "misspelt", "the same with a field that nobody has", cheap, added={MISSPELT: "x"}),
        _order(book, "impossible", "an impossible value", cheap, added=wrong, free=True),
        _order(book, "again", "one create twice, with one Idempotency-Key", cheap, once=True, times=2),
        _order(
            book, "failing", "a picture that cannot be fetched", seeing,
            added={"image_urls": [UNREACHABLE]}, free=True, told=True, awaited=True,
        ),
        _order(
            book, "sora", "Sora 2 in the flat body of its product page", cheapest(book, model="sora-2"),
            form="flat", told=True, awaited=True,
        ),
    )  # fmt: skip


def _order(
    book: PriceBook, step: str, title: str, request: TypedRequest, *, form: BodyForm = "nested", times: int = 1,
    added: Mapping[str, JsonValue] | None = None, free: bool = False, once: bool = False, told: bool = False,
    awaited: bool = False,
) -> Order:  # fmt: skip
    price = estimate(request, book).high or Decimal(0)
    return Order(
        step=step, title=title, request=request, form=form, price=price, wanted=Decimal(0) if free else price * times,
        worst=worst_case(request, book), times=times, added=added or {}, once=once, told=told, awaited=awaited,
    )  # fmt: skip


def cheapest(book: PriceBook, *, model: str | None = None, fields: Collection[str] = ()) -> TypedRequest:
    """The cheapest request that can be made from a prompt alone, of ``model`` or of one that has all ``fields``.

    Raises ConfigurationError where the book has no price for any.
    """
    priced = [
        (high, request)
        for name, known in MODELS.items()
        if model in (None, name) and known.model_fields.keys() >= set(fields)
        for request in _variants(known)
        if (high := estimate(request, book).high) is not None
    ]
    if not priced:
        raise ConfigurationError(f"the price book has no price for {model or 'any model'}")
    return min(priced, key=lambda pair: pair[0])[1]


def worst_case(request: TypedRequest, book: PriceBook) -> Decimal:
    """The most that a create can cost if the service reads nothing of it but the model.

    That is the model's dearest line, for the longer of what is asked for and the model's default.
    """
    default = type(request).model_fields.get("duration")
    usual = default.default if default is not None and isinstance(default.default, int) else 1
    dearest = max(book.prices[request.model].values())
    return dearest * max(request.billed_units()[1], usual)


def choices(request: TypedRequest, name: str) -> tuple[object, ...]:
    """The values between which a field of a request's class chooses; none where it is free, or not there."""
    info = type(request).model_fields.get(name)
    return _literals(info) if info is not None else ()


def _literals(info: FieldInfo) -> tuple[object, ...]:
    return get_args(info.annotation) if get_origin(info.annotation) is Literal else ()


def _values(info: FieldInfo) -> tuple[object, ...]:
    """The values of a field that are worth comparing prices for."""
    lowest = [bound for part in info.metadata if (bound := getattr(part, "ge", None)) is not None]
    booleans = (False,) if info.annotation is bool else ()
    return _literals(info) or tuple(lowest) or booleans


def _variants(known: type[TypedRequest]) -> Iterator[TypedRequest]:
    open_fields = {name: _values(info) for name, info in known.model_fields.items() if name in _PRICED}
    varied = {name: values for name, values in open_fields.items() if values}
    for chosen in itertools.product(*varied.values()):
        with suppress(InvalidRequestError):  # it needs more than a prompt, or these values do not go together
            yield known.made_of({"prompt": PROMPT, **dict(zip(varied, chosen, strict=True))})
