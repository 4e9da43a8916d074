"""The folder that a probe writes into: new or empty, and never holding half a file."""

from __future__ import annotations

from pathlib import Path

import anyio.to_thread
from pydantic import JsonValue

from aivideo_async.core.errors import InvalidRequestError
from aivideo_async.part_file import PartFile
from aivideo_async.probe.report import README, pretty


class Folder:
    """Where everything goes. Its methods write in threads and raise OSError; cancelling one waits for its file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries = 0

    @classmethod
    def ready(cls, path: Path) -> Folder:
        """Make the folder, for its owner only. Blocks. Raises InvalidRequestError when something is in it."""
        check_new(path)
        for folder in (path, path / "samples", path / "transcript"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        whole(path / "README.md", README.encode())
        return cls(path)

    async def write(self, name: str, data: bytes) -> None:
        """One file, in place of the one of that name."""
        await anyio.to_thread.run_sync(whole, self.path / name, data)

    async def write_json(self, name: str, value: JsonValue) -> None:
        """One file of JSON."""
        await self.write(name, pretty(value))

    async def note(self, label: str, value: JsonValue) -> None:
        """The next entry of the transcript."""
        self._entries += 1
        await self.write_json(f"transcript/{self._entries:03d}-{label}.json", value)


def check_new(path: Path) -> None:
    """Raise InvalidRequestError unless nothing is at ``path``, or an empty folder. Blocks."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InvalidRequestError(f"{path} is not empty", hint="name a new folder for --record")


def whole(target: Path, data: bytes) -> None:
    """Write a file so that under its name there is all of it or what was there before. Blocks. Raises OSError."""
    part = PartFile(target)
    try:
        part.open()
        part.write(data)
        part.sync()
        part.commit()
    finally:
        part.discard()
