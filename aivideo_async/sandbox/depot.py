"""Where the bytes of result files are: a folder, each content once, by its SHA-256. Read when they are asked for.

Without a folder of its own it has a private temporary one, made with the first file and gone when it is closed. What
is pinned is in memory too. Whatever blocks may be called from any thread, and says so.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Self

import anyio.to_thread

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox.shelf import Content
from aivideo_async.supervise import finish

PREFIX = "aivideo-sandbox-"
UNFINISHED = ".part"


class Depot:
    """Every content is held as often as it was kept, and removed when it was dropped as often."""

    def __init__(self, folder: Path | None = None) -> None:
        self._own = folder
        self._folder: Path | None = None
        self._lock = Lock()
        self._held: Counter[str] = Counter()
        self._pinned: dict[str, bytes] = {}
        self._open = False

    @asynccontextmanager
    async def opened(self, held: Iterable[str] = ()) -> AsyncGenerator[Self]:
        """Have files kept and read while the block runs; those of an earlier run that are not ``held`` are removed.

        Raises ConfigurationError where there can be no folder.
        """
        self._held = Counter(held)
        try:
            await finish(anyio.to_thread.run_sync(self._take_up))
            yield self
        finally:
            await finish(anyio.to_thread.run_sync(self._close))

    def keep(self, data: bytes) -> Content:
        """Keep these bytes, unless they are there already, and hold them. Blocks. Raises OSError."""
        content = Content(hashlib.sha256(data).hexdigest(), len(data))
        with self._lock:
            self._write(content.name, data)
            self._held[content.name] += 1
        return content

    def pin(self, data: bytes) -> Content:
        """Have these bytes at hand until it is closed; a folder of its own has them too. Blocks. Raises OSError."""
        content = Content(hashlib.sha256(data).hexdigest(), len(data))
        with self._lock:
            self._pinned[content.name] = data
            if self._own is not None:
                self._write(content.name, data)
        return content

    def drop(self, names: Iterable[str]) -> None:
        """Hold each of these once less; what nobody holds any more is removed, but for what is pinned. Blocks."""
        with self._lock:
            for name in names:
                self._held[name] -= 1
                if self._held[name] <= 0:
                    del self._held[name]
                    if self._folder is not None and name not in self._pinned:
                        (self._folder / name).unlink(missing_ok=True)

    async def read(self, content: Content, first: int = 0, most: int | None = None) -> bytes:
        """Up to ``most`` bytes from the ``first`` on, fewer where somebody cut the file short.

        Raises FileNotFoundError where it was taken away, OSError. Cancelling it changes nothing.
        """
        size = content.size - first if most is None else most
        pinned = self._pinned.get(content.name)
        if pinned is not None:
            return pinned[first : first + size]
        return await anyio.to_thread.run_sync(self._read, content.name, first, size)

    def _read(self, name: str, first: int, size: int) -> bytes:
        if self._folder is None:
            raise FileNotFoundError(name)
        with (self._folder / name).open("rb") as file:
            file.seek(first)
            return file.read(size)

    def _write(self, name: str, data: bytes) -> None:
        """Have a whole file or none: whoever is killed while writing leaves one that the next start removes."""
        if not self._open:
            raise OSError("the sandbox has ended")
        if self._folder is None or not self._folder.is_dir():
            self._folder = self._made()
        if (self._folder / name).exists():
            return
        unfinished = self._folder / f"{name}{UNFINISHED}"
        try:
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(data)
            unfinished.replace(self._folder / name)
        except OSError:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise

    def _made(self) -> Path:
        if self._own is None:
            return Path(tempfile.mkdtemp(prefix=PREFIX))
        self._own.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._own

    def _take_up(self) -> None:
        with self._lock:
            self._open = True
            if self._own is None:
                return
            try:
                self._folder = self._made()
                for path in self._folder.iterdir():
                    if path.name not in self._held and path.is_file():
                        path.unlink()
            except OSError as error:
                why = error.strerror or str(error)
                raise ConfigurationError(f"files cannot be kept in {self._own}: {why}") from error

    def _close(self) -> None:
        with self._lock:
            folder, self._folder, self._open = self._folder, None, False
            self._pinned.clear()
            if folder is not None and self._own is None:
                shutil.rmtree(folder, ignore_errors=True)
