from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from aivideo_async.core.errors import InvalidRequestError
from aivideo_async.probe.folder import Folder, check_new, whole


async def test_entries_of_the_transcript_are_numbered(tmp_path: Path) -> None:
    folder = await asyncio.to_thread(Folder.ready, tmp_path / "new" / "record")
    await folder.note("image.create", {"a": 1})
    await folder.note("image.task", None)
    assert sorted(path.name for path in (folder.path / "transcript").iterdir()) == [
        "001-image.create.json",
        "002-image.task.json",
    ]
    assert json.loads((folder.path / "transcript/001-image.create.json").read_text()) == {"a": 1}
    assert folder.path.stat().st_mode & 0o777 == 0o700


async def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = await asyncio.to_thread(Folder.ready, tmp_path)
    for text in (b"long ago", b"now"):
        await folder.write("x", text)
        assert (tmp_path / "x").read_bytes() == text
    assert not list(tmp_path.rglob("*.part"))


def test_only_what_is_new_or_empty_is_taken(tmp_path: Path) -> None:
    check_new(tmp_path)
    check_new(tmp_path / "new")
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(InvalidRequestError, match="not empty"):
            check_new(path)


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(OSError, match="x"):
        whole(tmp_path / "x", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
