from __future__ import annotations

import pytest

from aivideo_async.catalog import MODELS
from aivideo_async.console.trying import trying
from tests.console.asking import HOSTILE, a_visit


@pytest.mark.parametrize("model", MODELS)
def test_every_model_can_be_tried(model: str) -> None:
    main = trying(a_visit(model=model)).main
    assert f'<option value="{model}" selected>' in main
    assert all(f'name="{name}"' in main for name in MODELS[model].model_fields if name != "kind")


def test_the_address_holds_what_was_filled_in() -> None:
    main = trying(a_visit(model="sora-2", prompt=HOSTILE, duration="12", callback_url="http://127.0.0.1:1/x")).main
    assert "<strong>300</strong> credits" in main
    assert "<script>" not in main
    assert '"callback_url": "http://127.0.0.1:1/x"' in main
    assert '<details open id="more">' in main


def test_a_price_that_is_a_span_is_one() -> None:
    main = trying(a_visit(model="doubao-seedance-2.0", prompt="x", video_urls="https://a.example/1.mp4")).main
    assert "\N{EN DASH}" in main.partition('class="price"')[2].partition("</p>")[0]


def test_what_cannot_be_sent_yet_says_why() -> None:
    main = trying(a_visit(model="sora-2", prompt="", duration="9")).main
    assert "Not yet" in main
    assert "prompt is required" in main


def test_a_model_that_nobody_knows_is_the_first_one() -> None:
    assert '<option value="sora-2" selected>' in trying(a_visit(model=HOSTILE)).main
