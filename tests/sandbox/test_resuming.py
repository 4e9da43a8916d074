"""A sandbox that is ended and started again in the same folder."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path
from typing import cast

import aiohttp
import pytest

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox import Fail, RedirectPrivate, Sandbox
from tests.sandbox.test_server import FAST, Json, World, world


def kept(folder: Path, *, speed: float = FAST, api_key: str | None = None, seed: int | None = None) -> Sandbox:
    return Sandbox(render="cached", speed=speed, state=folder, api_key=api_key, seed=seed)


async def result(w: World, id: str) -> bytes:
    _, task = await w.get(f"/v1/tasks/{id}")
    async with aiohttp.request("GET", cast("list[str]", cast("Json", task["output"])["urls"])[0]) as response:
        assert response.status == 200
        return await response.read()


async def test_tasks_ledger_files_and_keys_are_there_again(tmp_path: Path) -> None:
    async with world(kept(tmp_path)) as w:
        id = await w.accepted()
        await w.receiver.next()
        clip = await result(w, id)
        secret = w.sandbox.issue_key("ci")
        before = w.sandbox
    async with world(kept(tmp_path)) as w:
        assert (w.sandbox.api_key, w.sandbox.webhook_secret) == (before.api_key, before.webhook_secret)
        assert (int(w.sandbox.balance), len(w.sandbox.ledger), len(w.sandbox.callbacks)) == (9900, 2, 1)
        assert await result(w, id) == clip
        async with w.http.get("/v1/credits", headers={"Authorization": f"Bearer {secret}"}) as response:
            assert response.status == 200


async def test_files_are_found_after_every_move(tmp_path: Path) -> None:
    async with world(kept(tmp_path)) as w:
        id = await w.accepted()
        await w.receiver.next()
        clip = await result(w, id)
    for _ in range(3):
        async with world(kept(tmp_path)) as w:
            assert await result(w, id) == clip


async def test_a_task_that_was_not_at_its_end_ends_later(tmp_path: Path) -> None:
    async with world(kept(tmp_path, speed=1)) as w:
        id = await w.accepted()
        w.sandbox.clock.pause()
    async with world(kept(tmp_path, speed=1)) as w:
        w.sandbox.clock.advance(3600)
        while w.sandbox.tasks[0].status != "completed":
            await asyncio.sleep(0)
        assert w.sandbox.tasks[0].id == id


async def test_the_same_sandbox_goes_on_too(tmp_path: Path) -> None:
    sandbox = kept(tmp_path)
    for tasks in (1, 2):
        async with world(sandbox) as w:
            await w.accepted()
            await w.receiver.next()
        assert len(sandbox.tasks) == tasks
    async with world(kept(tmp_path)) as w:
        assert (len(w.sandbox.tasks), len(w.sandbox.ledger)) == (2, 3)


async def test_a_key_that_is_given_is_the_default_one_from_now_on(tmp_path: Path) -> None:
    async with world(kept(tmp_path, api_key="sk-first")) as w:
        await w.accepted()
    async with world(kept(tmp_path, api_key="sk-second")) as w:
        assert w.sandbox.api_key == "sk-second"
        assert (await w.get("/v1/credits"))[0] == 200
        assert len(w.sandbox.keys) == 1


async def test_its_own_key_cannot_be_deleted_and_is_let_in_at_each_start(tmp_path: Path) -> None:
    async with world(kept(tmp_path)) as w:
        w.sandbox.issue_key("ci")
        with pytest.raises(ConfigurationError, match="disable it instead"):
            w.sandbox.delete_key("default")
        w.sandbox.disable_key("ci")
        w.sandbox.disable_key("default")
        assert (await w.get("/v1/credits"))[0] == 401
    async with world(kept(tmp_path)) as w:
        assert (await w.get("/v1/credits"))[0] == 200
        assert [key.disabled for key in w.sandbox.keys] == [False, True]


async def test_a_seed_does_not_give_the_same_ids_twice(tmp_path: Path) -> None:
    ids: set[str] = set()
    for _ in range(3):
        async with world(kept(tmp_path, seed=1)) as w:
            ids.add(await w.accepted())
            assert {task.id for task in w.sandbox.tasks} == ids
    assert len(ids) == 3


async def test_a_clock_that_was_moved_on_stays_so(tmp_path: Path) -> None:
    async with kept(tmp_path, speed=1) as sandbox:
        sandbox.clock.advance(5000)
    async with kept(tmp_path, speed=1) as sandbox:
        assert 4990 < sandbox.clock.ahead < 5010


async def test_what_is_set_is_kept_at_once_and_without_a_request(tmp_path: Path) -> None:
    async with kept(tmp_path, speed=1) as sandbox:
        sandbox.enqueue(Fail(message="mine"))
        sandbox.faults.set("html", 0.5)
        sandbox.clock.pause()
        stood = sandbox.clock.now()
        while not await as_a_kill_would_leave_it(tmp_path, stood):
            await asyncio.sleep(0)
    async with kept(tmp_path, speed=1) as sandbox:
        assert [rule.name for rule in sandbox.faults.rules] == ["html"]
        assert sandbox.engine.waiting()[0].failure == Fail(message="mine")
        assert (sandbox.clock.paused, sandbox.clock.now()) == (True, stood)


async def as_a_kill_would_leave_it(folder: Path, stood: float) -> bool:
    """Whether a sandbox with a copy of the folder goes on with what was set."""
    copy = folder.parent / f"{folder.name}-copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    async with kept(copy, speed=1) as sandbox:
        return bool(sandbox.faults.rules and sandbox.engine.waiting()) and sandbox.clock.now() == stood


async def test_a_folder_in_use_is_one_sentence(tmp_path: Path) -> None:
    async with kept(tmp_path):
        with pytest.raises(ConfigurationError, match="in use by another sandbox"):
            await kept(tmp_path).__aenter__()


async def test_what_is_cancelled_while_it_begins_lets_go_of_the_folder(tmp_path: Path) -> None:
    for steps in range(40):
        beginning = asyncio.create_task(kept(tmp_path).__aenter__())
        for _ in range(steps):
            await asyncio.sleep(0.0005)
        beginning.cancel()
        with suppress(asyncio.CancelledError):
            await (await beginning).__aexit__(None, None, None)
    async with world(kept(tmp_path)) as w:
        await w.accepted()


async def test_a_key_that_was_made_last_is_there_again(tmp_path: Path) -> None:
    for steps in range(12):
        async with kept(tmp_path) as sandbox:
            sandbox.issue_key(f"ci {steps}")
            for _ in range(steps):
                await asyncio.sleep(0)
    async with kept(tmp_path) as sandbox:
        assert len(sandbox.keys) == 13


async def test_it_is_emptied_when_it_is_to_be(tmp_path: Path) -> None:
    async with world(kept(tmp_path)) as w:
        await w.accepted()
        key = w.sandbox.api_key
    async with Sandbox(render="cached", state=tmp_path, reset_state=True) as sandbox:
        assert (sandbox.tasks, len(sandbox.ledger), sandbox.api_key == key) == ((), 1, False)


async def test_a_profile_without_signatures_keeps_the_folder_usable(tmp_path: Path) -> None:
    for profile in ("documented", "signed"):
        async with Sandbox(render="cached", state=tmp_path, profile=profile) as sandbox:
            assert (sandbox.webhook_secret is None) == (profile == "documented")


async def test_a_fault_of_a_file_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with world(kept(tmp_path)) as w:
        w.sandbox.enqueue(RedirectPrivate())
        id = await w.accepted()
        await w.receiver.next()
    async with world(kept(tmp_path)) as w:
        _, task = await w.get(f"/v1/tasks/{id}")
        url = cast("list[str]", cast("Json", task["output"])["urls"])[0]
        async with aiohttp.request("GET", url, allow_redirects=False) as response:
            assert response.status == 302
