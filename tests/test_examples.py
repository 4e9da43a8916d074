"""The examples run as a reader runs them: as programs, against a sandbox."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from aivideo_async.sandbox import Sandbox

EXAMPLES = Path(__file__).parent.parent / "examples"
PROGRAMS = ["one_video.py", "many_at_once.py"]
APPS = ["aiohttp_app.py", "fastapi_app.py"]
TESTS = {"test_your_own.py": "2 passed", "test_your_own_store.py": "52 passed, 2 skipped"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


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
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == sorted([*PROGRAMS, *APPS, *TESTS])


@pytest.mark.parametrize(("program", "files"), [(PROGRAMS[0], 1), (PROGRAMS[1], 3)])
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
        assert [attempt.status for attempt in sandbox.callbacks] == [200]
        wrong = await posted(session, f"{base}/videos", {"prompt": "x", "duration": 6})
        assert wrong[0] == 422


async def posted(session: aiohttp.ClientSession, url: str, body: dict[str, object]) -> tuple[int, str]:
    while True:
        try:
            async with session.post(url, json=body) as response:
                return response.status, await response.text()
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("test", TESTS)
async def test_somebodys_own_test_passes(test: str, tmp_path: Path) -> None:
    command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", str(EXAMPLES / test))
    async with Sandbox(render="cached") as sandbox, running(sandbox, tmp_path, *command) as process:
        assert TESTS[test] in await finished(process)
