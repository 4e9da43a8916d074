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
from tests.console.asking import RicherSource, a_source, an_ask, first_of, get, location
from tests.console.test_store_source import DONE
from tests.sandbox.asking import accepted, an_engine


@pytest.mark.parametrize("place", ["tasks", "callbacks", "requests", "credits", "keys", "faults", "try"])
async def test_every_view_is_a_page(place: str) -> None:
    answer, page = await get(Console(a_source()), f"/{place}")
    assert answer.status == 200
    assert f'aria-current="page" class="{place}"' in page


@pytest.mark.parametrize("place", ["/nothing", "/tasks/nobody", "/tasks/a/b", "/assets/nothing.js", "/keys/x", "/%00"])
async def test_what_is_not_there_is_a_page_that_says_so(place: str) -> None:
    answer, page = await get(Console(a_source()), place)
    assert answer.status == 404
    assert "<h1>There is no such" in page


async def test_the_first_page_is_that_of_tasks_and_assets_are_there() -> None:
    console = Console(a_source())
    assert location((await get(console, "/"))[0]) == "/console/tasks"
    for name in ASSETS:
        assert (await get(console, f"/assets/{name}"))[0].status == 200
    assert (await console.answer(an_ask("/tasks", method="PUT"))).status == 405
    assert (await console.answer(an_ask("/tasks", host="evil.example"))).status == 421


async def test_nothing_changes_without_our_own_form() -> None:
    engine = an_engine()
    console = Console(a_source(engine))
    form = {"model": ["sora-2"], "prompt": ["x"]}
    for headers in ({}, {"origin": "http://127.0.0.1:8787"}, {"origin": "http://evil.example"}):
        assert (await console.answer(an_ask("/try", method="POST", form=form, **headers))).status == 403
    assert engine.tasks == {}


async def test_over_a_store_there_is_nothing_to_change() -> None:
    async with MemoryStore() as store:
        console = Console(StoreSource(store))
        assert "Tasks appear here" in (await get(console, "/tasks"))[1]
        for place in ("/try", "/faults", "/keys", "/keys/x", "/reset", "/tasks/x/resend"):
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
