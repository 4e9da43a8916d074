"""``aivideo demo``: sandbox, receiver and client in one process; all tasks at once, each awaited by its callback."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes

import anyio
import anyio.to_thread

from aivideo_async.cli.exits import Exit, code_of, first_bad
from aivideo_async.cli.extras import require
from aivideo_async.cli.output import Board, Screen
from aivideo_async.cli.report import Outcome, Shot, page_of, report
from aivideo_async.cli.screenplay import Screenplay, name_of
from aivideo_async.cli.session import environment_without
from aivideo_async.client import Client
from aivideo_async.core.errors import AIVideoError
from aivideo_async.core.models import GenerationRequest, Output
from aivideo_async.frames import write_poster
from aivideo_async.sandbox import Profile, Sandbox
from aivideo_async.stores import MemoryStore
from aivideo_async.supervise import together

PAGE = "gallery.html"
PATIENCE = 3600.0
"""Usual seconds, as far as the asker is concerned: however slowly this machine renders, nobody asks meanwhile."""


async def demo(screen: Screen, *, out: Path, profile: Profile = "signed", play: Screenplay | None = None) -> Exit:
    """Play into the folder ``out``, write the gallery beside the files, and report.

    No setting of the environment plays a part. Raises ConfigurationError without the sandbox extra, OSError when
    ``out`` cannot be written. Cancelling it ends everything; files that are whole stay.
    """
    play = play or Screenplay()
    if play.render == "real":
        require("sandbox", ("av", "PIL"))
    folder = anyio.Path(out)
    await folder.mkdir(parents=True, exist_ok=True)
    with environment_without([name for name in os.environ if name.startswith("AIVIDEO_")]):
        outcome = await perform(screen, play, out, profile)
    await (folder / PAGE).write_text(page_of(outcome, datetime.now(UTC)), encoding="utf-8")
    report(screen, outcome, out / PAGE)
    return first_bad(Exit.OK if shot.error is None else code_of(shot.error) for shot in outcome.shots)


async def perform(screen: Screen, play: Screenplay, out: Path, profile: Profile) -> Outcome:
    """Open sandbox, receiver and client, make everything at once, and count. Cancelling it closes all three."""
    async with Sandbox(profile=profile, speed=play.speed, render=play.render) as sandbox:
        sandbox.enqueue(*play.scenarios)
        client = Client(
            sandbox.api_key,
            base_url=sandbox.base_url,
            webhook_secret=sandbox.webhook_secret,
            callback_key=token_bytes(32),
            store=MemoryStore(),
            usual_seconds=dict.fromkeys(play.models, PATIENCE),
        )
        async with client, client.receiver.serve():
            before = await client.credits()
            with screen.board() as board:
                stage = Stage(client, board, out)
                chained, *films = await together(stage.chain(play), *map(stage.films, play.films))
            return Outcome(
                shots=[shot for shots in (chained, *films) for shot in shots],
                requests={"create": sandbox.count("create"), "get_task": sandbox.count("get_task")},
                callbacks={name: client.receiver.stats.get(name, 0) for name in ("received", "verified", "rejected")},
                before=before,
                after=await client.credits(),
            )


class Stage:
    """Where shots are made: a client, a board that shows how far they are, and a folder for the files."""

    def __init__(self, client: Client, board: Board, out: Path) -> None:
        self._client = client
        self._board = board
        self._out = out

    async def films(self, request: GenerationRequest) -> list[Shot]:
        """One shot by itself."""
        shot, _ = await self._shoot(request)
        return [shot]

    async def chain(self, play: Screenplay) -> list[Shot]:
        """The still, and the clip that begins with it; without a still there is nothing to begin with."""
        if play.still is None:
            return []
        still, output = await self._shoot(play.still)
        if output is None:
            return [still]
        moving, _ = await self._shoot(play.motion.model_copy(update={"image_urls": (output.url,)}))
        return [still, replace(moving, first_frame=still.file)]

    async def _shoot(self, request: GenerationRequest) -> tuple[Shot, Output | None]:
        row, shot, clock = name_of(request), Shot(request=request), asyncio.get_running_loop().time
        began = clock()
        try:
            task = await self._client.submit(request)
            self._board.set(row, "waiting for its callback")
            try:
                output = await task
            finally:
                shot = replace(shot, record=task.record)
            files = await self._client.download_all(output, self._out)
        except AIVideoError as error:
            self._board.set(row, f"no result: {error}", ended=True)
            return replace(shot, error=error, took=clock() - began), None
        self._board.set(row, "done", ended=True)
        poster = await _poster(files[0].path) if request.kind == "video" else None
        return replace(shot, file=files[0].path, poster=poster, took=clock() - began), output


async def _poster(clip: Path) -> Path | None:
    """A picture beside a clip for the gallery, which loads no clip before it is played."""
    poster = clip.with_suffix(".jpg")
    try:
        await anyio.to_thread.run_sync(write_poster, clip, poster)
    except AIVideoError:
        return None
    return poster
