"""The examples run as a reader runs them: as programs, against a sandbox."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from standardwebhooks.webhooks import Webhook

from aivideo_async import Client, TaskStatus, open_store
from aivideo_async.catalog import Sora2
from aivideo_async.sandbox import Delay, Sandbox, SandboxTask
from tests.callbacks import KEY, PATH, SECRET, answers, callback, statuses
from tests.engines.launching import free_port
from tests.engines.valkey import Valkey

EXAMPLES = Path(__file__).parent.parent / "examples"
PROGRAMS = ["one_video.py", "many_at_once.py", "batch_variants.py"]
REPLICAS = ["web_tier_redis.py", "worker_redis.py", "two_processes_sqlite.py"]
APPS = ["aiohttp_app.py", "fastapi_app.py"]
RECEIVERS = ["flask_app.py", "django_app.py", "litestar_app.py"]
FUNCTION = "lambda_function.py"
VERIFIER = "verify_only.py"
TESTS = {"test_your_own.py": "2 passed", "test_your_own_store.py": "passed, 2 skipped"}


@asynccontextmanager
async def running(
    sandbox: Sandbox, folder: Path, *command: str, **more: str
) -> AsyncGenerator[asyncio.subprocess.Process]:
    outside = {name: value for name, value in os.environ.items() if not name.startswith("AIVIDEO_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        cwd=folder,
        env={**outside, **sandbox.environment(), **more},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def finished(process: asyncio.subprocess.Process) -> str:
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


def test_every_example_is_run_here() -> None:
    run_here = [*PROGRAMS, *REPLICAS, *APPS, *RECEIVERS, FUNCTION, VERIFIER, *TESTS]
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == sorted(run_here)


@pytest.mark.parametrize(("program", "files"), [(PROGRAMS[0], 1), (PROGRAMS[1], 3), (PROGRAMS[2], 4)])
async def test_a_program_leaves_its_files(program: str, files: int, tmp_path: Path) -> None:
    async with Sandbox(speed=3600, render="cached") as sandbox:
        async with running(sandbox, tmp_path, str(EXAMPLES / program), PORT=str(free_port())) as process:
            await finished(process)
        assert len(list(tmp_path.rglob("*.mp4"))) == files
        assert sandbox.count("create") == files


@pytest.mark.parametrize("app", APPS)
async def test_an_app_answers_when_the_callback_has_come(app: str, tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    settings = {"PORT": str(port), "AIVIDEO_CALLBACK_URL": f"{base}/webhooks/aivideo"}
    async with (
        Sandbox(speed=1800, render="cached") as sandbox,
        running(sandbox, tmp_path, str(EXAMPLES / app), **settings),
        aiohttp.ClientSession() as session,
    ):
        made = await posted(session, f"{base}/videos", {"prompt": "a kite over a harbour", "duration": 4})
        assert made[0] == 200
        assert "X-Amz-Signature" in made[1]
        while not sandbox.callbacks:  # whoever awaits may answer before the callback itself is answered
            await asyncio.sleep(0.01)
        assert [attempt.status for attempt in sandbox.callbacks] == [200]
        wrong = await posted(session, f"{base}/videos", {"prompt": "x", "duration": 6})
        assert wrong[0] == 422


@pytest.mark.crash
@pytest.mark.parametrize("app", RECEIVERS)
async def test_an_app_receives_what_a_worker_beside_it_awaits(app: str, tmp_path: Path) -> None:
    port = free_port()
    shared = {"AIVIDEO_STORE": f"sqlite:///{tmp_path / 'shop.db'}", "AIVIDEO_CALLBACK_KEY": KEY, "AIVIDEO_API_KEY": ""}
    async with (
        Sandbox(speed=1800, render="cached") as sandbox,
        running(sandbox, tmp_path, str(EXAMPLES / app), PORT=str(port), **shared),
    ):
        await answers(port)
        client = Client(
            sandbox.api_key,
            base_url=sandbox.base_url,
            store=shared["AIVIDEO_STORE"],
            callback_key=KEY,
            callback_url=f"http://127.0.0.1:{port}{PATH}",
            usual_seconds={"sora-2": 1e9},
        )
        async with client:
            assert (await client.run(Sora2(prompt="a kite over a harbour", duration=4))).urls
        assert (sandbox.count("create"), sandbox.count("get_task")) == (1, 0)


@pytest.mark.crash
async def test_a_function_receives_a_callback(tmp_path: Path) -> None:
    sent = callback("av_1")
    event = {
        "rawPath": sent.target,
        "headers": {name.decode(): value.decode() for name, value in sent.headers},
        "requestContext": {"http": {"method": "POST"}},
        "body": base64.b64encode(sent.body).decode(),
        "isBase64Encoded": True,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLES / FUNCTION)),
        cwd=tmp_path,
        env={**os.environ, "AIVIDEO_CALLBACK_KEY": KEY, "AIVIDEO_WEBHOOK_SECRET": SECRET},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate(json.dumps(event).encode())
    assert json.loads(output)["statusCode"] == 200
    async with open_store(f"sqlite:///{tmp_path / 'shop.db'}") as store:
        assert (await store.get(("av_1",)))["av_1"].status is TaskStatus.COMPLETED


@pytest.mark.crash
async def test_a_server_that_only_verifies_says_what_came(tmp_path: Path) -> None:
    port, sent = free_port(), callback("av_1")
    keys = {"AIVIDEO_CALLBACK_KEY": KEY, "AIVIDEO_WEBHOOK_SECRET": SECRET}
    async with (
        Sandbox(render="cached") as sandbox,
        running(sandbox, tmp_path, str(EXAMPLES / VERIFIER), PORT=str(port), **keys) as process,
    ):
        await answers(port)
        assert await statuses(port, [sent.raw()]) == [200]
        assert await said(process, "av_1") == "av_1 completed"
        assert await statuses(port, [sent.raw(body=b"{}")]) == [401]
        assert await said(process, "refused") == "refused: bad_signature"


async def posted(session: aiohttp.ClientSession, url: str, body: dict[str, object]) -> tuple[int, str]:
    while True:
        try:
            async with session.post(url, json=body) as response:
                return response.status, await response.text()
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(0.05)


async def shown(session: aiohttp.ClientSession, url: str, status: str) -> dict[str, str | None]:
    """What a page shows once it shows a status."""
    while True:
        async with session.get(url) as response:
            page: dict[str, str | None] = await response.json()
        if page["status"] == status:
            return page
        await asyncio.sleep(0.05)


async def said(process: asyncio.subprocess.Process, word: str) -> str:
    """The next line that holds a word, of what a process prints."""
    assert process.stdout is not None
    while line := (await process.stdout.readline()).decode():
        if word in line:
            return line.strip()
    raise AssertionError(f"it ended without a word of {word}")


async def deliver(session: aiohttp.ClientSession, sandbox: Sandbox, task: SandboxTask, url: str) -> int:
    """The callback that ends a task which would take for ever, at the time and place of the test's choosing."""
    output = {"urls": ["https://cdn.example.com/41.mp4"]}
    body = json.dumps({"id": task.id, "status": "completed", "model": task.model, "output": output})
    now = datetime.now(UTC)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": "msg_41",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(sandbox.webhook_secret or "").sign("msg_41", now, body),
    }
    async with session.post(url, data=body, headers=headers) as response:
        return response.status


