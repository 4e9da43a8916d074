"""What the page's forms do."""

from __future__ import annotations

import pytest

from aivideo_async.console.pages import Console
from tests.console.asking import FixedKeys, RicherSource, a_source, get, location, post
from tests.sandbox.asking import LATER, accepted, an_engine, ended, the_task


async def test_a_form_creates_a_task() -> None:
    engine = an_engine()
    answer, _ = await post(Console(a_source(engine)), "/try", model="sora-2", prompt="a city", duration="4")
    assert location(answer) == f"/console/tasks/{the_task(engine).id}"


async def test_a_form_that_is_wrong_comes_back_with_what_was_typed() -> None:
    engine = an_engine(balance=50)
    console = Console(a_source(engine))
    answer, page = await post(console, "/try", model="sora-2", prompt="<typed>", duration="9")
    assert answer.status == 422
    assert "&lt;typed&gt;" in page
    assert "4, 8, 12" in page
    answer, page = await post(console, "/try", model="sora-2", prompt="x", duration="4")
    assert "insufficient_credits" in page
    answer, page = await post(console, "/try", model="sora-2", prompt="x", duration="4", callback_url="ftp://x")
    assert "callback_url must be an http or https URL" in page
    answer, page = await post(console, "/try", model="nobody", prompt="x")
    assert "no model" in page
    assert engine.tasks == {}


async def test_a_callback_is_sent_again_by_its_task() -> None:
    engine = an_engine()
    ended(engine)
    console = Console(a_source(engine, now=LATER))
    answer, _ = await post(console, f"/tasks/{the_task(engine).id}/resend")
    assert answer.status == 303
    assert len(engine.advance(LATER)) == 1
    assert (await post(console, "/tasks/nobody/resend"))[0].status == 404
    assert (await post(console, "/tasks"))[0].status == 404


