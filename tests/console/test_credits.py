from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

from aivideo_async.console import StoreSource
from aivideo_async.console.credits import SIZE
from aivideo_async.console.credits import credits as credits_view
from aivideo_async.console.parts import Visit
from aivideo_async.console.source import Purse, Spend
from aivideo_async.sandbox.scenarios import Fail
from aivideo_async.stores import MemoryStore
from tests.console.asking import HOSTILE, EngineSourceWith, RicherSource, a_source, a_visit, at
from tests.sandbox.asking import NOW, an_engine, ended, the_task

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


async def test_what_is_not_known_is_not_shown() -> None:
    async with MemoryStore() as store:
        source = StoreSource(store)
        main = credits_view(Visit(source=source, base="/console", form_token="")).main
    assert "Balance" not in main
    assert "Ledger" not in main
    assert "by the price book" in main
    assert "once a client records them" in main


def test_where_nothing_was_spent_it_says_what_to_run() -> None:
    main = credits_view(a_visit(EngineSourceWith(replace(PURSE, spends=())))).main
    assert "Nothing was spent yet" in main
    assert "aivideo generate" in main


def test_every_posting_is_told_with_its_task_and_key() -> None:
    engine = an_engine()
    engine.enqueue([Fail()])
    ended(engine)
    task = the_task(engine)
    main = credits_view(a_visit(a_source(engine))).main
    ledger = main.partition("Ledger")[2]
    assert re.findall("Top-up|Charge|Refund", ledger) == ["Refund", "Charge", "Top-up"]
    amounts, links = ("+1,000", "\N{MINUS SIGN}200", "+200"), (f"/console/tasks/{task.id}", "/console/keys/key-1")
    for text in (*amounts, *links, "sora-2", "3 in all"):
        assert text in ledger
    assert "Account" not in ledger


def test_where_there_are_several_accounts_each_is_named() -> None:
    engine = an_engine()
    engine.issue_key("poor", account="key-1", now=NOW, credits=5)
    assert "account of poor" in credits_view(a_visit(a_source(engine))).main.partition("Ledger")[2]


def test_postings_come_in_pages() -> None:
    engine = an_engine()
    for _ in range(SIZE):
        engine.top_up("key-1", Decimal(1), NOW)
    assert "1\N{EN DASH}50 of 51" in credits_view(a_visit(a_source(engine))).main
    last = credits_view(a_visit(a_source(engine), page="2")).main
    assert "51\N{EN DASH}51 of 51" in last
    assert "+1,000" in last


def test_the_sandbox_s_own_key_is_topped_up_from_here() -> None:
    assert 'href="/console/keys/default"' in credits_view(a_visit(RicherSource())).main
