"""Whole ways of tasks: the client, its callback server and the sandbox, over real sockets."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Literal

import aiohttp
import pytest
from aiohttp import web
from PIL import Image
from standardwebhooks.webhooks import Webhook

from aivideo_async import Client, GenerationTask
from aivideo_async.catalog import NanoBanana2, Sora2
from aivideo_async.core.errors import (
    AIVideoError,
    AuthenticationError,
    ConfigurationError,
    DownloadError,
    InsufficientCreditsError,
    InvalidRequestError,
    RateLimitError,
    SubmissionInDoubtError,
    TaskFailedError,
    UpstreamError,
)
from aivideo_async.core.models import Output, TaskStatus
from aivideo_async.core.retry import RetryPolicy
from aivideo_async.sandbox import (
    Changed,
    Delay,
    DropConnection,
    DuplicateCallback,
    EarlyCallback,
    ExpiredUrl,
    Fail,
    ForgeCallback,
    LoseCallback,
    RateLimit,
    RedirectPrivate,
    Sandbox,
    Scenario,
    ServerError,
    ShortBody,
)

CLIP = Sora2(prompt="A paper boat crosses a puddle", duration=4)
AT_ONCE = RetryPolicy(attempts=4, base=0.0, cap=0.0)
Profile = Literal["signed", "documented"]


@asynccontextmanager
async def world(
    profile: Profile = "signed", *, patient: bool = False, callbacks: bool = True, balance: int = 100_000
) -> AsyncGenerator[tuple[Client, Sandbox]]:
    """A sandbox with a cached clip, and an open client with its receiver served, unless there are no callbacks.

    A ``patient`` client does not look for lost callbacks: at this speed it would do so after 0.15 s, and a slow machine
    is not what a count of requests is about.
    """
    speed = 3600.0
    async with Sandbox(profile=profile, speed=speed, render="cached", credits=balance) as sandbox:
        client = Client(
            sandbox.api_key,
            base_url=sandbox.base_url,
            webhook_secret=sandbox.webhook_secret,
            time_scale=sandbox.time_scale,
            retry=AT_ONCE,
            usual_seconds={"sora-2": 3600.0 * 60} if patient else {},
        )
        async with client:
            if not callbacks:
                yield client, sandbox
                return
            async with client.receiver.serve():
                yield client, sandbox


async def test_500_tasks_at_once_each_awaited_by_three_and_nothing_is_asked() -> None:
    async with world(patient=True) as (client, sandbox):
        tasks = await asyncio.gather(*(client.submit(CLIP) for _ in range(500)))
        waits = [task.wait() for task in tasks for _ in range(3)]
        outputs = await asyncio.gather(*waits)
        assert len({output.task_id for output in outputs}) == 500
        assert (sandbox.count("create"), sandbox.count("get_task")) == (500, 0)
        assert client.receiver.stats["verified"] == 500
        assert sandbox.balance == Decimal(100_000 - 500 * 100)


async def test_unsigned_callbacks_cost_exactly_one_get_per_task() -> None:
    async with world("documented", patient=True) as (client, sandbox):
        outputs = await asyncio.gather(*(client.run(CLIP) for _ in range(100)))
        assert len({output.task_id for output in outputs}) == 100
        assert (sandbox.count("create"), sandbox.count("get_task")) == (100, 100)


async def test_without_any_callback_url_the_same_await_polls() -> None:
    async with world(callbacks=False) as (client, sandbox):
        outputs = await asyncio.gather(*(client.run(CLIP) for _ in range(10)))
        assert len({output.task_id for output in outputs}) == 10
        assert sandbox.callbacks == ()


@pytest.mark.parametrize("profile", ["signed", "documented"])
async def test_a_callback_before_the_creates_answer_finds_its_task(profile: Profile) -> None:
    async with world(profile) as (client, sandbox):
        sandbox.enqueue(EarlyCallback())
        assert (await client.run(CLIP)).urls


@pytest.mark.parametrize("profile", ["signed", "documented"])
@pytest.mark.parametrize("lost", [DropConnection(), ServerError(500, accepted=True)])
async def test_a_create_whose_answer_is_lost_is_settled_by_its_callback(
    profile: Profile, lost: DropConnection | ServerError
) -> None:
    async with world(profile) as (client, sandbox):
        sandbox.enqueue(lost)
        with pytest.raises(SubmissionInDoubtError) as caught:
            await client.submit(CLIP)
        assert isinstance(caught.value.task, GenerationTask)
        assert (await caught.value.task.wait()).urls
        assert sandbox.count("create") == 1


async def test_a_duplicate_is_answered_and_changes_nothing() -> None:
    async with world() as (client, sandbox):
        sandbox.enqueue(DuplicateCallback())
        assert (await client.run(CLIP)).urls
        await until_delivered(sandbox, 2)
        assert [attempt.status for attempt in sandbox.callbacks] == [200, 200]
        assert client.receiver.stats["duplicates"] == 1


@pytest.mark.parametrize("profile", ["signed", "documented"])
async def test_a_lost_callback_is_found_by_the_asker(profile: Profile) -> None:
    async with world(profile) as (client, sandbox):
        sandbox.enqueue(LoseCallback())
        assert (await client.run(CLIP)).urls
        assert sandbox.count("get_task") >= 1


@pytest.mark.parametrize("profile", ["signed", "documented"])
async def test_a_forged_callback_is_not_believed(profile: Profile) -> None:
    async with world(profile) as (client, sandbox):
        sandbox.enqueue(ForgeCallback(), (ForgeCallback(), Fail(message="sensitive")))
        assert (await client.run(CLIP)).urls
        with pytest.raises(TaskFailedError, match="sensitive"):
            await client.run(CLIP)
        rejected = client.receiver.stats.get("rejected:bad_signature", 0)
        assert rejected == (2 if profile == "signed" else 0)


async def test_a_failed_task_gives_its_credits_back() -> None:
    async with world() as (client, sandbox):
        before = (await client.credits()).balance
        sandbox.enqueue(Fail(code="upstream_error", message="sensitive"))
        with pytest.raises(TaskFailedError, match="sensitive") as caught:
            await client.run(CLIP)
        assert caught.value.code == "upstream_error"
        assert (await client.credits()).balance == before


async def test_too_few_credits_are_refused_and_nothing_is_charged() -> None:
    async with world(balance=99) as (client, sandbox):
        with pytest.raises(InsufficientCreditsError) as caught:
            await client.submit(CLIP)
        assert caught.value.charged == "no"
        assert (sandbox.balance, len(sandbox.tasks)) == (Decimal(99), 0)


async def test_a_rate_limit_is_waited_out_and_the_task_is_created_once() -> None:
    async with world() as (client, sandbox):
        sandbox.enqueue(RateLimit(), RateLimit(retry_after=0.01))
        assert (await client.run(CLIP)).urls
        assert (sandbox.count("create"), len(sandbox.tasks)) == (3, 1)


async def test_a_rate_limit_that_does_not_end_is_raised() -> None:
    async with world() as (client, sandbox):
        sandbox.enqueue(*[RateLimit()] * 4)
        with pytest.raises(RateLimitError):
            await client.submit(CLIP)
        assert len(sandbox.tasks) == 0


async def test_a_500_is_in_doubt_and_not_repeated() -> None:
    async with world() as (client, sandbox):
        sandbox.enqueue(ServerError(500))
        with pytest.raises(SubmissionInDoubtError):
            await client.submit(CLIP)
        assert sandbox.count("create") == 1


async def test_a_503_of_the_service_is_its_own_error() -> None:
    async with world() as (client, sandbox):
        sandbox.enqueue(ServerError(503))
        with pytest.raises((UpstreamError, SubmissionInDoubtError)):
            await client.submit(CLIP)
        assert sandbox.count("create") == 1


async def test_a_wrong_key_is_refused() -> None:
    async with Sandbox(speed=3600, render="cached") as sandbox, Client("sk-wrong", base_url=sandbox.base_url) as client:
        with pytest.raises(AuthenticationError):
            await client.submit(CLIP)


async def test_a_service_that_takes_only_the_nested_body_is_learnt_once() -> None:
    async with Sandbox(speed=3600, render="cached", body_forms="nested") as sandbox:
        async with Client(sandbox.api_key, base_url=sandbox.base_url, time_scale=3600, retry=AT_ONCE) as client:
            await asyncio.gather(*(client.submit(CLIP) for _ in range(5)))
        assert [request.status for request in sandbox.requests].count(400) == 1


async def test_a_task_that_takes_long_is_still_awaited_by_whoever_comes_later() -> None:
    async with world() as (client, sandbox):
        sandbox.enqueue(Delay(600))
        task = await client.submit(CLIP, key="order-42")
        first = asyncio.ensure_future(task.wait(timeout=0.01))
        with pytest.raises(AIVideoError):
            await first
        again = await client.submit(CLIP, key="order-42")
        assert again.id == task.id
        assert (await again).task_id == task.id
        assert sandbox.count("create") == 1


async def test_an_image_is_the_first_frame_of_a_clip() -> None:
    async with world() as (client, _):
        still = await client.run(NanoBanana2(prompt="a lighthouse", aspect_ratio="16:9"))
        clip = await client.run(Sora2(prompt="waves", image_urls=[still.url], duration=4))
        assert clip.url.partition("?")[0].endswith(".mp4")


async def test_closed_and_opened_again_the_client_goes_on_awaiting() -> None:
    async with Sandbox(speed=3600, render="cached") as sandbox:
        client = Client(
            sandbox.api_key, base_url=sandbox.base_url, webhook_secret=sandbox.webhook_secret, time_scale=3600
        )
        sandbox.enqueue(Delay(300))
        async with client, client.receiver.serve():
            id = (await client.submit(CLIP)).id
        async with client, client.receiver.serve():
            output: Output = await (await client.task(id))
        assert output.task_id == id


async def test_over_a_durable_store_another_process_goes_on_awaiting(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'tasks.db'}"
    async with Sandbox(speed=3600, render="cached") as sandbox:
        sandbox.enqueue(Delay(600))

        def a_process() -> Client:
            return Client(
                sandbox.api_key,
                base_url=sandbox.base_url,
                webhook_secret=sandbox.webhook_secret,
                time_scale=3600,
                store=store,
            )

        async with a_process() as first, first.receiver.serve():
            id = (await first.submit(CLIP, key="order-42", labels={"user": "7"})).id
        async with a_process() as second, second.receiver.serve():
            (left,) = [task async for task in second.unfinished()]
            assert (left.id, left.record.labels, left.record.request) == (id, {"user": "7"}, CLIP)
            assert (await left).task_id == id
            assert (await second.submit(CLIP, key="order-42")).id == id
        assert sandbox.count("create") == 1


async def test_a_task_in_a_group_fails_as_itself() -> None:
    async with world() as (client, sandbox):
        sandbox.enqueue((), Fail())
        task, failing = await client.submit(CLIP), await client.submit(CLIP)
        with pytest.raises(ExceptionGroup) as caught:
            await in_a_group(task, failing)
        assert [type(error) for error in caught.value.exceptions] == [TaskFailedError]


async def in_a_group(*tasks: GenerationTask) -> None:
    async with asyncio.TaskGroup() as group:
        for task in tasks:
            group.create_task(task.wait())


async def test_a_third_party_verifier_accepts_what_the_sandbox_sends() -> None:
    received: list[tuple[dict[str, str], bytes]] = []

    async def endpoint(request: web.Request) -> web.Response:
        received.append((dict(request.headers), await request.read()))
        return web.Response()

    async with callback_listener(endpoint) as url, Sandbox(speed=3600, render="cached") as sandbox:
        body = {"model": "sora-2", "prompt": "x", "duration": 4, "size": "1280x720", "callback_url": url}
        headers = {"Authorization": f"Bearer {sandbox.api_key}"}
        url = f"{sandbox.base_url}/v1/videos/generations"
        async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=headers) as answer:
            created = await answer.json()
        await until_delivered(sandbox, 1)
        ((sent, raw),) = received
        Webhook(str(sandbox.webhook_secret)).verify(raw, {name.lower(): value for name, value in sent.items()})
        task = json.loads(raw)
        assert (task["id"], sent["X-Task-Id"]) == (created["data"]["taskId"],) * 2
        assert (task["status"], sent["X-Event"]) == (TaskStatus.COMPLETED, "task.completed")


@asynccontextmanager
async def callback_listener(endpoint: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncGenerator[str]:
    app = web.Application()
    app.router.add_post("/hook", endpoint)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    finally:
        await runner.cleanup()


async def until_delivered(sandbox: Sandbox, count: int) -> None:
    async with asyncio.timeout(10):
        while len(sandbox.callbacks) < count:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("profile", ["signed", "documented"])
async def test_a_result_whose_connection_breaks_and_whose_url_has_died_is_fetched_all_the_same(
    profile: Profile, tmp_path: Path
) -> None:
    async with world(profile, patient=True) as (client, sandbox):
        sandbox.enqueue((ShortBody(), ExpiredUrl()))
        output = await client.run(CLIP)
        asked = sandbox.count("get_task")
        saved = await client.download(output, tmp_path / "clip.mp4")
        assert (saved.path.read_bytes()[4:8], sandbox.count("get_task") - asked) == (b"ftyp", 1)
        statuses = [entry.status for entry in sandbox.requests if entry.endpoint == "get_file"]
        assert (statuses[:2], statuses[2] in (200, 206), len(statuses)) == ([403, None], True, 3)
        # Another client of this store finds the living URL there.
        await client.download(output, tmp_path / "again.mp4")
        assert sandbox.count("get_task") - asked == 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [(Changed(), "changed while"), (RedirectPrivate(), "public host"), (ShortBody(times=99), "broke off")],
)
async def test_a_result_that_cannot_be_had_is_an_error_and_no_file(fault: Scenario, words: str, tmp_path: Path) -> None:
    async with world() as (client, sandbox):
        sandbox.enqueue(fault)
        output = await client.run(CLIP)
        with pytest.raises(DownloadError, match=words) as caught:
            await client.download(output, tmp_path / "clip.mp4")
        assert "X-Amz" not in str(caught.value)
        assert list(tmp_path.iterdir()) == []


def a_client_of(sandbox: Sandbox, *, download_to: Path | None = None, store: str = "memory:") -> Client:
    return Client(
        sandbox.api_key,
        base_url=sandbox.base_url,
        webhook_secret=sandbox.webhook_secret,
        time_scale=sandbox.time_scale,
        download_to=download_to,
        store=store,
    )


async def test_a_client_with_a_folder_has_every_result_there_when_it_is_left(tmp_path: Path) -> None:
    async with Sandbox(speed=3600.0, render="cached") as sandbox:
        client = a_client_of(sandbox, download_to=tmp_path / "clips")
        async with client, client.receiver.serve():
            output = await client.run(CLIP)
            assert (tmp_path / "clips" / f"{output.task_id}-0.mp4").exists()
            await (await client.submit(CLIP))
        assert len(list((tmp_path / "clips").iterdir())) == 2
        assert sandbox.count("get_file") == 2


async def test_results_that_a_process_left_behind_are_saved_by_the_next(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/tasks.db"
    async with Sandbox(speed=3600.0, render="cached") as sandbox:
        client = a_client_of(sandbox, store=store)
        async with client, client.receiver.serve():
            output = await client.run(CLIP)
        async with a_client_of(sandbox, download_to=tmp_path / "clips", store=store) as again:
            while not (record := await (await again.task(output.task_id)).refresh()).files:
                await asyncio.sleep(0.01)
        assert [Path(file.place).name for file in record.files] == [f"{output.task_id}-0.mp4"]


async def test_a_run_under_a_key_does_not_fetch_what_it_saved_before(tmp_path: Path) -> None:
    async with world() as (client, sandbox):
        for _ in range(2):
            await client.run(CLIP, key="order-42", download_to=tmp_path)
        assert (sandbox.count("create"), sandbox.count("get_file"), len(list(tmp_path.iterdir()))) == (1, 1, 1)
        sandbox.enqueue(RedirectPrivate())
        with pytest.raises(DownloadError):
            await client.run(CLIP, download_to=tmp_path)


def a_picture(path: Path) -> Path:
    data = io.BytesIO()
    Image.new("RGB", (640, 360), "teal").save(data, "JPEG")
    path.write_bytes(data.getvalue())
    return path


async def test_the_service_fetches_a_local_picture_from_our_receiver_while_the_task_lives(tmp_path: Path) -> None:
    async with Sandbox(speed=3600.0) as sandbox, a_client_of(sandbox) as client, client.receiver.serve():
        still = NanoBanana2(prompt="the same, at night", image=a_picture(tmp_path / "first.jpg"))
        task = await client.submit(still, key="order-42")
        assert (await task).urls
        assert client.receiver.stats["pictures"] == 1
        url = sandbox.tasks[0].plan.first or ""
        for method in ("GET", "HEAD"):
            async with aiohttp.request(method, url) as response:
                assert (response.status, await response.read() == b"") == (404, method == "HEAD")
        assert (await client.submit(still, key="order-42")).id == task.id
        Image.new("RGB", (640, 360), "plum").save(tmp_path / "first.jpg")
        with pytest.raises(InvalidRequestError, match="another request"):
            await client.submit(still, key="order-42")
        assert str(tmp_path) not in repr(task.record)
        assert not [name for name in client.store._notes if name.startswith("picture/")]  # type: ignore[attr-defined]


async def test_every_adapter_hands_a_local_picture_out(tmp_path: Path) -> None:
    picture = a_picture(tmp_path / "first.jpg")
    async with world(patient=True) as (client, sandbox):
        sandbox.enqueue(Delay(3600.0 * 60))
        task = await client.submit(Sora2(prompt="x", duration=4, image=picture))
        url = sandbox.tasks[0].plan.first or ""
        for method in ("GET", "HEAD"):
            async with aiohttp.request(method, url) as response:
                headers, body = response.headers, await response.read()
            assert (headers["Content-Type"], int(headers["Content-Length"])) == ("image/jpeg", picture.stat().st_size)
            assert body == (picture.read_bytes() if method == "GET" else b"")
        path = url.partition("/webhooks")[2]
        sent = await asked_by_asgi(client, f"/webhooks{path}")
        assert (sent[0]["status"], sent[1]["body"]) == (200, picture.read_bytes())
        reply = await client.receiver.handle("POST", f"/webhooks{path}", [], b"{}")
        assert (reply.status, task.status) == (404, TaskStatus.PENDING)


async def asked_by_asgi(client: Client, path: str) -> list[MutableMapping[str, object]]:
    sent: list[MutableMapping[str, object]] = []

    async def receive() -> MutableMapping[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, object]) -> None:
        sent.append(message)

    request = {"method": "GET", "raw_path": path.encode(), "path": path, "headers": list[object]()}
    scope: MutableMapping[str, object] = {"type": "http", **request}
    await client.receiver.asgi(scope, receive, send)
    return sent


async def test_without_a_callback_url_a_local_picture_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    async with world(callbacks=False) as (client, sandbox):
        with pytest.raises(ConfigurationError, match="public callback URL"):
            await client.run(Sora2(prompt="x", image=a_picture(tmp_path / "first.jpg")))
        assert sandbox.count("create") == 0
