"""Tasks as JSON, by their lasting id, and as files."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import anyio
import pytest

from aivideo_async import Client, MemoryStore
from aivideo_async.catalog import Sora2
from aivideo_async.cli.shown import Target, lasting_id, ready, save, task_object
from aivideo_async.core.models import Estimate, Output, TaskRecord, TaskStatus
from aivideo_async.sandbox import Sandbox

URL = "https://cdn.example/a.mp4?X-Amz-Signature=1"


class LastingStore(MemoryStore):
    """A store that says it outlives the process."""

    @property
    def durable(self) -> bool:
        return True


def record(high: Decimal | None = Decimal("2.4")) -> TaskRecord:
    return TaskRecord(
        id="av_1",
        origin="",
        service_id="s-1",
        model="sora-2",
        status=TaskStatus.COMPLETED,
        estimate=Estimate(low=Decimal(1), high=high, exact=False, source="", dated=""),
        output=Output(task_id="av_1", urls=(URL,)),
    )


def test_a_task_is_one_object_with_its_files_and_addresses() -> None:
    told = task_object(record(), files=[Path("out", "a.mp4")])
    assert (told["id"], told["service_id"], told["status"]) == ("av_1", "s-1", "completed")
    assert (told["credits"], told["files"], told["urls"]) == (2.4, ["out/a.mp4"], [URL])


def test_what_has_no_known_price_has_none() -> None:
    assert task_object(record(high=None))["credits"] is None
    assert task_object(TaskRecord(id="av_1", origin=""))["urls"] == []


def test_over_memory_only_the_services_id_lasts() -> None:
    assert lasting_id(Client("sk-1"), record()) == "s-1"
    assert lasting_id(Client("sk-1"), TaskRecord(id="av_2", origin="")) == "av_2"
    assert lasting_id(Client("sk-1", store=LastingStore()), record()) == "av_1"


@pytest.mark.parametrize(("name", "folder"), [("clips", True), ("clip.mp4", False), ("new/clip.mp4", False)])
def test_a_name_without_a_suffix_is_a_folder(tmp_path: Path, name: str, folder: bool) -> None:
    assert ready(tmp_path / name) == Target(tmp_path / name, folder)
    assert (tmp_path / name).is_dir() == folder
    assert (tmp_path / name).parent.is_dir()


def test_a_folder_with_a_suffix_is_one_when_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "v1.2").mkdir()
    assert ready(tmp_path / "v1.2").folder


async def test_results_go_to_the_target(service: Sandbox, tmp_path: Path) -> None:
    async with Client() as client, client.receiver.serve():
        output = await client.run(Sora2(prompt="x"))
        twice = Output(task_id="av_1", urls=output.urls * 2)
        assert await save(client, twice, Target(tmp_path / "a.mp4", folder=False)) == [
            tmp_path / "a.mp4",
            tmp_path / "a-1.mp4",
        ]
        assert await save(client, twice, Target(tmp_path, folder=True)) == [
            tmp_path / "av_1-0.mp4",
            tmp_path / "av_1-1.mp4",
        ]
    assert len({await anyio.Path(tmp_path, name).read_bytes() for name in ("a.mp4", "a-1.mp4", "av_1-1.mp4")}) == 1
    assert service.count("get_file") == 4
