from __future__ import annotations

import json
from decimal import Decimal

import pytest

from aivideo_async.catalog import PRICES, PriceBook, Sora2, estimate
from aivideo_async.core.errors import ConfigurationError
from aivideo_async.probe.orders import UNREACHABLE, Order, cheapest, choices, orders, worst_case

ORDERS = {order.step: order for order in orders(PRICES)}


def body(order: Order) -> dict[str, object]:
    made = order.http(callback_url="https://a.example/b", once="k").body
    assert made is not None
    return dict(json.loads(made))


def test_the_cheapest_that_a_prompt_can_make_is_taken() -> None:
    assert estimate(cheapest(PRICES)).high == Decimal("2.4")
    assert "image_urls" in type(cheapest(PRICES, fields=("image_urls",))).model_fields


def test_another_price_book_leads_to_another_model() -> None:
    book = PriceBook(prices={"veo-3": {"fast": Decimal(9), "quality": Decimal(1)}}, dated="2026-01-01", source="x")
    assert cheapest(book).fields()["mode"] == "quality"
    with pytest.raises(ConfigurationError, match="no price"):
        cheapest(book, model="sora-2")


def test_of_a_model_the_shortest_is_the_cheapest() -> None:
    assert cheapest(PRICES, model="sora-2").fields()["duration"] == 4
    assert cheapest(PRICES, model="kling-3.0").fields()["duration"] == 3


def test_the_worst_is_the_dearest_line_for_as_long_as_the_model_makes_by_itself() -> None:
    assert worst_case(Sora2(prompt="x", duration=4), PRICES) == 200
    assert worst_case(Sora2(prompt="x", duration=12), PRICES) == 300
    assert worst_case(cheapest(PRICES), PRICES) == Decimal("7.2")


def test_no_order_is_expected_to_cost_more_than_its_worst() -> None:
    assert all(order.wanted <= order.worst * order.times for order in ORDERS.values())
    assert all(order.price <= order.worst for order in ORDERS.values())


def test_bodies_are_what_their_question_needs() -> None:
    assert "input" not in body(ORDERS["flat"])
    assert "input" not in body(ORDERS["sora"])
    assert body(ORDERS["image"])["callback_url"] == "https://a.example/b"
    given = {step: body(ORDERS[step])["input"] for step in ("image", "misspelt", "impossible", "failing")}
    assert given["image"]["aspect_ratio"] == "16:9"  # type: ignore[index]
    assert "aivideo_probe_no_such_field" in given["misspelt"]  # type: ignore[operator]
    assert given["impossible"]["resolution"] == "aivideo-probe-no-such-value"  # type: ignore[index]
    assert given["failing"]["image_urls"] == [UNREACHABLE]  # type: ignore[index]


def test_only_one_order_has_an_idempotency_key() -> None:
    keyed = [step for step, order in ORDERS.items() if order.http(callback_url=None, once="k").headers is not None]
    assert keyed == ["again"]


def test_a_model_without_choices_is_given_a_prompt_of_the_wrong_kind() -> None:
    book = PriceBook(
        prices={
            "suno-v5": {"task": Decimal(1)},
            "sora-2": {"second": Decimal(25)},
            "veo-3": {"fast": Decimal(40), "quality": Decimal(40)},
        },
        dated="2026-01-01",
        source="x",
    )
    impossible = next(order for order in orders(book) if order.step == "impossible")
    assert choices(impossible.request, "prompt") == ()
    assert impossible.added in ({"prompt": 7}, {"vocal_gender": "aivideo-probe-no-such-value"})
