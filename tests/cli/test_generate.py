"""``aivideo generate`` and ``aivideo wait`` against the sandbox."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from aivideo_async import Client, InvalidRequestError, Query, TaskFailedError, WebhookReceiver
from aivideo_async.catalog import NanoBanana2, Sora2, SunoV5
from aivideo_async.cli.exits import Exit
from aivideo_async.cli.generate import generate, wait
from aivideo_async.cli.output import Screen
from aivideo_async.cli.shown import Target
from aivideo_async.cli.store import opened_store
from aivideo_async.sandbox import Delay, Fail, Sandbox
from tests.cli.conftest import Watched
from tests.loopback import http, read_request, serving

CAT = Sora2(prompt="a cat", duration=4)


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


async def submitted(client: Client, count: int = 1) -> list[str]:
    """Ids of the service, of tasks that some other program submitted."""
    tasks = [await client.submit(CAT) for _ in range(count)]
    return [task.service_id or "" for task in tasks]


async def test_a_clip_is_made_called_back_and_fetched(
    service: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = Target(tmp_path / "cat.mp4", folder=False)
    assert await generate(Screen(machine=False), CAT, target=target) is Exit.OK
    written = capsys.readouterr()
    assert written.out == f"{target.path}\n"
    assert "sora-2: completed" in written.err
    assert (await anyio.Path(target.path).read_bytes())[4:8] == b"ftyp"
    assert [attempt.accepted for attempt in service.callbacks] == [True]


async def test_a_machine_is_told_everything_in_one_object(
    service: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await generate(Screen(machine=True), SunoV5(prompt="a tune"), target=Target(tmp_path, folder=True))
    [told] = objects(capsys)
    assert (told["model"], told["status"], told["credits"]) == ("suno-v5", "completed", 24)
    assert told["files"] == [str(tmp_path / f"{told['id']}-{n}.mp3") for n in (0, 1)]
    assert told["service_id"] == service.tasks[0].id


async def test_a_result_that_is_not_what_was_asked_for_is_remarked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await read_request(reader)) and not writer.is_closing():
            path = request.split(b" ", 2)[1]
            output = {"urls": [f"{address}/a.mp4"], "metadata": {"duration": 12}}
            task = {"id": "s-1", "status": "completed", "model": "sora-2", "created_at": 1, "output": output}
            body: object = task if b"tasks" in path else {"code": 200, "msg": "", "data": {"taskId": "s-1"}}
            writer.write(http(200, json.dumps(body).encode(), "Content-Type: application/json"))

    async with serving(script) as address:
        for name, value in (("API_KEY", "sk-1"), ("BASE_URL", address), ("TIME_SCALE", "1e4")):
            monkeypatch.setenv(f"AIVIDEO_{name}", value)
        await generate(Screen(machine=False), CAT, target=Target(tmp_path, folder=True))
    assert "warning: " in capsys.readouterr().err


async def test_without_waiting_the_id_is_printed(service: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    assert await generate(Screen(machine=False), CAT, target=None, key="order-42") is Exit.OK
    async with opened_store() as store:
        kept = (await store.get(("order-42",)))["order-42"]
    assert capsys.readouterr().out == f"{kept.id}\n"
    assert kept.service_id == service.tasks[0].id


async def test_over_memory_the_services_id_is_the_one_that_lasts(
    service: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIVIDEO_STORE", "memory:")
    await generate(Screen(machine=False), CAT, target=None)
    assert capsys.readouterr().out == f"{service.tasks[0].id}\n"


async def test_the_same_key_again_gives_the_same_task(service: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        await generate(Screen(machine=False), CAT, target=None, key="order-42")
    first, second = capsys.readouterr().out.splitlines()
    assert first == second
    assert service.count("create") == 1


async def test_a_key_of_a_task_at_another_service_is_refused(service: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    await generate(Screen(machine=False), CAT, target=None, key="order-42")
    async with Sandbox(render="cached", speed=2000) as other:
        monkeypatch.setenv("AIVIDEO_BASE_URL", other.base_url)
        with pytest.raises(InvalidRequestError, match=service.base_url):
            await generate(Screen(machine=False), CAT, target=None, key="order-42")
        assert other.count("create") == 0


async def test_a_task_that_fails_is_raised(
    service: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service.enqueue(Fail(message="content refused"))
    with pytest.raises(TaskFailedError, match="content refused"):
        await generate(Screen(machine=False), CAT, target=Target(tmp_path, folder=True))
    assert "still there" not in capsys.readouterr().err


async def test_who_stops_waiting_is_told_how_to_come_back(service: Sandbox, tmp_path: Path) -> None:
    service.enqueue(Delay(1e6))
    err = Watched("accepted")
    screen = Screen(machine=False, err=err)
    work = asyncio.ensure_future(generate(screen, CAT, target=Target(tmp_path, folder=True)))
    await err.seen.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    async with opened_store() as store:
        [kept] = [record async for record in store.scan(Query())]
    assert f"aivideo wait {kept.id} --out {tmp_path}" in err.getvalue()


async def test_a_task_of_somebody_else_is_awaited_and_fetched(
    service: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Client() as client, client.receiver.serve():
        await client.run(NanoBanana2(prompt="x"))
    id = service.tasks[0].id
    assert await wait(Screen(machine=False), [id, id], target=Target(tmp_path, folder=True), timeout=None) is Exit.OK
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{id}  {tmp_path}/av_")
    assert line.endswith("-0.jpg")


async def test_an_id_of_ours_is_awaited_and_looked_at_at_once(
    service: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await generate(Screen(machine=False), CAT, target=None)
    id = capsys.readouterr().out.strip()
    async with opened_store() as store:
        await store.due(id, 1e6)
    assert await wait(Screen(machine=False), [id], target=Target(tmp_path, folder=True), timeout=None) is Exit.OK
    assert capsys.readouterr().out == f"{id}  {tmp_path / id}-0.mp4\n"
    assert service.count("create") == 1


async def test_a_task_of_another_service_is_not_waited_for_in_vain(
    service: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await generate(Screen(machine=False), CAT, target=None)
    id = capsys.readouterr().out.strip()
    monkeypatch.setenv("AIVIDEO_BASE_URL", "http://127.0.0.1:9")
    assert await wait(Screen(machine=True), [id], target=None, timeout=None) is Exit.USAGE
    [told] = objects(capsys)
    assert service.base_url in told["error"]["message"]


async def test_what_has_ended_is_fetched_wherever_it_was_made(
    service: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await generate(Screen(machine=True), CAT, target=Target(tmp_path, folder=True))
    [made] = objects(capsys)
    monkeypatch.setenv("AIVIDEO_BASE_URL", "http://127.0.0.1:9")
    assert await wait(Screen(machine=True), [made["id"]], target=None, timeout=None) is Exit.OK
    assert objects(capsys)[0]["urls"] == made["urls"]
    assert service.count("get_task") == 0


async def test_over_a_shared_store_with_callbacks_nothing_is_asked_for(
    service: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIVIDEO_STORE", f"sqlite:///{tmp_path}/shared.db")
    async with opened_store() as store:
        receiver = WebhookReceiver(store, api_key=service.api_key)
        async with receiver.serve() as server:
            monkeypatch.setenv("AIVIDEO_CALLBACK_URL", server.url)
            await generate(Screen(machine=False), CAT, target=None)
            id = capsys.readouterr().out.strip()
            assert await wait(Screen(machine=False), [id], target=None, timeout=None) is Exit.OK
    assert (service.count("create"), service.count("get_task")) == (1, 0)


async def test_without_a_target_the_addresses_are_printed(service: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    async with Client() as client, client.receiver.serve():
        output = await client.run(CAT)
    await wait(Screen(machine=False), [service.tasks[0].id], target=None, timeout=None)
    [line] = capsys.readouterr().out.splitlines()
    assert line.split("?")[0] == f"{service.tasks[0].id}  {output.url.split('?')[0]}"


async def test_one_that_fails_does_not_end_the_others(service: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    service.enqueue((), Fail(message="content refused"))
    async with Client() as client, client.receiver.serve():
        good, bad = await submitted(client, 2)
        code = await wait(Screen(machine=True), [good, bad, "a/b"], target=None, timeout=None)
    assert code is Exit.FAILED
    told = {each.get("service_id"): each for each in objects(capsys)}
    assert (told[good]["status"], told[bad]["status"]) == ("completed", "failed")
    assert told[bad]["error"]["message"].startswith("content refused")
    assert told[None]["id"] == "a/b"
    assert told[None]["error"]["type"] == "InvalidRequestError"


async def test_a_wait_that_runs_out_leaves_the_task_alive(service: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    service.enqueue(Delay(1e6))
    async with Client() as client, client.receiver.serve():
        ids = await submitted(client)
        assert await wait(Screen(machine=True), ids, target=None, timeout=0.05) is Exit.OPEN
    [told] = objects(capsys)
    assert told["error"]["type"] == "TaskTimeoutError"
    assert not service.tasks[0].ended


async def test_one_file_cannot_take_several_results(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="one file cannot take several results"):
        await wait(Screen(machine=True), ["a", "b"], target=Target(tmp_path / "x.mp4", folder=False), timeout=None)
