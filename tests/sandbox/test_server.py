"""The API over real sockets, asked by a plain aiohttp client that was written from api.md and knows nothing of ours."""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import JsonValue
from standardwebhooks.webhooks import Webhook

from aivideo_async.catalog import PRICES
from aivideo_async.sandbox import (
    DropConnection,
    DuplicateCallback,
    EarlyCallback,
    Fail,
    ForgeCallback,
    RateLimit,
    Sandbox,
)
from aivideo_async.sandbox.delivery import Courier
from aivideo_async.sandbox.depot import Depot
from aivideo_async.sandbox.dialect import Answer
from aivideo_async.sandbox.engine import Engine
from aivideo_async.sandbox.media import Studio
from aivideo_async.sandbox.server import BODY_LIMIT, Server
from aivideo_async.sandbox.shelf import Shelf
from aivideo_async.sandbox.state import DATABASE
from aivideo_async.supervise import Supervisor
from tests.loopback import answering, http, serving
from tests.sandbox.asking import LATER

Json = dict[str, JsonValue]
FAST = 7200.0
SORA: Json = {"model": "sora-2", "prompt": "a lake at dawn", "duration": 4}


@dataclass
class Receiver:
    """Takes callbacks as a user's server would: keeps what comes, answers by ``statuses``, then 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list[int])
    arrived: asyncio.Queue[tuple[dict[str, str], bytes]] = field(
        default_factory=asyncio.Queue[tuple[dict[str, str], bytes]]
    )

    async def take(self, request: web.Request) -> web.Response:
        await self.arrived.put((dict(request.headers), await request.read()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    async def next(self) -> tuple[dict[str, str], Json]:
        headers, body = await self.arrived.get()
        return headers, cast("Json", json.loads(body))


@dataclass
class World:
    sandbox: Sandbox
    http: aiohttp.ClientSession
    receiver: Receiver

    async def create(self, body: Json, kind: str = "videos") -> tuple[int, Json]:
        async with self.http.post(f"/v1/{kind}/generations", json=body) as response:
            return response.status, cast("Json", await response.json())

    async def accepted(self, body: Json = SORA, kind: str = "videos") -> str:
        """The id of a new task whose callback comes to the receiver."""
        status, answer = await self.create({**body, "callback_url": self.receiver.url}, kind)
        assert (status, answer["code"], answer["msg"]) == (200, 200, "success")
        return str(cast("Json", answer["data"])["taskId"])

    async def get(self, path: str) -> tuple[int, Json]:
        async with self.http.get(path) as response:
            assert response.content_type == "application/json"
            return response.status, cast("Json", await response.json())

    async def result(self) -> str:
        """The URL of a new task's first result."""
        await self.accepted()
        _, task = await self.receiver.next()
        return str(cast("list[str]", cast("Json", task["output"])["urls"])[0])


@asynccontextmanager
async def world(sandbox: Sandbox | None = None) -> AsyncGenerator[World]:
    """A sandbox, a client's session and a receiver."""
    receiver, app = Receiver(), web.Application()
    app.router.add_post("/cb/token", receiver.take)
    async with TestServer(app) as server, sandbox or Sandbox(render="cached", speed=FAST) as sandbox:
        receiver.url = str(server.make_url("/cb/token"))
        bearer = {"Authorization": f"Bearer {sandbox.api_key}"}
        async with aiohttp.ClientSession(sandbox.base_url, headers=bearer) as session:
            yield World(sandbox, session, receiver)


class BrokenEngine(Engine):
    """Knows nothing."""

    def __init__(self) -> None:
        super().__init__(shelf=Shelf(b"", lifetime=1), prices=PRICES, draw=Random(1))

    def get_credits(self, authorization: str | None, *, address: str | None = None) -> Answer:
        raise RuntimeError("the engine broke")


def a_server(engine: Engine) -> Server:
    """A server of the engine; nothing runs in it."""
    courier, supervisor = Courier(secret=None, clock=lambda: LATER), Supervisor("test")
    studio = Studio("real", Depot())
    engine.open_account("sk-x", Decimal(0))
    return Server(
        engine, studio=studio, courier=courier, supervisor=supervisor, clock=lambda: LATER, depot=Depot()
    )  # fmt: skip


def code_of(answer: Json) -> JsonValue:
    return cast("Json", answer["error"])["code"]


async def test_the_whole_life_of_a_task() -> None:
    now = [1_790_000_000.0]
    async with world(Sandbox(render="cached", speed=FAST, clock=lambda: now[0])) as w:
        task_id = await w.accepted()
        status, task = await w.get(f"/v1/tasks/{task_id}")
        assert (status, task["status"], task["progress"]) == (200, "pending", None)
        now[0] += 60
        headers, told = await w.receiver.next()
        assert (headers["X-Event"], headers["X-Task-Id"], told["status"]) == ("task.completed", task_id, "completed")
        assert await w.get(f"/v1/tasks/{task_id}") == (200, told)
        async with w.http.get(str(cast("list[str]", cast("Json", told["output"])["urls"])[0])) as file:
            assert (file.status, file.content_type, (await file.read())[4:8]) == (200, "video/mp4", b"ftyp")
        account = cast("Json", (await w.get("/v1/credits"))[1]["data"])
        assert account == {"balance": 9900, "total_purchased": 10000, "total_consumed": 100}