async def shop_goes_on_after_its_worker_was_killed(
    sandbox: Sandbox, folder: Path, web: tuple[str, ...], worker: tuple[str, ...], **settings: str
) -> None:
    """The worker is killed while 41 is made; 42 comes while there is none; 41's callback reaches the other replica."""
    ports = [str(free_port()) for _ in range(2)]
    pages = [f"http://127.0.0.1:{port}" for port in ports]
    shared = {**settings, "AIVIDEO_CALLBACK_KEY": "k" * 32, "AIVIDEO_TIME_SCALE": "1"}
    keyless = {**shared, "AIVIDEO_API_KEY": ""}
    called = {**shared, "AIVIDEO_CALLBACK_URL": f"{pages[0]}/webhooks/aivideo"}
    sandbox.enqueue(Delay(1e9))
    async with (
        running(sandbox, folder, *web, PORT=ports[0], **keyless),
        running(sandbox, folder, *web, PORT=ports[1], **keyless),
        aiohttp.ClientSession() as session,
    ):
        async with running(sandbox, folder, *worker, **called) as first:
            for page in pages:
                assert (await posted(session, f"{page}/orders/41", {"prompt": "a kite"}))[0] == 202
            task = (await said(first, "41 is")).removeprefix("41 is ")
            first.kill()
        await posted(session, f"{pages[1]}/orders/42", {"prompt": "a lake"})
        async with running(sandbox, folder, *worker, **called) as second:
            assert await said(second, "goes on") == f"41 goes on as {task}"
            assert await said(second, "bill") == "bill 42: task.completed"
            called_back = str(sandbox.tasks[0].callback_url).replace(pages[0], pages[1])
            assert await deliver(session, sandbox, sandbox.tasks[0], called_back) == 200
            assert await said(second, "bill") == "bill 41: task.completed"
        assert (await shown(session, f"{pages[0]}/orders/41", "completed"))["url"] == "https://cdn.example.com/41.mp4"
        assert "X-Amz-Signature" in str((await shown(session, f"{pages[1]}/orders/42", "completed"))["url"])
    assert (sandbox.count("create"), sandbox.count("get_task")) == (2, 0)


@pytest.mark.crash
async def test_a_shop_over_redis_goes_on_after_its_worker_was_killed(tmp_path: Path) -> None:
    web, worker = ((str(EXAMPLES / name),) for name in REPLICAS[:2])
    with Valkey() as engine:
        async with Sandbox(speed=3600, render="cached") as sandbox:
            await shop_goes_on_after_its_worker_was_killed(sandbox, tmp_path, web, worker, AIVIDEO_STORE=engine.url)


@pytest.mark.crash
async def test_a_shop_over_sqlite_goes_on_after_its_worker_was_killed(tmp_path: Path) -> None:
    web, worker = ((str(EXAMPLES / REPLICAS[2]), role) for role in ("web", "worker"))
    async with Sandbox(speed=3600, render="cached") as sandbox:
        await shop_goes_on_after_its_worker_was_killed(
            sandbox, tmp_path, web, worker, AIVIDEO_STORE="sqlite:///shop.db"
        )


@pytest.mark.crash
@pytest.mark.parametrize("test", TESTS)
async def test_somebodys_own_test_passes(test: str, tmp_path: Path) -> None:
    command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", str(EXAMPLES / test))
    async with Sandbox(render="cached") as sandbox, running(sandbox, tmp_path, *command) as process:
        assert TESTS[test] in await finished(process)
