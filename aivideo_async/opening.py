"""Everything of a client that lives between one opening and its closing, in one loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from aivideo_async import catalog, pictures
from aivideo_async.catalog.local import local_in
from aivideo_async.core import wire
from aivideo_async.core.errors import AIVideoError, ClientClosedError
from aivideo_async.core.models import Output, TaskEvent, TaskRecord, TaskReport
from aivideo_async.core.retry import DEADLINE, RetryPolicy, ask_delay
from aivideo_async.download import PAUSES, DownloadedFile, Downloader, file_name
from aivideo_async.endings import Endings
from aivideo_async.handlers import Handlers
from aivideo_async.lent_store import FINGERPRINT
from aivideo_async.reconcile import Asking, Reconciler
from aivideo_async.saving import Saver, Sink
from aivideo_async.settings import ClientSettings
from aivideo_async.spending import Spending
from aivideo_async.stores import Query, Store
from aivideo_async.submit import Submitter, Submitting
from aivideo_async.supervise import Supervisor
from aivideo_async.transport import AiohttpTransport, PauseGate, Transport, fetch
from aivideo_async.waiters import Waiters

logger: logging.Logger = logging.getLogger(__name__)

T = TypeVar("T")

ONCE_ONLY = RetryPolicy(attempts=1)
CALLBACKS_TAKE = 14 * 60.0
"""Seconds: a callback is tried at once, after 3 and after 10 minutes more (api.md §4)."""


class Opening:
    """The parts of an open client, wired together. ``served_address`` says where its own receiver listens."""

    def __init__(
        self,
        settings: ClientSettings,
        store: Store,
        transport: Transport,
        served_address: Callable[[], str | None],
        handlers: Handlers,
        sink: Sink | None = None,
    ) -> None:
        self.settings = settings
        self.store = store
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self.downloader: Downloader = Downloader(
            loopback=settings.base_url.loopback, pauses=tuple(pause / settings.time_scale for pause in PAUSES)
        )
        self._transport = transport
        self._served_address = served_address
        self._handlers = handlers
        self._sink = sink
        self._savers: dict[Sink, Saver] = {}
        self._gate = PauseGate(clock=self.loop.time)
        self._failure: BaseException | None = None
        self._told_about_polling = False
        self.supervisor: Supervisor = Supervisor("aivideo-client", on_failure=self._failed)
        self.waiters: Waiters = Waiters(store, on_hint=self._hinted, draw=settings.chance.random)
        self.reconciler: Reconciler = Reconciler(
            store,
            lambda service_id: self.fetch_task(service_id, ONCE_ONLY),
            Asking(
                origin=settings.base_url.origin,
                usual=self._usual,
                callback_expected=self.expects_callbacks,
                time_scale=settings.time_scale,
                rate=settings.ask_rate,
            ),
            awaited=self.waiters.awaited,
            on_refused=self.waiters.interrupt,
            on_ended=self._ended,
            clock=settings.clock,
            draw=settings.chance.random,
        )
        self.submitter: Submitter = Submitter(
            store,
            transport,
            self.supervisor,
            Submitting(
                origin=settings.base_url.origin,
                callback_url=self.callback_url,
                first_ask=self._first_ask,
                deadline=DEADLINE / settings.time_scale,
                create_deadline=settings.timeouts.total,
                body_form=settings.body_form,
                max_concurrency=settings.max_concurrency,
            ),
            gate=self._gate,
            policy=settings.retry,
            clock=settings.clock,
            chance=settings.chance,
        )
        self.spending: Spending = Spending(self)

    def require_usable(self) -> None:
        """Raises ClientClosedError in another loop, or after a background task has failed."""
        if asyncio.get_running_loop() is not self.loop:
            raise ClientClosedError("this client is open in another event loop", hint="open one client per loop")
        if self._failure is not None:
            raise ClientClosedError("a background task of this client has failed") from self._failure

    def callback_base(self) -> str | None:
        """The setting; else, only where the service is on loopback, where our receiver listens; else none."""
        if self.settings.callback_base is None and self.settings.base_url.loopback:
            return self._served_address()
        return self.settings.callback_base

    def expects_callbacks(self) -> bool:
        """Whether callbacks can come."""
        return self.callback_base() is not None

    def callback_url(self, id: str) -> str | None:
        """The URL that the service is told for one task, valid for 7 days; ``None`` where there is no base."""
        base = self.callback_base()
        if base is not None:
            return f"{base}/{id}/{self.settings.callback_keys.mint(id, now=self.settings.clock())}"
        if not self._told_about_polling:
            self._told_about_polling = True
            logger.info("no callback URL, so awaiting polls adaptively; AIVIDEO_CALLBACK_URL would end that")
        return None

    def picture_url(self, id: str, n: int, suffix: str) -> str | None:
        """Where the service fetches the ``n``-th local picture of a task; ``None`` where there is no base."""
        base, keys = self.callback_base(), self.settings.callback_keys
        return None if base is None else pictures.url_of(base, keys, id, n, suffix, now=self.settings.clock())

    async def fetch_task(self, service_id: str, policy: RetryPolicy) -> TaskReport:
        """GET one task. Raises the errors of a GET."""
        return await fetch(
            self._transport,
            wire.task_request(service_id),
            lambda response: wire.read_task_response(response, now=self.settings.clock()),
            policy=policy,
            gate=self._gate,
            draw=self.settings.chance.random,
        )

    async def fresh_url(self, task_id: str, index: int, dead: str) -> str | None:
        """Another URL of a task's ``index``-th result than the one that is dead: from the store, else asked for."""
        try:
            record = (await self.store.get((task_id,))).get(task_id)
            url = _other_url(record, index, dead)
            if url is not None or record is None:
                return url
            put = await self.reconciler.ask(record, lambda id: self.fetch_task(id, self.settings.retry))
        except AIVideoError as error:
            logger.info("no other URL for a result of %s: %s", task_id, error)
            return None
        return _other_url(put.record, index, dead)

    @property
    def saver(self) -> Saver | None:
        """What saves every result of this client, if anything does."""
        return None if self._sink is None else self.saver_into(self._sink)

    def saver_into(self, sink: Sink) -> Saver:
        """What saves into a sink: one for each, so that a task's results are in one hand."""
        if sink not in self._savers:
            scale, clock, origin = self.settings.time_scale, self.settings.clock, self.settings.base_url.origin
            self._savers[sink] = Saver(self.store, sink, self.save, origin=origin, time_scale=scale, clock=clock)
        return self._savers[sink]

    async def save(self, output: Output, index: int, folder: Path) -> DownloadedFile:
        """Stream the ``index``-th result into ``folder``, under its own name. Raises DownloadError."""
        url = output.urls[index]
        refresh = partial(self.fresh_url, output.task_id, index, url)
        return await self.downloader.fetch(url, partial(_named, folder, output.task_id, index, url), refresh=refresh)

    async def get(self, request: wire.HttpRequest, read: Callable[[wire.HttpResponse], T]) -> T:
        """GET something, retried by the client's policy."""
        return await fetch(
            self._transport,
            request,
            read,
            policy=self.settings.retry,
            gate=self._gate,
            draw=self.settings.chance.random,
        )

    def endings(self, group: str) -> Endings:
        """The endings of this store for one consumer of a group."""
        return Endings(self.store, group, self.supervisor)

    def _ended(self, record: TaskRecord) -> None:
        event = TaskEvent(record)
        if record.request is not None and local_in(record.request):
            self.supervisor.spawn(pictures.forget, self.store, record)
        if self._handlers.wanted(event):
            self.supervisor.spawn(self._handlers.run, event)

    def _hinted(self) -> None:
        self.reconciler.wake()

    def _usual(self, record: TaskRecord) -> float:
        own = self.settings.usual_seconds.get(record.model or "")
        return own if own is not None else catalog.usual_seconds(record.request or "video")

    def last_callback_after(self, record: TaskRecord) -> float:
        """Seconds after a create at which the last attempt at its callback would be over, were it slow to end."""
        return (2.0 * self._usual(record) + CALLBACKS_TAKE) / self.settings.time_scale

    def _first_ask(self, record: TaskRecord) -> float:
        usual, draw = self._usual(record), 0.5
        return ask_delay(checks=0, usual=usual, callback=self.expects_callbacks(), draw=draw) / self.settings.time_scale

    def _failed(self, error: BaseException) -> None:
        self._failure = error
        self.waiters.interrupt()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Everything is open while the block runs. Leaving it waits for creates in flight, then closes in reverse."""
        async with AsyncExitStack() as stack:
            if self._sink is not None:
                self._sink = await self._sink.prepared()
            if not self.store.opened:
                await stack.enter_async_context(self.store)
            if isinstance(self._transport, AiohttpTransport):
                await stack.enter_async_context(self._transport)
            await stack.enter_async_context(self.downloader)
            await self.store.note(FINGERPRINT, self.settings.callback_keys.fingerprint())
            await self.supervisor.start()
            stack.push_async_callback(self._stop)
            self.supervisor.spawn(self.waiters.listen)
            self.supervisor.spawn(self.waiters.reread)
            self.supervisor.spawn(self.waiters.read_parked)
            self.supervisor.spawn(self.reconciler.run, self.supervisor)
            if self.saver is not None:
                self.supervisor.spawn(self.saver.run, self.supervisor)
            await self.waiters.subscribed()
            yield

    async def _stop(self) -> None:
        try:
            await self.submitter.close(self.settings.close_timeout)
            if self.saver is not None:
                await self.saver.drain(self.settings.close_timeout)
        finally:
            self.waiters.interrupt()
            await self.supervisor.stop()
        if not self.store.durable:
            await self._warn_of_unfinished()

    async def _warn_of_unfinished(self) -> None:
        query = Query(unfinished=True, origin=self.settings.base_url.origin)
        left = [f"{record.id} (service id {record.service_id})" async for record in self.store.scan(query)]
        if left:
            logger.warning("closed with %d unfinished tasks in memory only: %s", len(left), ", ".join(left))


def _other_url(record: TaskRecord | None, index: int, dead: str) -> str | None:
    urls = () if record is None or record.output is None else record.output.urls[index : index + 1]
    return next((url for url in urls if url != dead), None)


def _named(folder: Path, task_id: str, n: int, url: str, content_type: str | None) -> Path:
    return folder / file_name(task_id, n, url, content_type)
