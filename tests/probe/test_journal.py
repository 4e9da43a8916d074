from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from aivideo_async.probe.findings import Findings
from aivideo_async.probe.folder import Folder
from aivideo_async.probe.journal import Journal
from aivideo_async.probe.purse import Purse
from aivideo_async.probe.redaction import Redactor
from tests.probe.seeing import accepted, callback


async def a_journal(path: Path) -> Journal:
    folder = await asyncio.to_thread(Folder.ready, path)
    return Journal(folder, found=Findings(), purse=Purse(Decimal(9)), redactor=Redactor(), models={})


async def test_ids_that_look_like_none_are_hidden_from_the_first_file_on(tmp_path: Path) -> None:
    journal = await a_journal(tmp_path)
    arrival = replace(callback(), body=b'{"id":"job.two"}', headers=[("X-Task-Id", "job.two")])
    journal.arrived(arrival)
    await journal.exchanged(accepted("image", "job.one"))
    await journal.checkpoint()
    text = "".join(path.read_text() for path in tmp_path.rglob("*.json"))
    assert "job." not in text
    assert text.count("00000000-0000-4000-8000-000000000001") == 2


async def test_a_callback_is_written_once(tmp_path: Path) -> None:
    journal = await a_journal(tmp_path)
    journal.arrived(callback())
    for _ in range(2):
        await journal.checkpoint()
    assert [path.name for path in (tmp_path / "transcript").iterdir()] == ["001-image.callback.json"]
    assert json.loads((tmp_path / "report.json").read_text())["state"] == "running"


async def test_closing_writes_everything(tmp_path: Path) -> None:
    journal = await a_journal(tmp_path)
    await journal.close("interrupted")
    assert {path.name for path in tmp_path.iterdir()} == {
        *("README.md", "client.json", "report.json", "samples", "settings.env", "transcript"),
    }
    assert json.loads((tmp_path / "report.json").read_text())["state"] == journal.state == "interrupted"
