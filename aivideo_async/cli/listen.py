"""``aivideo listen``: a receiver over the commands' store that prints what it believes, and passes it on.

A callback is stored and answered first. Only then it is printed, saved and forwarded: an application that is down
costs nothing but its own copy, which ``aivideo webhook replay`` sends again. A 503 instead would spend one of the
sender's three attempts on the state of a laptop's application, while the event is safe already.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from json import dumps
from pathlib import Path
from secrets import token_hex
from typing import NoReturn
from urllib.parse import urlsplit

import anyio.to_thread
from pydantic import JsonValue

from aivideo_async import mounting, settings
from aivideo_async.cli.captured import Captured, filled, to_object
from aivideo_async.cli.output import Screen
from aivideo_async.cli.reasons import in_words
from aivideo_async.cli.store import opened_store
from aivideo_async.core.errors import AIVideoError, ConfigurationError
from aivideo_async.core.models import Reply, TaskReport
from aivideo_async.core.signing import RawHeaders
from aivideo_async.core.strict_json import parse_body
from aivideo_async.core.webhooks import BODY_LIMIT, split_target
from aivideo_async.core.wire import read_task
from aivideo_async.posting import Poster
from aivideo_async.receiver import WebhookReceiver

CALLBACK_URL = "AIVIDEO_CALLBACK_URL"
AT_ONCE = 16
"""So many callbacks are passed on at once."""
ANSWER_WITHIN = 10.0
TELL_EVERY = 1.0
"""Rejections are told at most once in so many seconds, however many strangers there are."""

_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*/?")


@dataclass(frozen=True, slots=True)
class Passed(Reply):
    """The receiver's reply, and the request that earned it."""

    captured: Captured | None = field(default=None, repr=False, compare=False)
    own: Reply | None = field(default=None, repr=False, compare=False)


class Tap:
    """A receiver's Endpoint with a window in it: tells what was believed and what was refused, and changes neither."""

    body_limit = BODY_LIMIT

    def __init__(self, receiver: WebhookReceiver, passing_on: PassingOn, refusals: Refusals) -> None:
        self._receiver = receiver
        self._passing_on = passing_on
        self._refusals = refusals

    def admit(self, method: str, raw_path: str | bytes, headers: RawHeaders) -> Reply | mounting.Accept:
        """As the receiver."""
        admitted = self._receiver.admit(method, raw_path, headers)
        if isinstance(admitted, Reply):
            return self._told(admitted)
        return admitted if method != "POST" else partial(self._accept, admitted, raw_path, headers)

    async def _accept(self, accept: mounting.Accept, raw_path: str | bytes, headers: RawHeaders, body: bytes) -> Reply:
        reply = await accept(body)
        if reply.status != 200:
            return self._told(reply)
        path = raw_path.decode("latin-1") if isinstance(raw_path, bytes) else raw_path
        captured = Captured(path=path, headers=list(headers), body=body, received_at=time.time())
        return Passed(reply.status, reply.headers, reply.body, reply.event, captured, reply)

    def too_slow(self) -> Reply:
        """As the receiver."""
        return self._told(self._receiver.too_slow())

    async def after(self, reply: Reply) -> None:
        """As the receiver; then what it acknowledged is passed on."""
        if not isinstance(reply, Passed) or reply.own is None or reply.captured is None:
            await self._receiver.after(reply)
            return
        await self._receiver.after(reply.own)
        await self._passing_on.take(reply.captured, first=reply.event is not None)

    def _told(self, reply: Reply) -> Reply:
        self._refusals.tell()
        return reply


class Refusals:
    """Tells on a screen for which reasons requests were refused, once a second and not once per stranger."""

    def __init__(self, screen: Screen, receiver: WebhookReceiver, clock: Callable[[], float] = time.monotonic) -> None:
        self._screen = screen
        self._receiver = receiver
        self._clock = clock
        self._again_at = float("-inf")
        self._told: dict[str, int] = {}

    def tell(self) -> None:
        """A request was refused."""
        if self._clock() >= self._again_at:
            self._again_at = self._clock() + TELL_EVERY
            self.tell_all()

    def tell_all(self) -> None:
        """Say what has come since it was last said."""
        for reason, count in self._receiver.stats.rejections.items():
            if count > self._told.get(reason, 0):
                self._told[reason] = count
                self._screen.say(f"rejected ({reason}, {count} so far): {in_words(reason)}", style="yellow")


