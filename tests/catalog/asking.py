"""What the tests of the model families ask again and again."""

from __future__ import annotations

from decimal import Decimal

import pytest

from aivideo_async.catalog import PRICES, TypedRequest
from aivideo_async.core.errors import FieldProblem, InvalidRequestError

URL = "https://cdn.example.com/{}".format


def urls(count: int) -> list[str]:
    return [URL(number) for number in range(count)]


def problems(request_class: type[TypedRequest], data: dict[str, object]) -> tuple[FieldProblem, ...]:
    """The problems for which a request is refused; fails if it is not."""
    with pytest.raises(InvalidRequestError) as caught:
        request_class.made_of(data)
    return caught.value.errors


def refused_field(request_class: type[TypedRequest], data: dict[str, object]) -> str:
    """The field of the one problem for which a request is refused."""
    (problem,) = problems(request_class, data)
    return problem.field


def credits_of(request: TypedRequest) -> Decimal | tuple[Decimal, Decimal | None]:
    """The exact price, or the lowest and the highest one."""
    estimate = request.estimate(PRICES)
    return estimate.low if estimate.exact else (estimate.low, estimate.high)
