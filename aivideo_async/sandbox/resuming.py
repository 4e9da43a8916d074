"""Opens the folder of a sandbox's state, goes on with what is in there, and writes down what comes."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import anyio.to_thread

from aivideo_async.sandbox.clock import Clock
from aivideo_async.sandbox.engine import Engine
from aivideo_async.sandbox.keeping import Keeper, Marks, Secrets, restore, secrets_of
from aivideo_async.sandbox.state import StateFolder
from aivideo_async.supervise import finish


class Resumable(Protocol):
    """A sandbox, as far as its state is concerned."""

    @property
    def engine(self) -> Engine:
        """What it knows."""
        ...

    @property
    def clock(self) -> Clock:
        """What it goes by."""
        ...

    def identity(self) -> Secrets:
        """What it needs to go on as itself."""
        ...

    def resume_as(self, found: Secrets) -> None:
        """Be the sandbox that this was."""
        ...


class Resumption:
    """The state of one sandbox in one folder; it is read when the sandbox is entered first, emptied if ``reset``."""

    def __init__(self, path: Path, *, reset: bool = False, seed: int | None = None) -> None:
        self._path, self._reset, self._seed = path, reset, seed
        self._marks: Marks | None = None
        self._starts = 0

    async def begin(self, sandbox: Resumable, stack: AsyncExitStack) -> Keeper:
        """Open the folder until ``stack`` is left, and have the sandbox go on with what is in there.

        Raises ConfigurationError. Cancelling it lets go of the folder.
        """
        folder = StateFolder(self._path)
        stack.callback(folder.close)
        kept = await finish(anyio.to_thread.run_sync(lambda: folder.open(reset=self._reset)))
        self._reset = False
        keeper = Keeper(folder, sandbox.engine, sandbox.clock, self._marks)
        found = secrets_of(kept)
        if found is not None and self._marks is None:
            old, new = found.base_url, sandbox.engine.shelf.base_url
            restore(sandbox.engine, sandbox.clock, kept, old, new)
            keeper.restored(moved=old != new)
            self._marks = keeper.marks
            sandbox.resume_as(found)
            self._starts = found.starts
            if self._seed is not None:
                sandbox.engine.draw.seed(f"{self._seed}:{found.starts}")  # the same ids must not come twice
        self._starts += 1
        await self._keep(keeper, sandbox)
        stack.push_async_callback(self._keep, keeper, sandbox)
        return keeper

    async def _keep(self, keeper: Keeper, sandbox: Resumable) -> None:
        await keeper.keep(replace(sandbox.identity(), starts=self._starts))
        self._marks = keeper.marks