@pytest.mark.parametrize(
    ("kind", "body"),
    [("videos", {"model": "kling-3.0", "input": {"prompt": "x"}}),
     ("images", {"model": "nano-banana-2", "prompt": "x"}),
     ("music", {"model": "suno-v5", "input": {"prompt": "x"}})],
)  # fmt: skip
async def test_every_kind_has_its_own_endpoint(kind: str, body: Json) -> None:
    async with world() as w:
        task_id = await w.accepted(body, kind)
        assert (await w.receiver.next())[1]["id"] == task_id


async def test_a_third_party_verifier_accepts_the_callbacks() -> None:
    async with world() as w:
        await w.accepted()
        headers, body = await w.receiver.arrived.get()
        assert w.sandbox.webhook_secret is not None
        Webhook(w.sandbox.webhook_secret).verify(body, headers)


async def test_the_documented_profile_signs_nothing() -> None:
    async with world(Sandbox(render="cached", speed=FAST, profile="documented")) as w:
        await w.accepted()
        headers, _ = await w.receiver.next()
        assert not [name for name in headers if name.lower().startswith("webhook-")]


async def test_a_callback_is_tried_again_on_anything_but_2xx() -> None:
    async with world(Sandbox(render="cached", speed=36_000)) as w:
        w.receiver.statuses = [500, 302]
        await w.accepted()
        tries = [await w.receiver.next() for _ in range(3)]
        assert len({headers["webhook-id"] for headers, _ in tries}) == 1


async def test_failures_come_by_callback_too() -> None:
    async with world() as w:
        w.sandbox.enqueue(Fail(message="sensitive"))
        await w.accepted()
        headers, task = await w.receiver.next()
        assert (headers["X-Event"], code_of(task)) == ("task.failed", "upstream_error")
        assert w.sandbox.balance == 10_000


async def test_an_early_callback_comes_before_the_creates_answer() -> None:
    async with world() as w:
        w.sandbox.enqueue(EarlyCallback())
        await w.accepted()
        assert w.receiver.arrived.qsize() == 1


async def test_a_dropped_connection_hides_a_task_that_runs(caplog: pytest.LogCaptureFixture) -> None:
    async with world() as w:
        w.sandbox.enqueue(DropConnection())
        with pytest.raises(aiohttp.ClientConnectionError):
            await w.accepted()
        assert (await w.receiver.next())[1]["status"] == "completed"
        assert [(entry.endpoint, entry.status) for entry in w.sandbox.requests] == [("create", None)]
    assert caplog.text == ""


async def test_a_forged_callback_does_not_verify_and_comes_first() -> None:
    async with world() as w:
        w.sandbox.enqueue((ForgeCallback(), DuplicateCallback()))
        await w.accepted()
        statuses = [(await w.receiver.next())[1]["status"] for _ in range(3)]
        assert statuses == ["failed", "completed", "completed"]


async def test_a_rate_limit_says_how_long() -> None:
    async with world() as w:
        w.sandbox.enqueue(RateLimit(retry_after=3))
        async with w.http.post("/v1/videos/generations", json=SORA) as response:
            assert (response.status, response.headers["Retry-After"]) == (429, "3")


async def test_without_a_key_nothing_is_told() -> None:
    async with world() as w, aiohttp.ClientSession(w.sandbox.base_url) as stranger:
        for path in ("/v1/credits", "/v1/tasks/x"):
            async with stranger.get(path) as response:
                assert (response.status, code_of(await response.json())) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/v1/videos/generations", b"{", 400, "invalid_request"),
        ("POST", "/v1/videos/generations", b"x" * (BODY_LIMIT + 1), 413, "request_too_large"),
        ("GET", "/v1/videos/generations", b"", 405, "method_not_allowed"),
        ("DELETE", "/v1/tasks/x", b"", 405, "method_not_allowed"),
        ("GET", "/v1/tasks", b"", 404, "not_found"),
        ("GET", "/v1/tasks/%00%ff", b"", 404, "task_not_found"),
        ("GET", "/", b"", 404, "not_found"),
    ],
)
async def test_whatever_is_asked_errors_have_the_services_shape(
    method: str, path: str, body: bytes, status: int, code: str
) -> None:
    async with world() as w, w.http.request(method, path, data=io.BytesIO(body)) as response:
        error = cast("Json", (await response.json())["error"])
        assert (response.status, error["code"]) == (status, code)
        assert error.keys() == {"code", "message", "type"}


