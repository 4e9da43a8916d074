from __future__ import annotations

import hashlib
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import anyio.to_thread
import pytest

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox.depot import PREFIX, Depot
from aivideo_async.sandbox.shelf import Content

T = TypeVar("T")


async def aside(work: Callable[[], T]) -> T:
    """Blocking work, as its users do it."""
    return await anyio.to_thread.run_sync(work)


async def keep(depot: Depot, data: bytes) -> Content:
    return await aside(lambda: depot.keep(data))


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


async def test_what_is_kept_is_read_whole_and_in_part() -> None:
    async with Depot().opened() as depot:
        content = await keep(depot, b"0123456789")
        assert content == Content(hashlib.sha256(b"0123456789").hexdigest(), 10)
        assert await depot.read(content) == b"0123456789"
        assert await depot.read(content, 4, 3) == b"456"


async def test_the_temporary_folder_is_made_late_private_and_gone_afterwards(places: Path) -> None:
    async with Depot().opened() as depot:
        assert list(places.iterdir()) == []
        await keep(depot, b"x")
        (folder,) = places.iterdir()
        assert (folder.name.startswith(PREFIX), folder.stat().st_mode & 0o777) == (True, 0o700)
        assert [file.stat().st_mode & 0o777 for file in folder.iterdir()] == [0o600]
    assert list(places.iterdir()) == []


async def test_the_same_content_is_there_once_and_goes_with_the_last_who_holds_it(places: Path) -> None:
    async with Depot().opened() as depot:
        one, other = await keep(depot, b"x"), await keep(depot, b"x")
        assert one == other
        assert len(list(places.glob("*/*"))) == 1
        await aside(lambda: depot.drop([one.name]))
        assert await depot.read(one) == b"x"
        await aside(lambda: depot.drop([one.name, "of nobody"]))
        with pytest.raises(FileNotFoundError):
            await depot.read(one)


async def test_what_is_pinned_is_in_memory_and_stays(places: Path) -> None:
    async with Depot().opened() as depot:
        content = await aside(lambda: depot.pin(b"0123456789"))
        await aside(lambda: depot.drop([content.name]))
        assert await depot.read(content, 8) == b"89"
        assert list(places.iterdir()) == []


async def test_a_folder_of_its_own_has_it_again(tmp_path: Path, places: Path) -> None:
    async with Depot(tmp_path / "files").opened() as depot:
        kept, pinned = await keep(depot, b"kept"), await aside(lambda: depot.pin(b"pinned"))
    async with Depot(tmp_path / "files").opened([kept.name, pinned.name]) as depot:
        assert [await depot.read(kept), await depot.read(pinned)] == [b"kept", b"pinned"]
        await aside(lambda: depot.drop([kept.name]))
    assert [path.name for path in (tmp_path / "files").iterdir()] == [pinned.name]
    assert list(places.iterdir()) == []


async def test_what_a_killed_one_left_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    async with Depot(folder).opened() as depot:
        kept = await keep(depot, b"x")
    for name in ("orphan", f"{kept.name}.part"):
        (folder / name).touch()
    (folder / "deeper").mkdir()
    async with Depot(folder).opened([kept.name]):
        assert {path.name for path in folder.iterdir()} == {kept.name, "deeper"}


async def test_a_file_that_was_taken_away_is_missed_and_can_be_kept_again(places: Path) -> None:
    async with Depot().opened() as depot:
        content = await keep(depot, b"x")
        shutil.rmtree(next(places.iterdir()))
        with pytest.raises(FileNotFoundError):
            await depot.read(content)
        await keep(depot, b"x")
        assert await depot.read(content) == b"x"


async def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with Depot(folder).opened() as depot:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
        try:
            with pytest.raises(OSError, match="File too large"):
                await keep(depot, b"x" * 1000)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert list(folder.iterdir()) == []
        await keep(depot, b"x" * 1000)


async def test_nothing_is_kept_once_it_is_closed(places: Path) -> None:
    async with Depot().opened() as depot:
        content = await keep(depot, b"x")
    with pytest.raises(OSError, match="has ended"):
        await keep(depot, b"y")
    with pytest.raises(FileNotFoundError):
        await depot.read(content)
    assert list(places.iterdir()) == []


async def test_where_there_can_be_no_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="files cannot be kept in"):
        async with Depot(tmp_path / "file").opened():
            raise AssertionError
