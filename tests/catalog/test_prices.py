from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from aivideo_async.catalog import MODELS
from aivideo_async.catalog.base import TypedRequest
from aivideo_async.catalog.prices import PRICES


def test_the_book_says_when_and_where_it_comes_from() -> None:
    assert date.fromisoformat(PRICES.dated) == date(2026, 11, 22)
    assert PRICES.source == "docs pages of the AI Video API, as written down in 2026-11"


def test_a_sora_clip_has_the_product_pages_price_in_dollars() -> None:
    assert PRICES.dollars(Decimal(100)) == Decimal("0.400")


def test_the_book_lists_exactly_the_models_of_the_catalog() -> None:
    assert set(PRICES.prices) == set(MODELS)


@pytest.mark.parametrize("request_class", MODELS.values(), ids=MODELS)
def test_every_resolution_and_mode_has_a_price(request_class: type[TypedRequest]) -> None:
    seen = {
        request_class.model_construct(
            duration=5, resolution=resolution, mode=mode, sound=sound, video_urls=videos
        ).price_variant()
        for resolution in _options(request_class, "resolution")
        for mode in _options(request_class, "mode")
        for sound in (False, True)
        for videos in ((), ("https://cdn.example.com/a.mp4",))
    }
    assert seen == set(PRICES.prices[request_class.model_fields["model"].default])


def _options(request_class: type[TypedRequest], name: str) -> tuple[str, ...]:
    field = request_class.model_fields.get(name)
    return ("",) if field is None else getattr(field.annotation, "__args__", ("",))
