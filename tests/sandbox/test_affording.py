from __future__ import annotations

from decimal import Decimal

from aivideo_async.sandbox.engine import Engine
from aivideo_async.sandbox.scenarios import Fail
from tests.sandbox.asking import CLIP, KEY, NOW, SORA, accepted, an_engine, ask, refused


def capped(*, hourly: Decimal | None = None, daily: Decimal | None = None, total: Decimal | None = None) -> Engine:
    engine = an_engine(balance=10_000)
    engine.keys.limit(engine.keys.of(KEY).name, hourly=hourly, daily=daily, total=total)
    return engine


def test_a_cap_that_would_be_passed_is_429_and_a_matter_of_billing() -> None:
    engine = capped(total=Decimal(399))
    accepted(engine)
    created = ask(engine, SORA)
    assert created.answer.status == 429
    assert created.answer.body["error"] == {
        "code": "spend_limit_exceeded",
        "message": "The total spend limit of this API key is reached: 200 of 399 credits",
        "type": "billing_error",
    }


def test_a_cap_may_be_reached_exactly() -> None:
    engine = capped(daily=Decimal(400))
    accepted(engine)
    accepted(engine)
    assert refused(engine, SORA) == (429, "spend_limit_exceeded")


def test_an_hour_later_the_hourly_cap_is_free_again_and_the_daily_is_not() -> None:
    body = b'{"model":"sora-2","prompt":"x"}'
    for engine, taken in (capped(hourly=Decimal(200)), True), (capped(daily=Decimal(200)), False):
        accepted(engine)
        later = engine.create("video", f"Bearer {KEY}", body, NOW + 3601)
        assert (later.task is not None) == taken


def test_what_a_failure_gives_back_was_not_spent() -> None:
    engine = capped(total=Decimal(200))
    engine.enqueue([Fail()])
    task = accepted(engine)
    engine.finish(task.id, CLIP, NOW)
    engine.advance(NOW + 10_000)
    accepted(engine)


def test_keys_of_one_account_share_credits_and_not_caps() -> None:
    engine = capped(total=Decimal(200))
    account = engine.keys.of(KEY).account
    other = engine.keys.issue("other", account=account, now=NOW)
    mine = accepted(engine)
    assert refused(engine, SORA) == (429, "spend_limit_exceeded")
    assert ask(engine, SORA, key=f"Bearer {other}").task is not None
    assert engine.account(other).balance == 9600
    assert engine.get_task(mine.id, f"Bearer {other}", NOW).status == 200
