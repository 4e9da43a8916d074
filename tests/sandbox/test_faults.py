from __future__ import annotations

from random import Random
from typing import cast, get_args

import pytest

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox.dialect import Answer
from aivideo_async.sandbox.faults import NAMED, Faults, twisted
from aivideo_async.sandbox.scenarios import Fail, HtmlAnswer, LoseCallback, RateLimit, Scenario, SlowAnswer
from tests.sandbox.asking import BEARER, KEY, NOW, accepted, an_engine, ended, refused, the_task


def a_set() -> Faults:
    return Faults(Random(1))


def test_every_scenario_has_a_name_and_a_meaning() -> None:
    assert {type(fault) for fault in NAMED.values()} == set(get_args(Scenario))


def test_a_tenth_is_about_a_tenth_and_a_seed_gives_the_same() -> None:
    one, two = a_set(), a_set()
    for faults in (one, two):
        faults.set("lose-callback", 0.1)
    drawn = [one.of_create("sora-2", "ci") for _ in range(2000)]
    assert 140 < drawn.count((LoseCallback(),)) < 260
    assert drawn == [two.of_create("sora-2", "ci") for _ in range(2000)]


def test_it_can_be_about_one_model_or_one_key() -> None:
    faults = a_set()
    faults.set("html", model="sora-2")
    faults.set("rate-limit", key="ci")
    assert faults.of_read("sora-2", "other") == (HtmlAnswer(),)
    assert faults.of_read("veo-3", "ci") == (RateLimit(),)
    assert faults.of_read(None, "other") == ()


def test_what_befalls_a_task_does_not_befall_a_read() -> None:
    faults = a_set()
    faults.set(Fail(message="mine"))
    assert faults.of_read("sora-2", "ci") == ()
    assert faults.of_create("sora-2", "ci") == (Fail(message="mine"),)


def test_setting_it_again_replaces_it_and_nothing_takes_it_away() -> None:
    faults = a_set()
    faults.set("html", 0.5)
    faults.set("html", 0.2)
    assert [rule.share for rule in faults.rules] == [0.2]
    faults.set("html", 0)
    faults.set("moderation")
    faults.enqueue([Fail()])
    faults.clear()
    assert (faults.rules, len(faults.queue)) == ((), 0)


def test_one_rule_is_taken_away_and_the_others_stay() -> None:
    faults = a_set()
    for model in (None, "sora-2"):
        faults.set("html", model=model)
    faults.set(Fail(message="mine"), key="ci")
    _, of_a_model, of_a_key = faults.rules
    faults.remove(of_a_key)
    faults.remove(of_a_model)
    faults.remove(of_a_model)
    assert [(rule.name, rule.model) for rule in faults.rules] == [("html", None)]


def test_every_change_is_told_to_who_keeps_them() -> None:
    faults, told = a_set(), [0]
    faults.listener = lambda: told.append(told[-1] + 1)
    faults.set("html")
    faults.remove(faults.rules[0])
    faults.enqueue([Fail(), LoseCallback(), RateLimit()])
    faults.withdraw(1, 1)
    assert [course.scenarios for course in faults.queue] == [(Fail(),), (RateLimit(),)]
    faults.clear()
    assert (told[-1], faults.rules, list(faults.queue)) == (5, (), [])


@pytest.mark.parametrize(
    ("text", "share", "model", "key"),
    [("lose-callback", 1, None, None), ("lose-callback=0.1", 0.1, None, None), ("lose-callback=10%", 0.1, None, None),
     ("lose-callback=.5@sora-2", 0.5, "sora-2", None), ("lose-callback@veo-3", 1, "veo-3", None),
     ("lose-callback@key:ci", 1, None, "ci"),
     ("lose-callback=5%@sora-2@key:my key@home", 0.05, "sora-2", "my key@home")],
)  # fmt: skip
def test_a_command_line_says_it_so(text: str, share: float, model: str | None, key: str | None) -> None:
    faults = a_set()
    faults.set_written(text)
    (rule,) = faults.rules
    assert (rule.name, rule.share, rule.model, rule.key) == ("lose-callback", share, model, key)


@pytest.mark.parametrize(("text", "times"), [("html=next", 1), ("html=next:3", 3)])
def test_a_command_line_says_it_so_of_the_next_creates(text: str, times: int) -> None:
    faults = a_set()
    faults.set_written(text)
    assert [course.scenarios for course in faults.queue] == [(HtmlAnswer(),)] * times
    assert faults.rules == ()


@pytest.mark.parametrize(
    "text",
    ["", "nonsense=0.1", "html=", "html=1.1", "html=-1", "html=1.2.3", "html=x", "html@", "html@key:", "nonsense=next",
     "html=next:x", "html=next:0", "html=next@sora-2", "html=next:2@key:ci"],
)  # fmt: skip
def test_what_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        a_set().set_written(text)


def test_a_model_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'nope', which is no model"):
        Faults(Random(1)).set_written("html=5%@nope")


def test_what_is_no_scenario_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        a_set().set(cast("Scenario", object()))


def test_an_answer_is_held_back_and_spoilt() -> None:
    answer = Answer(200, {})
    assert twisted(answer, (), 60) is answer
    spoilt = twisted(answer, (SlowAnswer(120), HtmlAnswer()), 60)
    assert (spoilt.after, spoilt.twist) == (2, "html")


def test_an_engine_lets_them_happen_to_creates_and_reads() -> None:
    engine = an_engine()
    task = accepted(engine)
    engine.faults.set("server-error", key=engine.keys.of(KEY).name)
    assert engine.get_task(task.id, BEARER, NOW).status == 500
    assert engine.get_credits(BEARER).status == 500
    assert refused(engine, {"model": "sora-2", "prompt": "x"}) == (500, "internal_error")


def test_a_task_that_was_accepted_can_still_meet_one() -> None:
    engine = an_engine()
    engine.afflict(accepted(engine).id, (Fail(message="late"), LoseCallback()))
    assert ended_without_callback(engine) == ("failed", 1000)
    assert ended(engine) != []


def ended_without_callback(engine: object) -> tuple[str, int]:
    from aivideo_async.sandbox.engine import Engine

    engine = cast("Engine", engine)
    assert engine.advance(NOW + 10_000) == []
    return the_task(engine).status, int(engine.account(KEY).balance)
