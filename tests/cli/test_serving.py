"""``aivideo sandbox``: it says how to find it, and ends with Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from aivideo_async import Client
from aivideo_async.cli.output import Screen
from aivideo_async.cli.serving import serve
from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox import Sandbox
from tests.cli.conftest import Watched
from tests.cli.processes import MAIN, aivideo, environment


@pytest.mark.parametrize(("profile", "signed"), [("signed", True), ("documented", False)])
async def test_its_exports_lead_to_it(profile: str, signed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = StringIO(), Watched("listens")
    screen = Screen(machine=False, out=out, err=err)
    work = asyncio.ensure_future(serve(screen, port=0, profile="signed" if signed else "documented", speed=60))
    async with asyncio.timeout(10):
        await err.seen.wait()
    for line in out.getvalue().splitlines():
        export, assignment = shlex.split(line)
        assert export == "export"
        monkeypatch.setenv(*assignment.split("=", 1))
    assert ("AIVIDEO_WEBHOOK_SECRET" in os.environ) == signed, profile
    async with Client() as client:
        assert (await client.credits()).balance == 10_000
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


async def test_a_machine_gets_the_settings_as_an_object() -> None:
    out, err = StringIO(), Watched("listens")
    screen = Screen(machine=True, out=out, err=err)
    work = asyncio.ensure_future(serve(screen, port=0, profile="signed", speed=60))
    async with asyncio.timeout(10):
        await err.seen.wait()
    work.cancel()
    await asyncio.wait([work])
    assert {"AIVIDEO_API_KEY", "AIVIDEO_BASE_URL"} <= json.loads(out.getvalue())["environment"].keys()


@pytest.mark.crash
def test_ctrl_c_ends_it_and_a_wait_on_it() -> None:
    with popen("sandbox", "--port", "0", "--speed", "1") as sandbox:
        assert sandbox.stdout is not None
        exports = [shlex.split(sandbox.stdout.readline())[1] for _ in range(4)]
        settings = dict(line.split("=", 1) for line in exports)
        taken = aivideo("sandbox", "--port", settings["AIVIDEO_BASE_URL"].rpartition(":")[2])
        assert (taken.returncode, taken.stdout) == (1, "")
        assert "Address already in use" in taken.stderr
        with popen("generate", "a cat", **settings) as waiting:
            assert waiting.stderr is not None
            accepted = next(line for line in waiting.stderr if "accepted as" in line)
            waiting.send_signal(signal.SIGINT)
            _, said = waiting.communicate(timeout=10)
        assert waiting.returncode == 130
        assert f"aivideo wait {accepted.split()[-1]}" in said
        assert "Traceback" not in said
        sandbox.send_signal(signal.SIGINT)
        _, said = sandbox.communicate(timeout=10)
    assert sandbox.returncode == 0
    assert "Traceback" not in said


@pytest.mark.crash
def test_sigterm_ends_a_sandbox_and_a_dashboard_cleanly_and_a_command_with_143(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'a.db'}"
    folder = tmp_path / "tmp"
    folder.mkdir()
    with popen("sandbox", "--port", "0", "--speed", "1", TMPDIR=str(folder)) as sandbox:
        assert sandbox.stdout is not None
        settings = dict(shlex.split(sandbox.stdout.readline())[1].split("=", 1) for _ in range(4))
        with popen("generate", "a cat", AIVIDEO_STORE=store, **settings) as waiting:
            assert waiting.stderr is not None
            assert any("accepted as" in line for line in waiting.stderr)
            assert terminated(waiting)[0] == 143
        with popen("dashboard", "--port", "0", "--store", store) as dashboard:
            assert dashboard.stdout is not None
            assert dashboard.stdout.readline().startswith("http://127.0.0.1:")
            assert terminated(dashboard)[0] == 0
        code, said = terminated(sandbox)
    assert (code, said.splitlines()[-1], list(folder.iterdir())) == (0, "terminated", [])


def terminated(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The code with which it ends on SIGTERM, and what it says."""
    process.terminate()
    _, said = process.communicate(timeout=10)
    assert "Traceback" not in said
    return process.returncode, said


def popen(*arguments: str, **settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", MAIN, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**settings),
    )


async def test_faults_and_the_clocks_pace_come_from_the_command_line(tmp_path: Path) -> None:
    out, err = StringIO(), Watched("listens")
    screen = Screen(machine=True, out=out, err=err)
    work = asyncio.ensure_future(
        serve(screen, port=0, profile="signed", speed=60, faults=["server-error"], state=tmp_path / "state")
    )
    async with asyncio.timeout(10):
        await err.seen.wait()
    settings = json.loads(out.getvalue())["environment"]
    bearer = {"Authorization": f"Bearer {settings['AIVIDEO_API_KEY']}"}
    async with aiohttp.request("GET", f"{settings['AIVIDEO_BASE_URL']}/v1/credits", headers=bearer) as response:
        assert response.status == 500
    work.cancel()
    await asyncio.wait([work])
    assert (tmp_path / "state" / "sandbox.db").exists()


async def test_a_name_that_is_allowed_leads_to_it_and_no_other_does() -> None:
    out, err = StringIO(), Watched("listens")
    screen = Screen(machine=True, out=out, err=err)
    work = asyncio.ensure_future(serve(screen, port=0, profile="signed", speed=60, hosts=["Sandbox"]))
    async with asyncio.timeout(10):
        await err.seen.wait()
    url = f"{json.loads(out.getvalue())['environment']['AIVIDEO_BASE_URL']}/v1/credits"
    seen: list[int] = []
    for name in "sandbox:8787", "localhost", "evil.example":
        async with aiohttp.request("GET", url, headers={"Host": name}) as response:
            seen.append(response.status)
    work.cancel()
    await asyncio.wait([work])
    assert seen == [401, 401, 403]