class PassingOn:
    """What becomes of a callback that was believed: printed, saved, forwarded, each if wanted.

    ``signed`` says whether bodies are authenticated here. Nothing in here raises.
    """

    def __init__(
        self, screen: Screen, poster: Poster, *, signed: bool, forward: str | None = None, save: Path | None = None
    ) -> None:
        self._screen = screen
        self._poster = poster
        self._signed = signed
        self._forward = forward
        self._save = save
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def take(self, captured: Captured, *, first: bool) -> None:
        """Pass a callback on; ``first``: it was the first to bring its task's ending."""
        id, report = split_target(captured.path)[0], read_task(parse_body(captured.body))
        believed = self._signed and report.remark is None
        self._screen.line(_line(id, report, believed=believed, first=first))
        self._screen.object(_object(id, report, believed=believed, first=first))
        async with self._turns:
            saved = await self._saved(captured, id)
            await self._forwarded(captured, id, saved)

    async def _saved(self, captured: Captured, id: str) -> Path | None:
        if self._save is None or captured.received_at is None:
            return None
        path = self._save / f"{captured.received_at:.3f}-{id}-{token_hex(2)}.json"
        try:
            await anyio.to_thread.run_sync(partial(_write, path, dumps(to_object(captured))))
        except OSError as error:
            self._screen.say(f"{id} is not saved: {error.strerror}")
            return None
        return path

    async def _forwarded(self, captured: Captured, id: str, saved: Path | None) -> None:
        if self._forward is None:
            return
        try:
            answer = await self._poster.send(filled(self._forward, captured), captured.headers, captured.body)
        except AIVideoError as error:
            again = "" if saved is None else f"; aivideo webhook replay {saved} sends it again"
            self._screen.say(f"{id} is not forwarded: {error.message}. It is stored{again}", style="yellow")
            self._screen.object({"forwarded": id, "status": None, "error": error.message})
            return
        text = answer.body.decode("utf-8", "replace")[:200]
        self._screen.line(f"  {id} forwarded: {answer.status} after {answer.seconds * 1000:.0f} ms {text}".rstrip())
        self._screen.object({"forwarded": id, "status": answer.status, "seconds": answer.seconds, "body": text})


async def listen(
    screen: Screen,
    *,
    port: int,
    host: str = "127.0.0.1",
    path: str | None = None,
    forward: str | None = None,
    save: Path | None = None,
) -> NoReturn:
    """Receive callbacks until cancelled, which is its ordinary end; what is in hand is finished.

    ``path`` is that of AIVIDEO_CALLBACK_URL unless it is given. ``forward`` may hold ``{id}`` and ``{token}``.
    Raises OSError when it cannot listen or ``save`` cannot be made, ConfigurationError, StoreError.
    """
    path = _path(path)
    if save is not None:
        await anyio.Path(save).mkdir(mode=0o700, parents=True, exist_ok=True)
    verifier = settings.verifier(None)
    signed = verifier is not None and verifier.authenticates_body
    async with AsyncExitStack() as stack:
        receiver = WebhookReceiver(await stack.enter_async_context(opened_store()), webhook_secret=verifier)
        await receiver.check_fingerprint()
        poster = await stack.enter_async_context(Poster(within=ANSWER_WITHIN))
        refusals = Refusals(screen, receiver)
        stack.callback(_summary, screen, receiver, refusals)
        passing_on = PassingOn(screen, poster, signed=signed, forward=forward, save=save)
        server = await stack.enter_async_context(
            mounting.listening(Tap(receiver, passing_on, refusals), host, port, path)
        )
        how = "are believed by their signature" if signed else "are hints: AIVIDEO_WEBHOOK_SECRET is not set"
        screen.object({"listening": server.url, "signed": signed})
        screen.say(f"listening on {server.url}; callbacks {how}; Ctrl-C ends it")
        while True:
            await asyncio.Event().wait()


def _summary(screen: Screen, receiver: WebhookReceiver, refusals: Refusals) -> None:
    refusals.tell_all()
    stats = receiver.stats
    counted = (f"{stats.get(name, 0)} {name}" for name in ("received", "verified", "duplicates", "hints", "rejected"))
    screen.say(", ".join(counted))


def _path(given: str | None) -> str:
    own = urlsplit(os.environ.get(CALLBACK_URL, "")).path if given is None else given
    path = own.rstrip("/") or settings.DEFAULT_PATH
    if _PATH.fullmatch(path) is None:
        raise ConfigurationError("a path to listen on begins with / and has letters, digits and . _ ~ - between them")
    return path


def _line(id: str, report: TaskReport, *, believed: bool, first: bool) -> str:
    told = f"{datetime.now():%H:%M:%S} task.{report.status.value} {id} ({report.service_id})"  # noqa: DTZ005 - their clock
    if report.model:
        told += f" {report.model}"
    if report.failure is not None:
        told += f": {report.failure.code or 'failed'}: {report.failure.message}"
    elif report.urls:
        told += f", {len(report.urls)} file{'s' if len(report.urls) > 1 else ''}"
    if not believed:
        return f"{told} [a hint, to be confirmed]"
    return told if first else f"{told} [known already]"


def _object(id: str, report: TaskReport, *, believed: bool, first: bool) -> dict[str, JsonValue]:
    failure = report.failure
    return {
        "event": f"task.{report.status.value}",
        "id": id,
        "service_id": report.service_id,
        "model": report.model,
        "believed": believed,
        "first": first,
        "urls": list(report.urls),
        "error": None if failure is None else {"code": failure.code, "message": failure.message},
    }


def _write(path: Path, text: str) -> None:
    """Make a file that only its owner reads: the path of a callback is a capability."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