async def test_faults_are_chosen_for_the_next_creates_and_for_a_share() -> None:
    engine = an_engine()
    console = Console(a_source(engine))
    chosen = ["upstream", "lose-callback"]
    assert (await post(console, "/faults", fault=chosen, act="enqueue", times="2"))[0].status == 303
    assert [len(course.scenarios) for course in engine.waiting()] == [2, 2]
    await post(console, "/faults", fault=chosen, act="share", share="25", whom="model:sora-2")
    await post(console, "/faults", fault="html", act="share", share="0.5", whom="key:a:b", times="x")
    await post(console, "/faults", fault="html", act="share", share="100", whom="")
    assert [(rule.name, rule.share, rule.model, rule.key) for rule in engine.faults.rules] == [
        ("upstream", 0.25, "sora-2", None), ("lose-callback", 0.25, "sora-2", None), ("html", 0.005, None, "a:b"),
        ("html", 1.0, None, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "fields",
    [{"act": "enqueue"}, {"act": "enqueue", "fault": "nothing"}, {"act": "enqueue", "fault": "html", "times": "0"},
     {"act": "enqueue", "fault": "html", "times": "101"}, {"act": "share", "fault": "html", "share": "x"},
     {"act": "share", "fault": "html", "share": ""}, {"act": "share", "fault": "html", "share": "nan"},
     {"act": "share", "share": "5"}, {"act": "share", "fault": "html", "share": "700"},
     {"act": "share", "fault": "html", "share": "5", "whom": "model:nobody"},
     {"advance": "-1"}, {"advance": "x"}, {"advance": "inf"}, {"advance": "1e300"}],
)  # fmt: skip
async def test_what_cannot_happen_is_said_with_what_was_chosen(fields: dict[str, str]) -> None:
    engine = an_engine()
    answer, page = await post(Console(a_source(engine)), "/faults", **fields)
    assert answer.status == 422
    assert 'role="alert"' in page
    assert ('value="html" checked' in page) == (fields.get("fault") == "html")
    assert (engine.faults.rules, engine.waiting()) == ((), ())


async def test_the_board_is_told_what_was_pressed() -> None:
    source = RicherSource()
    console = Console(source)
    presses = ({"act": "pause"}, {"act": "go"}, {"advance": "60"}, {"remove": "two"}, {"act": "clear"})
    for fields in presses:
        assert location((await post(console, "/faults", **fields))[0]) == "/console/faults"
    assert source.board.said == [True, False, 60.0, "two", "clear"]


async def test_a_task_that_runs_meets_a_fault() -> None:
    engine = an_engine()
    console = Console(a_source(engine))
    id = accepted(engine).id
    _, page = await get(console, f"/tasks/{id}")
    assert 'value="upstream"' in page
    assert 'value="html"' not in page
    assert location((await post(console, f"/tasks/{id}/afflict", fault="upstream"))[0]) == f"/console/tasks/{id}"
    answer, page = await post(console, f"/tasks/{id}/afflict", fault="html")
    assert (answer.status, "accepted already" in page) == (422, True)
    engine.advance(LATER)
    assert the_task(engine).status == "failed"
    assert (await post(console, f"/tasks/{id}/afflict", fault="upstream"))[0].status == 303
    assert "Let it go wrong" not in (await get(console, f"/tasks/{id}"))[1]
    assert (await post(console, "/tasks/nobody/afflict", fault="upstream"))[0].status == 404


async def test_keys_are_made_shown_once_and_switched() -> None:
    source = RicherSource()
    console = Console(source)
    answer, page = await post(console, "/keys", name="staging")
    assert (answer.status, "sk-the-whole-new-key-1111" in page) == (200, True)
    assert "sk-the-whole" not in (await get(console, "/keys"))[1]
    assert location((await post(console, "/keys/staging", act="disable"))[0]) == "/console/keys/staging"
    assert source.ring.lines["staging"].disabled
    assert location((await post(console, "/keys/staging", act="enable", listed="yes"))[0]) == "/console/keys"
    assert [line.disabled for line in source.ring.lines.values()] == [False, False]
    assert location((await post(console, "/keys/staging", act="delete"))[0]) == "/console/keys"
    assert "staging" not in source.ring.lines


async def test_a_key_that_is_wrong_is_told_beside_its_fields_with_what_was_typed() -> None:
    source = RicherSource()
    answer, page = await post(Console(source), "/keys", name="default", hourly="<typed>", addresses="10.0.0.1")
    assert answer.status == 422
    for text in ("that name is taken", "that is no number", "&lt;typed&gt;", "10.0.0.1"):
        assert text in page


async def test_a_key_is_given_limits_and_credits() -> None:
    source = RicherSource()
    console = Console(source)
    for act in ("limit", "top_up"):
        answer, _ = await post(console, "/keys/default", act=act, daily="5", credits=" 9 ")
        assert location(answer) == "/console/keys/default"
    assert [(name, form.daily, form.credits) for name, form in source.ring.said] == [("default", "5", "9")] * 2
    answer, page = await post(console, "/keys/default", act="limit", addresses="nowhere")
    assert (answer.status, "is no IP and no CIDR" in page) == (422, True)


@pytest.mark.parametrize("act", ["delete", "nothing", ""])
async def test_what_cannot_be_done_to_a_key_is_said(act: str) -> None:
    answer, page = await post(Console(RicherSource()), "/keys/default", act=act)
    assert answer.status == 422
    assert 'role="alert"' in page


async def test_a_key_that_is_gone_meanwhile_is_said() -> None:
    engine = an_engine()
    for act in ("disable", "delete", "limit", "top_up"):
        answer, page = await post(Console(a_source(engine)), "/keys/gone", act=act, credits="1")
        assert (answer.status, "There is no such key" in page) == (404, True)


async def test_keys_that_cannot_be_changed_here_are_not() -> None:
    console = Console(RicherSource(FixedKeys()))
    assert (await post(console, "/keys", name="x"))[0].status == 404
    assert (await post(console, "/keys/default", act="disable"))[0].status == 404
    assert (await get(console, "/keys/default"))[0].status == 200


async def test_a_reset_is_asked_for_and_done() -> None:
    engine = an_engine()
    accepted(engine)
    console = Console(a_source(engine))
    assert (await get(console, "/reset"))[0].status == 200
    assert len(engine.tasks) == 1
    assert location((await post(console, "/reset"))[0]) == "/console/tasks"
    assert engine.tasks == {}
