from __future__ import annotations

from decimal import Decimal

import pytest

from aivideo_async.core.errors import ConfigurationError
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


def test_a_key_draws_from_a_shared_account_or_from_one_of_its_own() -> None:
    engine = an_engine()
    shared = engine.issue_key("shared", account="key-1", now=NOW)
    own = engine.issue_key("own", account="key-1", now=NOW, credits=5)
    assert [int(engine.account(key).balance) for key in (KEY, shared, own)] == [1000, 1000, 5]


def test_a_key_of_an_earlier_one_s_name_does_not_find_its_credits() -> None:
    engine = an_engine()
    for _ in range(3):
        secret = engine.issue_key("own", account="key-1", now=NOW, credits=5)
        assert engine.account(secret).balance == 5
        engine.keys.delete("own")


@pytest.mark.parametrize("bought", [0, -5, 10**13])
def test_a_top_up_is_a_number_of_credits(bought: int) -> None:
    engine = an_engine()
    with pytest.raises(ConfigurationError):
        engine.top_up("key-1", Decimal(bought), NOW)
    assert len(engine.ledger) == 1


def test_a_key_that_cannot_be_made_leaves_no_account() -> None:
    engine = an_engine()
    for name, bought in (("own", -5), ("", 5)):
        with pytest.raises(ConfigurationError):
            engine.issue_key(name, account="key-1", now=NOW, credits=bought)
    assert engine.ledger.accounts == ("key-1",)


def test_a_key_that_is_unknown_has_no_account() -> None:
    with pytest.raises(KeyError):
        an_engine().account("sk-stranger")
