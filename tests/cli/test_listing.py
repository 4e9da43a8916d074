"""``aivideo tasks``, ``credits`` and ``models``."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

import pytest

from aivideo_async import ConfigurationError, InvalidRequestError, MemoryStore
from aivideo_async.catalog import MODELS, Sora2
from aivideo_async.cli.exits import Exit
from aivideo_async.cli.listing import credits_left, models, tasks
from aivideo_async.cli.output import Screen
from aivideo_async.cli.store import state_file
from aivideo_async.core.models import TaskRecord, TaskStatus
from aivideo_async.sandbox import Sandbox
from tests.cli.test_shown import LastingStore


async def stored() -> MemoryStore:
    store = MemoryStore()
    now, request = datetime.now(UTC), Sora2(prompt="a \x1b[2Jcat" + " and a dog" * 20)
    async with store:
        for id, status in (("av_1", TaskStatus.PENDING), ("av_2", TaskStatus.COMPLETED)):
            made = TaskRecord(id=id, origin="", status=status, created_at=now, request=request, model="sora-2")
            await store.put(made)
        await store.put(TaskRecord(id="av_3", origin="", service_id="s-3", status=TaskStatus.PROCESSING))
    return store


async def test_unfinished_tasks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert await tasks(Screen(machine=False), await stored()) is Exit.OK
    head, *rows = sorted(capsys.readouterr().out.splitlines(), key=lambda line: line.startswith("av_"))
    assert head.split() == ["id", "service", "id", "model", "status", "age", "prompt"]
    assert {row.split()[0] for row in rows} == {"av_1", "av_3"}
    assert "\\x1b[2Jcat and a dog" in "".join(rows)


async def test_a_machine_gets_an_object_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    await tasks(Screen(machine=True), await stored())
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {each["id"]: each["status"] for each in told} == {"av_1": "pending", "av_3": "processing"}


async def test_an_empty_store_of_memory_says_what_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await tasks(Screen(machine=False))
    assert capsys.readouterr() == ("", "no unfinished tasks\n")
    monkeypatch.setenv("AIVIDEO_STORE", "memory:")
    await tasks(Screen(machine=False))
    assert "the store is memory" in capsys.readouterr().err
    await tasks(Screen(machine=False), LastingStore())
    assert capsys.readouterr() == ("", "no unfinished tasks\n")


async def test_a_store_that_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVIDEO_STORE", "clay:tablets")
    with pytest.raises(ConfigurationError, match="clay:"):
        await tasks(Screen(machine=False))


async def test_the_balance_is_shown(service: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    await credits_left(Screen(machine=False))
    await credits_left(Screen(machine=True))
    assert not state_file(os.environ).exists()
    sentence, told = capsys.readouterr().out.splitlines()
    assert sentence == "10,000 credits left (about $40.00), 0 of 10,000 used"
    assert json.loads(told) == {"balance": 10000, "total_purchased": 10000, "total_consumed": 0}
    assert service.count("get_credits") == 2


def test_every_model_is_listed_with_price_and_limits(capsys: pytest.CaptureFixture[str]) -> None:
    assert models(Screen(machine=False), ()) is Exit.OK
    written = capsys.readouterr()
    head, *rows = written.out.splitlines()
    assert head.startswith("model")
    assert [row.split()[0] for row in rows] == list(MODELS)
    assert "Prices of 20" in written.err
    sora = rows[0]
    assert "  25/s  " in sora
    assert "duration 4 8* 12" in sora
    assert "prompt (text of at most 5000 characters, required)" in sora
    assert "size 1280x720* 720x1280" in sora


def test_named_models_are_objects_for_a_machine(capsys: pytest.CaptureFixture[str]) -> None:
    models(Screen(machine=True), ["suno-v5", "sora-2"])
    sora, suno = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (sora["kind"], sora["per"], sora["credits"]) == ("video", "second", {"second": 25})
    assert sora["fields"]["duration"] == {"required": False, "default": 8, "allowed": "4, 8, 12"}
    assert sora["fields"]["image_urls"]["default"] == []
    assert (suno["per"], suno["credits"]) == ("task", {"task": 24})


def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidRequestError, match="no model sora-9"):
        models(Screen(machine=False), ["sora-2", "sora-9"])