async def test_the_log_names_endpoint_status_and_task() -> None:
    async with world() as w:
        task_id = await w.accepted()
        await w.get(f"/v1/tasks/{task_id}")
        await w.get("/v1/credits")
        await w.get("/nowhere")
        assert [(entry.endpoint, entry.status, entry.task_id) for entry in w.sandbox.requests] == [
            ("create", 200, task_id), ("get_task", 200, task_id), ("get_credits", 200, None), ("unknown", 404, None),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("header", "status", "content"),
    [({"Range": "bytes=4-7"}, 206, b"ftyp"), ({"Range": "bytes=999999-"}, 416, None),
     ({"Range": "bytes=4-7", "If-Range": '"other"'}, 200, None)],
)  # fmt: skip
async def test_files_are_given_in_parts(header: dict[str, str], status: int, content: bytes | None) -> None:
    async with world() as w, w.http.get(await w.result(), headers=header) as response:
        assert response.status == status
        assert content is None or await response.read() == content
        assert ("Content-Range" in response.headers) is (status != 200)


async def test_a_part_is_given_if_the_file_is_still_the_same() -> None:
    async with world() as w:
        url = await w.result()
        async with w.http.get(url) as whole:
            headers = {"Range": "bytes=4-7", "If-Range": whole.headers["ETag"]}
        async with w.http.get(url, headers=headers) as response:
            assert (response.status, response.headers["Content-Range"][:10]) == (206, "bytes 4-7/")


async def test_head_does_not_work_on_files() -> None:
    async with world() as w, w.http.head(await w.result()) as response:
        assert response.status == 403


async def test_a_files_url_dies() -> None:
    now = [1_790_000_000.0]
    async with world(Sandbox(render="cached", clock=lambda: now[0], url_lifetime=60)) as w:
        w.sandbox.enqueue(EarlyCallback())
        url = await w.result()
        now[0] += 60
        async with w.http.get(url) as response:
            assert (response.status, response.content_type) == (403, "application/xml")
            assert "Request has expired" in await response.text()


class TestRealRendering:
    async def test_a_clip_starts_from_a_picture_of_ours(self) -> None:
        async with world(Sandbox(speed=FAST)) as w:
            await w.accepted({"model": "nano-banana-2", "prompt": "x", "aspect_ratio": "16:9"}, "images")
            image = cast("list[JsonValue]", cast("Json", (await w.receiver.next())[1]["output"])["urls"])
            await w.accepted({**SORA, "image_urls": image})
            assert (await w.receiver.next())[1]["status"] == "completed"
            assert w.sandbox.count("get_file") == 0

    @pytest.mark.parametrize("answer", [http(404), http(200, b"no picture")])
    async def test_a_picture_that_cannot_be_used_fails_the_task(self, answer: bytes) -> None:
        async with world(Sandbox(speed=FAST)) as w, serving(answering(answer)) as elsewhere:
            await w.accepted({**SORA, "image_urls": [f"{elsewhere}/x.png"]})
            _, task = await w.receiver.next()
            assert code_of(task) == "upstream_error"
            assert "input image" in str(cast("Json", task["error"])["message"])


async def test_what_breaks_in_a_handler_is_an_error_of_the_service(caplog: pytest.LogCaptureFixture) -> None:
    async with (
        TestServer(a_server(BrokenEngine()).app()) as server,
        aiohttp.request("GET", server.make_url("/v1/credits")) as response,
    ):
        assert (response.status, code_of(await response.json())) == (500, "internal_error")
    assert "the engine broke" in caplog.text


async def test_a_browser_that_hangs_up_in_a_file_leaves_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async with world() as w:
        url = await w.result()
        _, _, host, path = url.split("/", 3)
        before = len(w.sandbox.requests)
        _, writer = await asyncio.open_connection(*host.split(":"))
        writer.write(f"GET /{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 100)
        async with asyncio.timeout(10):
            while len(w.sandbox.requests) == before:  # the rest waits for somebody to read
                await asyncio.sleep(0)
        writer.transport.abort()
        await writer.wait_closed()
        async with w.http.get(url) as response:
            assert response.status == 200
    assert [record.message for record in caplog.records if record.exc_info] == []


async def test_what_a_receiver_or_a_client_is_told_was_written_down_before(tmp_path: Path) -> None:
    def kept(id: str) -> Json:
        with closing(sqlite3.connect(tmp_path / DATABASE)) as database:
            (text,) = database.execute("SELECT value FROM kept WHERE kind = 'task' AND id = ?", (id,)).fetchone()
        return cast("Json", json.loads(text))

    async with world(Sandbox(render="cached", speed=FAST, state=tmp_path)) as w:
        for _ in range(5):
            id = await w.accepted()
            await w.receiver.next()
            assert kept(id)["status"] == "completed"
        w.sandbox.clock.pause()
        id = str(cast("Json", (await w.create(SORA))[1]["data"])["taskId"])
        w.sandbox.clock.advance(3600)
        while (await w.get(f"/v1/tasks/{id}"))[1]["status"] != "completed":
            pass
        assert kept(id)["status"] == "completed"


async def test_where_nobody_writes_down_what_changed_it_is_not_remembered() -> None:
    async with world() as w:
        await w.accepted()
        await w.receiver.next()
        while w.sandbox.engine.ids_changed() != (set(), set(), set(), set()):
            await asyncio.sleep(0)
