"""``variants``: the product of some fields' values as requests, checked, counted and priced before any is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod

from aivideo_async.catalog import PRICES, PriceBook, TypedRequest, estimate, parse_request, request_to_data
from aivideo_async.core.budget import total
from aivideo_async.core.errors import InvalidRequestError
from aivideo_async.core.models import Estimate, GenerationRequest


class Variants:
    """Requests that differ in some fields. It may be iterated again and again, and holds none of them."""

    def __init__(self, request: TypedRequest, axes: Mapping[str, Sequence[object]]) -> None:
        self._request, self._axes = request, axes

    def __len__(self) -> int:
        return prod(map(len, self._axes.values()))

    def __iter__(self) -> Iterator[GenerationRequest]:
        fields = request_to_data(self._request)
        for values in product(*self._axes.values()):
            changed: dict[str, object] = dict(zip(self._axes, values, strict=True))
            yield parse_request({**fields, **changed})  # type: ignore[dict-item]  # the catalog judges what it is

    def estimate(self, book: PriceBook = PRICES) -> Estimate:
        """What all of them will probably cost together, in credits."""
        return total(estimate(request, book) for request in self)

    def __repr__(self) -> str:
        axes = ", ".join(f"{name}: {len(values)}" for name, values in self._axes.items())
        return f"<Variants {len(self)} of {self._request.model} ({axes})>"


def variants(request: TypedRequest, /, **axes: Sequence[object]) -> Variants:
    """Every combination of the ``axes`` in place of the request's own fields, the last axis turning fastest.

    ``variants(Sora2(prompt=P), duration=[4, 8], size=["1280x720", "720x1280"])`` are four requests. All of them are
    checked here, so that none is refused when the others are paid for. Raises InvalidRequestError.
    """
    for name, values in axes.items():
        if isinstance(values, str | bytes):
            raise InvalidRequestError(f"{name} takes a list of values", hint=f"for a single one: {name}=[{values!r}]")
        if not values:
            raise InvalidRequestError(f"{name} has no values, so that there would be no variant at all")
        if name in ("kind", "model", "input"):
            raise InvalidRequestError(f"{name} is no axis", hint="catalog.convert makes a request for another model")
    made = Variants(request, {name: tuple(values) for name, values in axes.items()})
    for _checked in made:
        pass
    return made
