"""Running a command: one event loop, one client by the environment's settings, errors turned into exit codes."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import NoReturn

import typer

from aivideo_async.cli.exits import Exit, code_of
from aivideo_async.cli.output import Screen
from aivideo_async.cli.store import STORE, named, opened_store
from aivideo_async.client import Client
from aivideo_async.core.errors import AIVideoError
from aivideo_async.settings import BaseUrl

logger: logging.Logger = logging.getLogger(__name__)

CALLBACK_URL = "AIVIDEO_CALLBACK_URL"


class TerminatedError(Exception):
    """SIGTERM came."""


def run(
    screen: Screen, work: Callable[[], Coroutine[object, object, Exit] | Exit], *, interrupted: Exit = Exit.INTERRUPTED
) -> NoReturn:
    """Run ``work()`` to its end and leave with its exit code, or with the code of its error, which is told first.

    ``interrupted`` is the code for Ctrl-C; where that is an ordinary end, SIGTERM is one too, and else it has its own.
    """
    with screen.logging():
        try:
            begun = work()
            code = begun if isinstance(begun, Exit) else asyncio.run(_until_terminated(begun))
        except KeyboardInterrupt:
            code = _ended_from_outside(screen, "KeyboardInterrupt", "interrupted", interrupted)
        except TerminatedError:
            ordinary = interrupted is Exit.OK
            code = _ended_from_outside(screen, "SIGTERM", "terminated", Exit.OK if ordinary else Exit.TERMINATED)
        except BrokenPipeError:
            raise  # whoever read our output has gone; click ends quietly
        except Exception as error:
            if not isinstance(error, (AIVideoError, OSError)):
                logger.debug("where it comes from", exc_info=error)
            screen.error(error)
            code = code_of(error)
    raise typer.Exit(int(code))


async def _until_terminated(work: Coroutine[object, object, Exit]) -> Exit:
    """Have SIGTERM end ``work`` as Ctrl-C does: it is cancelled and cleans up. Raises TerminatedError then."""
    loop, task, came = asyncio.get_running_loop(), asyncio.current_task(), False

    def terminate() -> None:
        nonlocal came
        if task is not None and not came:  # who asks twice still has the cleaning up done once
            came = True
            task.cancel()

    with suppress(ValueError, RuntimeError, NotImplementedError):  # no main thread, or a loop without signals
        loop.add_signal_handler(signal.SIGTERM, terminate)
    try:
        return await work
    except asyncio.CancelledError:
        if came:
            raise TerminatedError from None
        raise
    finally:
        with suppress(ValueError, RuntimeError, NotImplementedError):
            loop.remove_signal_handler(signal.SIGTERM)


def _ended_from_outside(screen: Screen, kind: str, how: str, code: Exit) -> Exit:
    if code is not Exit.OK:
        screen.object({"error": {"type": kind, "message": how, "hint": None}})
    screen.say(how)
    return code


@contextmanager
def environment_without(names: Iterable[str]) -> Generator[None]:
    """Take variables out of this process's environment while the block runs."""
    taken = {name: value for name in names if (value := os.environ.pop(name, None)) is not None}
    try:
        yield
    finally:
        os.environ.update(taken)


@asynccontextmanager
async def opened(screen: Screen, *, waiting: bool, submitting: bool = True) -> AsyncGenerator[Client]:
    """A client by the environment's settings, over the commands' store.

    When it is to wait, callbacks must come to where it waits. For what it submits itself to a service on loopback it
    serves a receiver of its own. Callbacks to AIVIDEO_CALLBACK_URL are received elsewhere, and are seen here only over
    a store that both were told of; else that setting is left aside and waiting polls adaptively.
    """
    async with opened_store() as store:
        shared = store.durable and named() is not None
        deaf = waiting and not shared and bool(os.environ.get(CALLBACK_URL))
        if deaf:
            screen.say(f"{CALLBACK_URL} is left aside: without a shared {STORE}, callbacks would not be seen here")
        with environment_without((CALLBACK_URL,) if deaf else ()):
            async with Client(store=store) as client:
                if waiting and submitting and not os.environ.get(CALLBACK_URL) and BaseUrl.parse(None).loopback:
                    async with client.receiver.serve():
                        yield client
                else:
                    yield client
