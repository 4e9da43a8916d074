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


async def test_faults_are_chosen_and_nothing_chosen_is_said() -> None:
    engine = an_engine()
    console = Console(a_source(engine))
    assert (await post(console, "/faults", fault=["upstream", "lose-callback"], act="enqueue"))[0].status == 303
    assert accepted(engine).course.failure is not None
    wrong = ({"share-upstream": "x"}, {"act": "enqueue", "fault": "nothing"}, {"advance": "-1"}, {"advance": "x"})
    for fields in wrong:
        answer, page = await post(console, "/faults", **fields)
        assert answer.status == 422
        assert 'role="alert"' in page


async def test_a_board_that_can_do_more_is_told_all_of_it() -> None:
    source = RicherSource()
    console = Console(source)
    await post(console, "/faults", **{"share-lose": "25", "fault": "lose"})
    assert source.board.shares == {"lose": 0.25}
    for fields in ({"act": "pause"}, {"act": "go"}, {"advance": "60"}):
        await post(console, "/faults", **fields)
    assert source.board.said == [("lose",), True, False, 60.0]
    assert (await post(console, "/faults", **{"share-lose": "700"}))[0].status == 422


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
