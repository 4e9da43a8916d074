"""``aivideo generate`` and ``aivideo wait``: one task made and fetched, and tasks awaited that are there already."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from aivideo_async.cli.exits import Exit, code_of, first_bad
from aivideo_async.cli.output import Board, Screen, facts_of
from aivideo_async.cli.session import CALLBACK_URL, opened
from aivideo_async.cli.shown import Target, lasting_id, save, task_object
from aivideo_async.client import Client
from aivideo_async.core import lifecycle
from aivideo_async.core.errors import AIVideoError, InvalidRequestError, TaskFailedError
from aivideo_async.core.models import GenerationRequest, TaskRecord
from aivideo_async.settings import BaseUrl
from aivideo_async.supervise import together
from aivideo_async.task import GenerationTask


async def generate(
    screen: Screen, request: GenerationRequest, *, target: Target | None, key: str | None = None
) -> Exit:
    """Submit, await, and download into ``target``; without one only submit. Raises what the client raises.

    Cancelling it while it waits leaves the task alive, and says how to find it again.
    """
    async with opened(screen, waiting=target is not None) as client:
        with screen.board() as board:
            board.set(request.model, "submitting")
            task = await client.submit(request, key=key)
            id = lasting_id(client, task.record)
            board.set(request.model, f"accepted as {id}", ended=target is None)
            if target is not None:
                files = await _fetched(screen, board, client, task, target)
                results = [str(file) for file in files]
            else:
                files, results = [], [id]
        for mismatch in task.mismatches:
            screen.say(f"warning: {mismatch}")
        for result in results:
            screen.line(result)
        screen.object(task_object(task.record, files=files))
    return Exit.OK


async def _fetched(screen: Screen, board: Board, client: Client, task: GenerationTask, target: Target) -> list[Path]:
    row = task.record.model or task.id
    try:
        output = await task
        board.set(row, "downloading")
        files = await save(client, output, target)
    except TaskFailedError:
        raise
    except BaseException:  # also a Ctrl-C: what was paid for must be found again
        screen.say(f"the task is still there: aivideo wait {lasting_id(client, task.record)} --out {target.path}")
        raise
    board.set(row, "completed", ended=True)
    return files


async def wait(screen: Screen, ids: Sequence[str], *, target: Target | None, timeout: float | None) -> Exit:
    """Await tasks together, ``timeout`` seconds at most, and download into ``target`` where there is one.

    One that fails does not end the others. Gives the code of the first in the order of ``ids`` that did not succeed.
    Raises InvalidRequestError where several results would go to one file, and what opening a client raises; cancelling
    it leaves the tasks alive.
    """
    if target is not None and not target.folder and len(set(ids)) > 1:
        raise InvalidRequestError(f"one file cannot take several results: {target.path}", hint="name a folder")
    async with opened(screen, waiting=True, submitting=False) as client:
        with screen.board() as board:
            waits = [_wait_for(screen, board, client, id, target, timeout) for id in dict.fromkeys(ids)]
            return first_bad(await together(*waits))


async def _wait_for(
    screen: Screen, board: Board, client: Client, id: str, target: Target | None, timeout: float | None
) -> Exit:
    board.set(id, "waiting")
    record = None
    try:
        task = await client.task(id)
        record = task.record
        await _look_now(client, record)
        try:
            output = await task.wait(timeout=timeout)
        finally:
            record = task.record
        files = [] if target is None else await save(client, output, target)
    except AIVideoError as error:
        board.set(id, f"{type(error).__name__}: {error}", ended=True)
        screen.object({**({"id": id} if record is None else task_object(record)), "error": facts_of(error)})
        return code_of(error)
    board.set(id, "completed", ended=True)
    for result in files or output.urls:
        screen.line(f"{id}  {result}")
    screen.object(task_object(task.record, files=files))
    return Exit.OK


async def _look_now(client: Client, record: TaskRecord) -> None:
    """Have a task asked for at once that no callback resolves here. Raises InvalidRequestError where nobody asks."""
    if record.status in lifecycle.ENDED:
        return
    if record.origin != BaseUrl.parse(None).origin:
        raise InvalidRequestError(
            f"{record.id} is a task of {record.origin}", hint="AIVIDEO_BASE_URL says who is asked"
        )
    if record.service_id is not None and not os.environ.get(CALLBACK_URL):
        await client.store.due(record.id, 0.0)
