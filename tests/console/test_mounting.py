"""The same pages, as an aiohttp sub-application, as ASGI, and as a server of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import aiohttp
import httpx
import pytest
from aiohttp import web
from starlette.applications import Starlette

from aivideo_async.asgi import Message
from aivideo_async.console import AsgiConsole, Console, StoreSource, serving, subapp
from aivideo_async.console.http import BODY_LIMIT
from aivideo_async.stores import MemoryStore
from tests.asgi import AsgiServer
from tests.console.asking import a_source
from tests.sandbox.asking import accepted, an_engine, the_task


async def test_a_server_of_its_own_leads_to_the_pages() -> None:
    async with (
        serving(Console(a_source()), "127.0.0.1", 0) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        async with session.get("/") as response:
            assert (response.status, response.url.path) == (200, "/console/tasks")
        async with session.get("/?x=1", allow_redirects=False) as response:
            assert response.headers["Location"] == "/console/?x=1"
        async with session.get("/console?token=x", allow_redirects=False) as response:
            assert response.headers["Location"] == "/console/?token=x"
        async with session.head("/console/tasks") as response:
            assert (response.status, await response.read()) == (200, b"")


async def test_forms_and_odd_paths_come_through_whole() -> None:
    engine = an_engine()
    async with (
        serving(Console(a_source(engine)), "127.0.0.1", 0) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        async with session.get("/console/try") as response:
            token = (await response.text()).partition('name="form_token" value="')[2].partition('"')[0]
        form = {"form_token": token, "model": "sora-2", "prompt": "é \u202e", "duration": "4"}
        async with session.post("/console/try", data=form, headers={"Origin": f"http://127.0.0.1:{port}"}) as response:
            assert response.url.path == f"/console/tasks/{the_task(engine).id}"
        async with session.get("/console/tasks/%2e%2e%2fx%3Fy") as response:
            assert (response.status, "../x?y" in await response.text()) == (404, True)
        async with session.post("/console/try", data=b"x" * (BODY_LIMIT + 1)) as response:
            assert response.status == 413


async def test_leaving_ends_the_pages_that_are_open() -> None:
    engine = an_engine()
    async with aiohttp.ClientSession() as session, asyncio.timeout(10):
        async with serving(Console(a_source(engine)), "127.0.0.1", 0) as port:
            response = await session.get(f"http://127.0.0.1:{port}/console/live?since=x")
            assert response.content_type == "text/event-stream"
            assert (await response.content.readline()).startswith(b"retry")
        with suppress(aiohttp.ClientError):  # the point is that it ends
            await response.content.read()
        response.close()


async def test_below_a_sub_application_of_somebody_elses() -> None:
    inner, outer = web.Application(), web.Application()
    inner.add_subapp("/console", subapp(Console(a_source())))
    outer.add_subapp("/ops", inner)
    runner = web.AppRunner(outer)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/ops/console/tasks"
    async with aiohttp.request("GET", url) as response:
        assert 'href="/ops/console/credits"' in await response.text()
    await runner.cleanup()


async def test_a_framework_on_asgi_mounts_it() -> None:
    async with MemoryStore() as store:
        app = Starlette()
        app.mount("/ops", AsgiConsole(Console(StoreSource(store))))
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            page = await client.get("/ops/tasks?status=running")
            assert page.status_code == 200
            assert 'href="/ops/credits"' in page.text
            assert (await client.get("/ops/")).headers["Location"] == "/ops/tasks"
            assert (await client.head("/ops/tasks")).content == b""
            refused = await client.post("/ops/try", data={"a": "b"})
            assert refused.status_code == 403


def scope(path: str, *, method: str = "GET", headers: Sequence[tuple[bytes, bytes]] = ()) -> Message:
    return {
        "type": "http", "method": method, "path": path, "root_path": "", "query_string": b"",
        "headers": [(b"host", b"localhost"), *headers],
    }  # fmt: skip


async def test_news_go_out_until_the_reader_hangs_up() -> None:
    engine = an_engine()
    accepted(engine)
    server = AsgiServer({"type": "http.request"}, {"type": "http.disconnect"})
    async with asyncio.timeout(10):
        await AsgiConsole(Console(a_source(engine)))(scope("/live"), server.receive, server.send)
    assert server.sent[0]["status"] == 200


@pytest.mark.parametrize(
    "messages",
    [[{"type": "http.disconnect"}], [{"type": "http.request", "body": b"x" * (BODY_LIMIT + 1), "more_body": True}]],
)
async def test_a_body_that_is_cut_off_or_too_long_is_refused(messages: list[Message]) -> None:
    server = AsgiServer(*messages)
    await AsgiConsole(Console(a_source()))(scope("/try", method="POST"), server.receive, server.send)
    assert server.sent[0]["status"] == 413


async def test_a_lifespan_ends_and_a_websocket_is_closed() -> None:
    app = AsgiConsole(Console(a_source()))
    server = AsgiServer({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    await app({"type": "lifespan"}, server.receive, server.send)
    await app({"type": "websocket"}, server.receive, server.send)
    assert [message["type"] for message in server.sent] == [
        "lifespan.startup.complete", "lifespan.shutdown.complete", "websocket.close",
    ]  # fmt: skip
