from __future__ import annotations

from decimal import Decimal

import pytest

from aivideo_async.sandbox.scenarios import Fail
from tests.sandbox.asking import KEY, NOW, an_engine, ended


def test_every_movement_of_a_task_is_in_the_ledger() -> None:
    engine = an_engine()
    engine.enqueue([Fail()])
    ended(engine)
    moves = [(posting.reason, int(posting.credits), posting.model) for posting in engine.ledger.postings]
    assert moves == [("top_up", 1000, None), ("charge", -200, "sora-2"), ("refund", 200, "sora-2")]
    assert sum(posting.credits for posting in engine.ledger.postings) == engine.account(KEY).balance


def test_every_account_begins_anew_with_what_was_bought_for_it() -> None:
    engine = an_engine()
    engine.open_account("sk-other", Decimal(5), name="other")
    engine.top_up("other", Decimal(2), NOW)
    ended(engine)
    engine.begin_anew(NOW)
    balances = [int(engine.account(key).balance) for key in (KEY, "sk-other")]
    assert (balances, len(engine.ledger)) == ([1000, 7], 2)


def test_a_key_that_is_unknown_has_no_account() -> None:
    with pytest.raises(KeyError):
        an_engine().account("sk-stranger")
