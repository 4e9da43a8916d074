"""The callback server: verifies, stores, and only then acknowledges (flow.md §4, webhooks.md §3).

``handle`` is the whole of it; ``routes``, ``asgi`` and ``serve`` are three ways to mount it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from ssl import SSLContext

from aiohttp import web
from pydantic import SecretStr

from aivideo_async import mounting, settings, spans
from aivideo_async.core import lifecycle, webhooks
from aivideo_async.core.any_of import tolerance_of
from aivideo_async.core.errors import (
    APIConnectionError,
    ConfigurationError,
    InvalidResponseError,
    StoreError,
    VerificationFailure,
    WebhookVerificationError,
)
from aivideo_async.core.headers import Headers, declared_length, is_plain_json, raw_headers
from aivideo_async.core.models import HistoryEntry, Reply, TaskEvent, TaskRecord, TaskStatus, WebhookEvent, moment
from aivideo_async.core.replay import ReplayMemory, delivery_name
from aivideo_async.core.schemes import Scheme
from aivideo_async.core.signing import RawHeaders
from aivideo_async.core.tokens import CallbackKeys
from aivideo_async.core.webhooks import BODY_LIMIT, Verifier
from aivideo_async.handlers import Handler, Handlers
from aivideo_async.jwks import key_sources, with_keys
from aivideo_async.lent_store import LentStore
from aivideo_async.own_loop import OwnLoop
from aivideo_async.pictures import Showcase, forget
from aivideo_async.stores.base import Store
from aivideo_async.supervise import finish
from aivideo_async.tally import ReceiverStats, Tally
from aivideo_async.turns import Turns

logger: logging.Logger = logging.getLogger(__name__)


_TEXT = (("Content-Type", "text/plain; charset=utf-8"),)
ACCEPTED = Reply(200, _TEXT, b"ok\n")
MALFORMED = Reply(400, _TEXT, b"malformed\n")
UNSIGNED = Reply(401, _TEXT, b"signature required\n")
UNKNOWN = Reply(404, _TEXT, b"not found\n")
WRONG_METHOD = Reply(405, (*_TEXT, ("Allow", "POST")), b"POST only\n")
TOO_SLOW = Reply(408, (*_TEXT, ("Connection", "close")), b"too slow\n")
TOO_LARGE = Reply(413, (*_TEXT, ("Connection", "close")), b"too large\n")
WRONG_TYPE = Reply(415, _TEXT, b"JSON only, not encoded\n")
BUSY = Reply(503, (*_TEXT, ("Retry-After", "30")), b"try again\n")

_REPLIES: Mapping[VerificationFailure, Reply] = {
    VerificationFailure.BAD_TOKEN: UNKNOWN,
    VerificationFailure.BAD_BODY: MALFORMED,
    VerificationFailure.ID_MISMATCH: MALFORMED,
}
"""Reasons with an answer of their own; every other one is about the signature: 401, one constant body."""


class WebhookReceiver:
    """Receives callbacks for every task of a store.

    ``callback_key`` (AIVIDEO_CALLBACK_KEY, or derived from ``api_key``) checks the tokens in our own callback URLs;
    ``webhook_secret`` (AIVIDEO_WEBHOOK_SECRET) is the sender's: set, a valid signature over the body is required and
    the body is the answer. Unset, a callback is only a hint, and the asker of any client on the store confirms it.
    ``scheme`` is its sender's way to sign (AIVIDEO_WEBHOOK_SCHEME beside a secret of the environment), see
    ``verifier_for``; Standard Webhooks by default.
    Raises ConfigurationError at construction when a key or secret is missing or wrong. An unopened ``store`` is opened
    at the first request and closed by ``aclose``. ``stats`` counts what came.
    """

    body_limit = BODY_LIMIT

    def __init__(
        self,
        store: Store,
        *,
        callback_key: str | bytes | Sequence[str | bytes] | CallbackKeys | None = None,
        api_key: str | SecretStr | None = None,
        webhook_secret: str | Sequence[str] | Verifier | None = None,
        scheme: str | Scheme | None = None,
        base_url: str | None = None,
        clock: Callable[[], float] = time.time,
        ready: Callable[[], bool] | None = None,
        confirmed_by: Handlers | None = None,
    ) -> None:
        self._store = store
        self._keys = settings.callback_keys(callback_key, settings.api_key(api_key))
        self._verifier = settings.verifier(webhook_secret, scheme)
        self._origin = settings.BaseUrl.parse(base_url).origin
        self._clock = clock
        self._ready = ready
        self._lent = LentStore(store, self._keys, clock)
        self._confirmed_here = confirmed_by is not None
        self._handlers = confirmed_by or Handlers()
        self._turns = Turns()
        self._showcase = Showcase(store, self._keys, clock)
        self._replays = ReplayMemory(tolerance_of(self._verifier))
        self._stats = Tally()
        self._address: str | None = None
        self._own_loop = OwnLoop("the receiver", self.aclose)

    @property
    def stats(self) -> ReceiverStats:
        """Counts since the start, as they are now: what came, what was rejected for which reason, how long it took."""
        return self._stats.stats()

    @property
    def address(self) -> str | None:
        """The base of callback URLs while ``serve`` listens: ``http://127.0.0.1:8080/webhooks/aivideo``."""
        return self._address

    def admit(self, method: str, raw_path: str | bytes, headers: RawHeaders) -> Reply | mounting.Accept:
        """What can be refused before the body is read; else what answers once it is there."""
        self._stats["received"] += 1
        if method in ("GET", "HEAD") and self._showcase.admits(raw_path):
            return partial(self._shown, method, raw_path)
        if method != "POST":
            return self._rejected("method", WRONG_METHOD)
        if not is_plain_json(headers):
            return self._rejected("media_type", WRONG_TYPE)
        if declared_length(headers) > BODY_LIMIT:
            return self._rejected("size", TOO_LARGE)
        try:
            id, token = webhooks.split_target(raw_path)
        except WebhookVerificationError as error:
            return self._rejected(error.reason.value, UNKNOWN)
        if not self._keys.check(id, token, now=self._clock()):
            return self._rejected(VerificationFailure.BAD_TOKEN.value, UNKNOWN)
        return partial(self._accept, id, headers)

    async def handle(self, method: str, raw_path: str | bytes, headers: RawHeaders, body: bytes) -> Reply:
        """Answer one callback, whatever bytes came. Never raises for what a stranger sent.

        ``raw_path`` is the request's target as it came, ``headers`` raw pairs in order. 200 means that the store has
        it. Cancelling it does not cancel a ``put`` that has begun. Who mounts it by hand calls ``after(reply)`` once
        the reply is out.
        """
        admitted = self.admit(method, raw_path, headers)
        return admitted if isinstance(admitted, Reply) else await admitted(body)

    async def _accept(self, id: str, headers: RawHeaders, body: bytes) -> Reply:
        began = time.perf_counter()
        if self._ready is not None and not self._ready():
            return self._busy("the client is closed")
        if len(body) > BODY_LIMIT:
            return self._rejected("size", TOO_LARGE)
        verifier, now = self._verifier, self._clock()
        read = partial(webhooks.read_callback, id, headers, body, verifier=verifier, now=now)
        try:
            sources = key_sources(verifier)
            event = await with_keys(sources, read) if sources else read()
        except WebhookVerificationError as error:
            return self._rejected(error.reason.value, _REPLIES.get(error.reason, UNSIGNED))
        except (APIConnectionError, InvalidResponseError) as error:
            return self._busy(f"the sender's keys cannot be had: {error}")
        delivery = _delivery_name(event)
        if delivery is not None and self._replays.holds(delivery, now=now):
            self._stats["duplicates"] += 1
            return ACCEPTED
        try:
            end_turn = await self._turns.take()
        except TimeoutError:
            return self._busy("overload")
        try:
            reply = await finish(self._stored(event, began))
        except StoreError as error:
            return self._busy(f"the store is down: {error}")
        finally:
            end_turn()
        if delivery is not None and reply.status == ACCEPTED.status:  # a 503 must not burn the delivery's id
            self._replays.add(delivery, now=self._clock())
        return reply

    async def _shown(self, method: str, raw_path: str | bytes, _body: bytes) -> Reply:
        """A local picture of a task, for the service to fetch."""
        if self._ready is not None and not self._ready():
            return self._busy("the client is closed")
        try:
            await self._lent.open()
        except StoreError as error:
            return self._busy(f"the store is down: {error}")
        self._stats["pictures"] += 1
        return await self._showcase.reply(method, raw_path)

    async def _stored(self, event: WebhookEvent, began: float) -> Reply:
        await self._lent.open()
        believed = event.signed and event.report.remark is None
        put = await self._store.put(self._report(event) if believed else self._hint(event))
        record = put.record
        if record.id != event.task_id or record.service_id not in (None, event.report.service_id):
            logger.warning(
                "a callback for %s names %s, which is another task's", event.task_id, event.report.service_id
            )
            return self._rejected(VerificationFailure.ID_MISMATCH.value, MALFORMED)
        if record.created_at is None:
            await self._store.put(self._made_anew(event))
        seconds = time.perf_counter() - began
        self._stats.stored(seconds, event.key_index)
        if spans.current is not None:
            spans.current.received(record, believed=believed, seconds=seconds)
        if not believed:
            self._stats["hints"] += 1
            return ACCEPTED
        for oddity in lifecycle.oddities(record, event.report, first=put.won):
            logger.warning("%s: %s", record.id, oddity)
        if not put.won:
            return ACCEPTED
        await forget(self._store, record)
        return replace(ACCEPTED, event=TaskEvent(record))

    def replace_secrets(self, webhook_secret: str | Sequence[str] | Verifier) -> None:
        """Believe callbacks under these secrets of the same scheme from the next one on, or under another verifier.

        It is all of them or, when ConfigurationError is raised, the old ones: for a wrong secret, where callbacks are
        unsigned, and where the signature would begin or cease to cover the body.
        """
        renewed = settings.renewed(self._verifier, webhook_secret)
        self._replays.widen(tolerance_of(renewed))
        self._verifier = renewed

    def on(self, name: str) -> Callable[[Handler], Handler]:
        """Register a handler: ``@receiver.on("task.completed")`` above ``async def handler(event)``.

        It runs in the process whose ``put`` won, after the reply; an error in it is logged and touches nothing else.
        Raises ConfigurationError where it could never run: callbacks are unsigned here and no client confirms them.
        """
        if not (self._confirmed_here or (self._verifier is not None and self._verifier.authenticates_body)):
            raise ConfigurationError(
                "only hints arrive here: callbacks are unsigned, and without a client nothing confirms them",
                hint='use client.events(group="…") in the process that has the API key',
            )

        def register(handler: Handler) -> Handler:
            self._handlers.add(name, handler)
            return handler

        return register

    async def after(self, reply: Reply) -> None:
        """Run the handlers of what a reply acknowledged, once its last byte has left. Never raises for their errors."""
        if reply.event is not None:
            await self._handlers.run(reply.event)
        elif reply is UNKNOWN and (self._ready is None or self._ready()):
            await self._lent.suspect_keys()

    def _report(self, event: WebhookEvent) -> TaskRecord:
        return lifecycle.record_of(event.report, id=event.task_id, origin=self._origin, now=moment(self._clock()))

    def _hint(self, event: WebhookEvent) -> TaskRecord:
        now = moment(self._clock())
        return TaskRecord(
            id=event.task_id,
            origin=self._origin,
            hinted_id=event.report.service_id,
            hinted_at=now,
            next_check=now,
            history=(HistoryEntry(now, "hinted", event.report.status.value),),
        )

    def _made_anew(self, event: WebhookEvent) -> TaskRecord:
        """The record of a task that only its callback still knows: the store was lost, the token is right."""
        now = moment(self._clock())
        logger.warning("%s was not in the store; its callback made it anew", event.task_id)
        return TaskRecord(
            id=event.task_id,
            origin=self._origin,
            status=TaskStatus.IN_DOUBT,
            created_at=now,
            sent_at=now,
            history=(HistoryEntry(now, "made_anew"),),
        )

    def too_slow(self) -> Reply:
        """The answer when the body does not come in time."""
        return self._rejected("slow", TOO_SLOW)

    def _rejected(self, reason: str, reply: Reply) -> Reply:
        self._stats["rejected"] += 1
        self._stats[f"rejected:{reason}"] += 1
        return reply

    def _busy(self, why: str) -> Reply:
        self._stats["busy"] += 1
        logger.warning("a callback was answered 503: %s", why)
        return BUSY

    async def aclose(self) -> None:
        """Close the store if this receiver opened it. Idempotent."""
        await self._lent.close()

    async def check_fingerprint(self) -> None:
        """Say so when tokens are minted with a key that is not among ours: every callback would get 404."""
        await self._lent.check_fingerprint()

    def handle_sync(self, method: str, raw_path: str | bytes, headers: Headers, body: bytes) -> Reply:
        """``handle`` where no event loop runs: Flask and everything else on WSGI, Lambda. Threads may call it at once.

        ``headers`` are raw pairs, text pairs or a mapping. The store is used in a loop of our own, in a thread that
        begins with the first call and ends with ``close``; handlers run there, after the reply was given. Raises
        ConfigurationError where a loop runs, and in a process that was forked after the first call (a worker of
        gunicorn makes its own receiver).
        """
        reply = self._own_loop.run(self.handle(method, raw_path, raw_headers(headers), body))
        self._own_loop.later(self.after(reply))
        # WSGI leaves the connection to the server.
        return replace(reply, headers=tuple(pair for pair in reply.headers if pair != mounting.CLOSE))

    def close(self) -> None:
        """End what ``handle_sync`` began: waits for its handlers, at most 10 s, and closes the store. Idempotent.

        A process that ends does it by itself.
        """
        self._own_loop.close()

    def routes(self, path: str = settings.DEFAULT_PATH) -> list[web.RouteDef]:
        """Routes for an aiohttp application: ``app.add_routes(receiver.routes("/webhooks/aivideo"))``."""
        return mounting.routes(self, path)

    @property
    def asgi(self) -> mounting.AsgiApp:
        """An ASGI application: ``app.mount("/webhooks/aivideo", receiver.asgi)``; works without lifespan."""
        return mounting.AsgiApp(self)

    @asynccontextmanager
    async def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        path: str = settings.DEFAULT_PATH,
        ssl: SSLContext | None = None,
    ) -> AsyncGenerator[mounting.CallbackServer]:
        """Listen on ``host`` and ``port`` (0: a free one) while the block runs; with ``ssl``, by https only.

        Leaving it stops accepting, finishes what is in hand, and closes. Raises OSError when it cannot listen.
        """
        try:
            async with mounting.listening(self, host, port, path, ssl=ssl) as server:
                self._address = server.url
                await self._lent.look_if_open()
                yield server
        finally:
            self._address = None
            await self.aclose()


def _delivery_name(event: WebhookEvent) -> bytes | None:
    return None if event.delivery_id is None else delivery_name(event.scheme or "", event.task_id, event.delivery_id)
