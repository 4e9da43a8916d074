"""Requests and their answers, without a server."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from aivideo_async.console import StoreSource
from aivideo_async.console.frame import ASSETS
from aivideo_async.console.live import AT_MOST
from aivideo_async.console.pages import Console
from aivideo_async.core.errors import StoreError
from aivideo_async.stores import MemoryStore
from tests.console.asking import FixedKeys, RicherSource, a_source, an_ask, first_of, get, location, post
from tests.console.test_store_source import DONE
from tests.sandbox.asking import LATER, accepted, an_engine, ended, the_task


@pytest.mark.parametrize("place", ["tasks", "callbacks", "requests", "credits", "keys", "faults", "try"])
async def test_every_view_is_a_page(place: str) -> None:
    answer, page = await get(Console(a_source()), f"/{place}")
    assert answer.status == 200
    assert f'aria-current="page" class="{place}"' in page


@pytest.mark.parametrize("place", ["/nothing", "/tasks/nobody", "/tasks/a/b", "/assets/nothing.js", "/keys/x", "/%00"])
async def test_what_is_not_there_is_a_page_that_says_so(place: str) -> None:
    answer, page = await get(Console(a_source()), place)
    assert answer.status == 404
    assert "There is no such" in page


async def test_the_first_page_is_that_of_tasks_and_assets_are_there() -> None:
    console = Console(a_source())
    assert location((await get(console, "/"))[0]) == "/console/tasks"
    for name in ASSETS:
        assert (await get(console, f"/assets/{name}"))[0].status == 200
    assert (await console.answer(an_ask("/tasks", method="PUT"))).status == 405
    assert (await console.answer(an_ask("/tasks", host="evil.example"))).status == 421


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


async def test_nothing_changes_without_our_own_form() -> None:
    engine = an_engine()
    console = Console(a_source(engine))
    form = {"model": ["sora-2"], "prompt": ["x"]}
    for headers in ({}, {"origin": "http://127.0.0.1:8787"}, {"origin": "http://evil.example"}):
        assert (await console.answer(an_ask("/try", method="POST", form=form, **headers))).status == 403
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
    answer, page = await post(console, "/keys", name="staging", act="issue")
    assert (answer.status, "sk-the-whole-new-key-1111" in page) == (200, True)
    assert "sk-the-whole" not in (await get(console, "/keys"))[1]
    assert (await post(console, "/keys", name="staging", act="issue"))[0].status == 422
    await post(console, "/keys", name="staging", act="disable")
    assert source.ring.lines["staging"].disabled
    await post(console, "/keys", name="staging", act="delete")
    assert "staging" not in source.ring.lines
    assert (await post(Console(RicherSource(FixedKeys())), "/keys", name="x", act="issue"))[0].status == 404


async def test_over_a_store_there_is_nothing_to_change() -> None:
    async with MemoryStore() as store:
        console = Console(StoreSource(store))
        assert "Tasks appear here" in (await get(console, "/tasks"))[1]
        for place in ("/try", "/faults", "/keys", "/tasks/x/resend"):
            assert (await get(console, place))[0].status == 404
            form = {"form_token": [console._guard.form_token]}
            ask = an_ask(place, method="POST", form=form, origin="http://127.0.0.1:8787")
            assert (await console.answer(ask)).status == 404


async def test_over_a_store_tasks_are_a_table_at_first_since_no_media_are_loaded() -> None:
    async with MemoryStore() as store:
        await store.put(DONE)
        console = Console(StoreSource(store))
        assert "<table>" in (await get(console, "/tasks"))[1]
        page = (await get(console, "/tasks?view=gallery"))[1]
        assert "<table>" not in page
        assert "<video" not in page


async def test_a_store_that_is_away_is_said_and_no_traceback() -> None:
    class Away(RicherSource):
        async def refresh(self) -> None:
            raise StoreError("the engine is away <b>")

    answer, page = await get(Console(Away()), "/tasks")
    assert answer.status == 503
    assert "the engine is away &lt;b&gt;" in page


async def test_who_comes_back_is_told_what_was_missed() -> None:
    engine = an_engine()
    source = a_source(engine)
    console, before = Console(source), source.revision()
    accepted(engine)
    answer = await console.answer(an_ask("/live?since=older", last_event_id=before))
    assert answer.stream is not None
    _, event = await first_of(answer.stream(), 2)
    assert event.startswith(f"id: {source.revision()}\nevent: change".encode())
    assert console._open_pages == 0


async def test_open_pages_are_bounded() -> None:
    console = Console(a_source())
    console._open_pages = AT_MOST
    answer = await console.answer(an_ask("/live"))
    assert (answer.status, dict(answer.headers)["Retry-After"]) == (503, "5")


async def test_news_end_quietly_when_the_store_goes() -> None:
    class Going(RicherSource):
        async def revisions(self, since: str) -> AsyncGenerator[str]:
            yield f"{since}1"
            raise StoreError("gone")

    answer = await Console(Going()).answer(an_ask("/live"))
    assert answer.stream is not None
    assert len([event async for event in answer.stream()]) == 2