async def test_cached_files_need_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for missing in "av", "PIL":
        monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, "aivideo_async.sandbox.film", raising=False)
    out, err = StringIO(), Watched("listens")
    screen = Screen(machine=True, out=out, err=err)
    work = asyncio.ensure_future(serve(screen, port=0, profile="signed", speed=1e6, render="cached"))
    async with asyncio.timeout(10):
        await err.seen.wait()
    settings = json.loads(out.getvalue())["environment"]
    bearer = {"Authorization": f"Bearer {settings['AIVIDEO_API_KEY']}"}
    async with aiohttp.ClientSession(settings["AIVIDEO_BASE_URL"], headers=bearer) as http:
        async with http.post("/v1/videos/generations", json={"model": "sora-2", "prompt": "a cat"}) as response:
            id = str((await response.json())["data"]["taskId"])
        assert (await result(http, id))[4:8] == b"ftyp"
    work.cancel()
    await asyncio.wait([work])
    with pytest.raises(ConfigurationError, match="extra"):
        await serve(screen, port=0, profile="signed", speed=60)


async def test_a_fault_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigurationError) as caught:
        await serve(Screen(machine=True), port=0, profile="signed", speed=60, faults=["nonsense=0.1"])
    assert "lose-callback" in str(caught.value.hint)


async def test_a_fault_of_the_command_line_is_set_over_what_the_state_has(tmp_path: Path) -> None:
    async with Sandbox(render="cached", state=tmp_path) as before:
        for name in "html", "truncated-json", "slow-answer":
            before.faults.set(name)
    out, err = StringIO(), Watched("listens")
    faults = ["html=0.5", "truncated-json=0"]
    screen = Screen(machine=True, out=out, err=err)
    work = asyncio.ensure_future(
        serve(screen, port=0, profile="signed", speed=60, faults=faults, state=tmp_path)
    )  # fmt: skip
    async with asyncio.timeout(10):
        await err.seen.wait()
    work.cancel()
    await asyncio.wait([work])
    async with Sandbox(render="cached", state=tmp_path) as after:
        assert {rule.name: rule.share for rule in after.faults.rules} == {"slow-answer": 1.0, "html": 0.5}


@pytest.mark.crash
async def test_a_task_and_its_charge_outlive_a_sandbox_that_is_killed(tmp_path: Path) -> None:
    ids: list[str] = []
    for start in range(3):
        with popen("sandbox", "--port", "0", "--speed", "1", "--state", str(tmp_path)) as sandbox:
            try:
                assert sandbox.stdout is not None
                lines = [await asyncio.to_thread(sandbox.stdout.readline) for _ in range(4)]
                settings = dict(shlex.split(line)[1].split("=", 1) for line in lines)
                ids.append(await one_more(settings, ids, charged=200 * start))
            finally:
                sandbox.kill()


@pytest.mark.crash
async def test_the_files_of_tasks_that_ended_outlive_a_sandbox_that_is_killed(tmp_path: Path) -> None:
    body = {"model": "gpt-image-2", "prompt": "a cat", "aspect_ratio": "1:2"}
    seen: dict[str, bytes] = {}
    for _ in range(3):
        with popen("sandbox", "--port", "0", "--speed", "100000", "--state", str(tmp_path)) as sandbox:
            try:
                async with client_of(sandbox) as http:
                    for id, data in seen.items():
                        assert await result(http, id) == data
                    async with http.post("/v1/images/generations", json=body) as response:
                        id = str((await response.json())["data"]["taskId"])
                    seen[id] = await result(http, id)
            finally:
                sandbox.kill()
    assert len(list((tmp_path / "files").iterdir())) == 3


@asynccontextmanager
async def client_of(sandbox: subprocess.Popen[str]) -> AsyncGenerator[aiohttp.ClientSession]:
    """A session with the settings that a sandbox prints."""
    assert sandbox.stdout is not None
    lines = [await asyncio.to_thread(sandbox.stdout.readline) for _ in range(4)]
    settings = dict(shlex.split(line)[1].split("=", 1) for line in lines)
    bearer = {"Authorization": f"Bearer {settings['AIVIDEO_API_KEY']}"}
    async with aiohttp.ClientSession(settings["AIVIDEO_BASE_URL"], headers=bearer) as http:
        yield http


async def result(http: aiohttp.ClientSession, id: str) -> bytes:
    """The file of a task, once it has ended."""
    while True:
        async with http.get(f"/v1/tasks/{id}") as response:
            task = await response.json()
        if task["status"] == "completed":
            async with http.get(URL(task["output"]["urls"][0], encoded=True)) as response:
                assert response.status == 200
                return await response.read()
        await asyncio.sleep(0.01)


async def one_more(settings: dict[str, str], ids: list[str], *, charged: int) -> str:
    """See that the tasks are there and paid for, and create another one."""
    bearer = {"Authorization": f"Bearer {settings['AIVIDEO_API_KEY']}"}
    async with aiohttp.ClientSession(settings["AIVIDEO_BASE_URL"], headers=bearer) as http:
        for id in ids:
            async with http.get(f"/v1/tasks/{id}") as response:
                assert (response.status, (await response.json())["id"]) == (200, id)
        async with http.get("/v1/credits") as response:
            assert (await response.json())["data"]["total_consumed"] == charged
        async with http.post("/v1/videos/generations", json={"model": "sora-2", "prompt": "a cat"}) as response:
            return str((await response.json())["data"]["taskId"])
