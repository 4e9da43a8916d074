from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from aivideo_async.console.credits import credits as credits_view
from aivideo_async.console.source import Purse, Spend
from tests.console.asking import HOSTILE, EngineSourceWith, a_visit, at

PURSE = Purse(
    balance=Decimal(7478),
    purchased=Decimal(10_000),
    consumed=Decimal(2522),
    points=[(at(0), Decimal(10_000)), (at(1), Decimal(7478))],
    spends=[
        Spend(name=HOSTILE, tasks=2, credits=Decimal(50)),
        Spend(name="a", tasks=1, credits=Decimal(0), group="label team"),
    ],
)


def test_the_balance_has_figures_a_chart_and_what_it_went_to() -> None:
    main = credits_view(a_visit(EngineSourceWith(PURSE))).main
    for text in ("7,478", "10,000", "2,522", "<svg", "2 tasks", "Spent by label team"):
        assert text in main
    assert "<script>" not in main


def test_what_is_not_known_is_not_shown() -> None:
    main = credits_view(
        a_visit(EngineSourceWith(replace(PURSE, balance=None, purchased=None, points=(), estimated=True)))
    ).main
    assert "Balance" not in main
    assert "by the price book" in main
    assert "Nothing was spent yet" in credits_view(a_visit(EngineSourceWith(replace(PURSE, spends=())))).main
