"""Has the files of tasks made and kept, and those removed that nobody can ask for any more."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import anyio.to_thread

from aivideo_async.sandbox.delivery import FetchError
from aivideo_async.sandbox.depot import Depot
from aivideo_async.sandbox.engine import Engine
from aivideo_async.sandbox.keeping import Keeper
from aivideo_async.sandbox.media import Studio
from aivideo_async.sandbox.plan import UnreadablePictureError
from aivideo_async.sandbox.records import SandboxTask
from aivideo_async.sandbox.results import Result
from aivideo_async.sandbox.shelf import ShelfError, no_such_key

logger: logging.Logger = logging.getLogger(__name__)


class Maker:
    """Hands in to the engine what the studio makes; ``fetch`` gives the bytes behind somebody else's URL."""

    def __init__(
        self, engine: Engine, *, studio: Studio, depot: Depot, fetch: Callable[[str], Awaitable[bytes]],
        clock: Callable[[], float], keeper: Keeper | None = None,
    ) -> None:  # fmt: skip
        self._engine, self._studio, self._depot, self._fetch = engine, studio, depot, fetch
        self._clock, self._keeper = clock, keeper

    def at_once(self, task: SandboxTask) -> bool:
        """Hand in what needs no making; whether that is all there is to do."""
        if task.course.failure is not None:
            return True
        work = self._studio.cached(task.plan)
        if work is not None:
            self._engine.finish(task.id, work, self._clock())
        return work is not None

    async def make(self, task: SandboxTask) -> None:
        """Make a task's files and hand them in, or why there are none. Cancelling it hands nothing in."""
        self._engine.finish(task.id, await self._made(task), self._clock())

    async def _made(self, task: SandboxTask) -> Result:
        try:
            return await self._studio.make(task.plan, task.id, self._read)
        except (UnreadablePictureError, FetchError, ShelfError) as error:
            return "upstream_error", f"An input image cannot be used: {error}."
        except OSError as error:
            why = error.strerror or type(error).__name__
            logger.error("the files of task %s cannot be kept: %s", task.id, why)  # noqa: TRY400 - a full disk needs no trace
            return "internal_error", "The result could not be kept."
        except Exception:
            logger.exception("rendering task %s failed", task.id)
            return "internal_error", "The result could not be rendered."

    async def _read(self, url: str) -> bytes:
        """An input picture: our own files are read, all others fetched."""
        own = self._engine.shelf.behind(url, self._clock())
        if own is None:
            return await self._fetch(url)
        try:
            return await self._depot.read(own)
        except FileNotFoundError:
            raise no_such_key() from None

    async def tidy(self) -> None:
        """Have the depot remove what was dropped, once nothing that is written down names it."""
        shelf = self._engine.shelf
        names, shelf.dropped = shelf.dropped, []
        if self._keeper is not None:
            await self._keeper.keep()
        await anyio.to_thread.run_sync(self._depot.drop, names)
