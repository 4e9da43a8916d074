from __future__ import annotations

from decimal import Decimal

from aivideo_async.console.engine_credits import Postings, purse_of
from aivideo_async.sandbox.scenarios import Fail
from tests.sandbox.asking import LATER, NOW, SORA, accepted, an_engine, ask, ended


def test_the_balance_over_time_ends_at_the_balance() -> None:
    engine = an_engine()
    ended(engine)
    failed = accepted(engine)
    engine.finish(failed.id, ("upstream_error", "no"), NOW)
    engine.advance(LATER)
    accepted(engine, {"model": "sora-2", "prompt": "x", "duration": 4})
    purse = purse_of(engine)
    assert purse.points[0][1] == 1000
    assert purse.points[-1][1] == purse.balance == Decimal(700)
    assert [(spend.name, spend.tasks, spend.credits) for spend in purse.spends] == [("sora-2", 2, Decimal(300))]


def test_a_purse_begins_with_what_was_bought() -> None:
    assert [amount for _, amount in purse_of(an_engine()).points] == [1000]


def test_where_there_are_several_keys_what_each_spent_is_told() -> None:
    engine = an_engine()
    ci = engine.issue_key("ci", account="key-1", now=NOW)
    gone = engine.issue_key("gone", account="key-1", now=NOW)
    for secret in (ci, ci, gone):
        ask(engine, SORA, key=f"Bearer {secret}")
    engine.keys.delete("gone")
    spends = [(spend.group, spend.name, spend.tasks) for spend in purse_of(engine).spends]
    assert spends == [("model", "sora-2", 3), ("key", "ci", 2), ("key", "deleted", 1)]


def test_postings_come_newest_first_in_pages_with_the_names_of_their_keys() -> None:
    engine = an_engine()
    engine.enqueue([Fail()])
    ended(engine)
    log = Postings(engine)
    page = log.postings(0, 2)
    assert [(line.reason, int(line.credits), int(line.balance), line.key) for line in page.items] == [
        ("refund", 200, 1000, "key-1"),
        ("charge", -200, 800, "key-1"),
    ]
    (last,) = log.postings(2, 9).items
    assert (last.reason, last.key, last.task_id, page.total, log.accounts) == ("top_up", "", None, 3, 1)
