"""Makes the files of a task: really rendered in a worker thread, or small ones that are always the same.

Only this module decides whether the ``sandbox`` extra is needed; without it, nothing but ``render="real"`` fails. The
files in ``cached/`` are real too, only small: ``sandbox.film.write_cached(folder)`` made them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from importlib import resources
from typing import Literal

import anyio
import anyio.to_thread

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.core.models import Kind
from aivideo_async.sandbox.depot import Depot
from aivideo_async.sandbox.plan import Made, MediaPlan, Work
from aivideo_async.sandbox.shelf import Content

Render = Literal["real", "cached"]
Renderer = Callable[[MediaPlan, str, Sequence[bytes]], Work[bytes]]
CLIP_WORKERS = 2
QUICK_WORKERS = 1
"""For images and songs, which would otherwise wait behind clips for longer than they should take."""
CACHED = {"mp4": "clip.mp4", "png": "still.png", "jpg": "still.jpg", "mp3": "song.mp3"}
CACHED_SONG_SECONDS = 1.0


class Studio:
    """Makes files, two clips at a time, never on the loop, and has the depot keep them."""

    def __init__(self, render: Render, depot: Depot) -> None:
        self._render: Render = render
        self._depot = depot
        self._limiters: dict[Kind, anyio.CapacityLimiter] = {}
        self._cached: dict[str, Content] = {}

    async def open(self) -> None:
        """Load what is needed. Raises ConfigurationError when real rendering is wanted and the extra is missing, and
        OSError where cached files cannot be kept.
        """
        clips, quick = anyio.CapacityLimiter(CLIP_WORKERS), anyio.CapacityLimiter(QUICK_WORKERS)
        self._limiters = {"video": clips, "image": quick, "music": quick}
        await anyio.to_thread.run_sync(self._load)

    def cached(self, plan: MediaPlan) -> Work[Content] | None:
        """The files of a plan where nothing is rendered, at once; ``None`` where they have to be made."""
        if self._render == "real":
            return None
        file = Made(plan.suffix, self._cached[plan.suffix], plan.title or "Untitled", CACHED_SONG_SECONDS)
        last_frame = Made("png", self._cached["png"]) if plan.last_frame else None
        cover = Made("jpg", self._cached["jpg"])
        if plan.kind == "music":
            return Work((file, file), "1:1", covers=(cover, cover))
        return Work((file,), plan.ratio or "16:9", last_frame=last_frame)

    async def make(self, plan: MediaPlan, task_id: str, read: Callable[[str], Awaitable[bytes]]) -> Work[Content]:
        """Render and keep a plan's files; ``read`` fetches the pictures it begins and ends with.

        Raises UnreadablePictureError for a picture that is none, OSError where there is no room. Cancelling it abandons
        the rendering: the thread ends by itself and its files are dropped.
        """
        if not self._limiters:
            raise RuntimeError("the studio is not open")
        pictures = [await read(url) for url in (plan.first, plan.last) if url is not None]
        return await anyio.to_thread.run_sync(
            self._kept, plan, task_id, pictures, limiter=self._limiters[plan.kind], abandon_on_cancel=True
        )

    def _kept(self, plan: MediaPlan, task_id: str, pictures: Sequence[bytes]) -> Work[Content]:
        return _renderer()(plan, task_id, pictures).kept(self._depot.keep)

    def _load(self) -> None:
        if self._render == "real":
            _renderer()
            return
        folder = resources.files("aivideo_async.sandbox") / "cached"
        self._cached = {suffix: self._depot.pin((folder / name).read_bytes()) for suffix, name in CACHED.items()}


def _renderer() -> Renderer:
    try:
        from aivideo_async.sandbox.film import render
    except ImportError as error:
        message = f"the sandbox cannot render without {error.name}"
        hint = "install the extra: pip install 'aivideo-async[sandbox]', or use render=\"cached\""
        raise ConfigurationError(message, hint=hint) from error
    return render
