"""Clips one after the other, each from the last frame of the one before.

Where a model hands its last frame out, that URL goes into the next request; else the clip is downloaded, its last frame
taken, and served like any local picture: by our receiver, or by a hook of yours.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import anyio.to_thread

from aivideo_async.catalog.local import LocalPicture
from aivideo_async.client import Client
from aivideo_async.core.errors import InvalidRequestError
from aivideo_async.core.models import NOTHING, GenerationRequest, Output
from aivideo_async.frames import write_last_frame
from aivideo_async.transfer import temporary_folder

R = TypeVar("R", bound=GenerationRequest)

Publish = Callable[[Path], Awaitable[str]]
"""Makes a picture public, and gives its http(s) URL, which lives until the task that begins with it has ended."""

_SOME_FRAME = "https://example.com/frame.png"
_FROM_FRAMES: Mapping[str, str] = MappingProxyType(
    {"omni_reference": "first_and_last_frames", "TEXT_2_VIDEO": "FIRST_AND_LAST_FRAMES_2_VIDEO"}
)
"""The way of generating in which a model takes its first image as first frame, by the one that it has by itself."""


async def chain(
    client: Client,
    requests: Sequence[GenerationRequest],
    *,
    key: str | None = None,
    labels: Mapping[str, str] = NOTHING,
    publish: Publish | None = None,
) -> AsyncGenerator[Output]:
    """Run the requests in their order and give each result as it ends; ``async for output in chain(client, […])``.

    The last frame of a clip becomes the first image of the next request, before those that it has. Where the model
    gives none, the clip is fetched and its last frame taken (extra ``sandbox``), and ``publish`` makes it public, or
    else the client's receiver. With ``key`` each clip has a key of its own, ``<key>/0`` and so on, so that a chain that
    was broken off goes on where it stopped. All requests are checked before the first is sent. Raises
    InvalidRequestError, what ``Client.run`` raises, DownloadError, ConfigurationError. Leaving it or cancelling it ends
    the wait; the clip that is on its way stays a task, and no further one is created.
    """
    last = len(requests) - 1
    for n, request in enumerate(requests):
        _link(request, n, _SOME_FRAME if n else None, is_last=n == last).check()
    before: Output | None = None
    for n, request in enumerate(requests):
        async with _frame(client, before, publish) as frame:
            link = _link(request, n, frame, is_last=n == last)
            task = await client.submit(link, key=None if key is None else f"{key}/{n}", labels=labels)
        before = await task
        yield before


def _link(request: R, n: int, frame: str | None, *, is_last: bool) -> R:
    """The request as it stands in the chain."""
    news: dict[str, object] = {}
    fields = type(request).model_fields
    if not is_last and "return_last_frame" in fields:
        news["return_last_frame"] = True
    if frame is not None:
        if "image_urls" not in fields:
            raise InvalidRequestError(f"{request.model} takes no first frame, so it cannot be clip {n} of a chain")
        given: tuple[str, ...] = getattr(request, "image_urls", ())
        news["image_urls"] = (frame, *given)
        way = _FROM_FRAMES.get(str(getattr(request, "generation_type", "")))
        if way is not None and not given:
            news["generation_type"] = way
    return request.model_copy(update=news)


@asynccontextmanager
async def _frame(client: Client, before: Output | None, publish: Publish | None) -> AsyncGenerator[str | None]:
    """The last frame of the clip before: a public URL, or a picture of this machine while the block runs."""
    if before is None or before.last_frame_url is not None:
        yield None if before is None else before.last_frame_url
        return
    async with temporary_folder() as folder:
        clip = await client.download(before, folder / "clip")
        picture = folder / "last.png"
        await anyio.to_thread.run_sync(write_last_frame, clip.path, picture)
        yield LocalPicture.at(picture) if publish is None else await publish(picture)
