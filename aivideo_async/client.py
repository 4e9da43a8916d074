"""``Client``: submit, run, task, unfinished, estimate, credits, download."""

from __future__ import annotations

import copy
import os
import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NoReturn, Self

import anyio
from pydantic import SecretStr

from aivideo_async import catalog, doubts, pictures, settings, spans
from aivideo_async.attempts import Attempt, decisive, outcome, tried
from aivideo_async.auditing import audited
from aivideo_async.catalog import PRICES, Change, PriceBook
from aivideo_async.core import wire
from aivideo_async.core.audit import Audit, Mark
from aivideo_async.core.errors import AIVideoError, ClientClosedError, InvalidRequestError, NotFoundError
from aivideo_async.core.models import (
    NOTHING,
    BodyForm,
    Credits,
    Estimate,
    GenerationRequest,
    HistoryEntry,
    Output,
    TaskEvent,
    TaskRecord,
    TaskStatus,
    moment,
)
from aivideo_async.core.retry import RetryPolicy
from aivideo_async.core.tokens import CallbackKeys
from aivideo_async.core.webhooks import Verifier
from aivideo_async.download import DownloadedFile
from aivideo_async.handlers import Handlers
from aivideo_async.opening import Opening
from aivideo_async.orders import Order, Submission
from aivideo_async.owning import Owner
from aivideo_async.saving import Mirror, Sink
from aivideo_async.spending import Budget, priced
from aivideo_async.stores import MemoryStore, Query, Store, open_store
from aivideo_async.submit import CHANCE
from aivideo_async.task import GenerationTask, doubt
from aivideo_async.transport import AiohttpTransport, Timeouts, Transport

if TYPE_CHECKING:
    from aivideo_async.receiver import WebhookReceiver

KEY_LIMIT = 256
AS_THE_CATALOG_SAYS: Mapping[str, float] = MappingProxyType({})


class Client:
    """The AI Video API over asyncio: submit tasks concurrently, await each by its callback.

    ``async with Client() as client``. Construction does no I/O and needs no loop; keys and URLs are checked on
    entering, which raises ConfigurationError. It may be opened again after closing, also in another loop. Settings come
    from the environment (AIVIDEO_API_KEY and the others that the README lists), arguments win.

    ``callback_url`` is the public base of our callback URLs; where there is none, ``await`` polls adaptively.
    ``store`` is a Store or the URL of one; an unopened one is opened and closed with the client. ``max_concurrency``
    bounds creates in flight; ``close_timeout`` is how many seconds leaving waits for them. ``ask_rate`` is GETs per
    second, ``usual_seconds`` overrides by model name when the asker first looks, ``time_scale`` divides every span.
    ``download_to`` is a folder into which every result of this store's tasks is streamed when its task ends, as
    ``{task id}-{n}{extension}``; ``mirror`` is given each whole file to store it elsewhere, and gives its place there.
    Both go on where they stopped after a restart, and replicas of one store share the work; records say what is saved.
    ``budget`` is what every submit keeps to that names no other one.
    ``clock`` gives unix seconds; ids and jitter are drawn from ``chance``, by default the system's.
    """

    def __init__(
        self,
        api_key: str | SecretStr | None = None,
        *,
        base_url: str | None = None,
        callback_url: str | None = None,
        callback_key: str | bytes | Sequence[str | bytes] | None = None,
        webhook_secret: str | Sequence[str] | Verifier | None = None,
        store: Store | str | None = None,
        transport: Transport | None = None,
        body_form: Literal["auto"] | BodyForm = "auto",
        prices: PriceBook = PRICES,
        usual_seconds: Mapping[str, float] = AS_THE_CATALOG_SAYS,
        max_concurrency: int = 32,
        close_timeout: float = 10.0,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        ask_rate: float = 5.0,
        time_scale: float | None = None,
        allow_insecure: bool = False,
        download_to: str | os.PathLike[str] | None = None,
        mirror: Mirror | None = None,
        budget: Budget | None = None,
        clock: Callable[[], float] = time.time,
        chance: random.Random = CHANCE,
    ) -> None:
        self._api_key = SecretStr(api_key) if isinstance(api_key, str) else api_key
        # Closures keep secrets out of every repr until they are checked on entering.
        self._callback_keys: Callable[[SecretStr | None], CallbackKeys] = lambda key: settings.callback_keys(
            callback_key, key
        )
        self._verifier: Callable[[], Verifier | None] = lambda: settings.verifier(webhook_secret)
        self._base_url = base_url
        self._callback_url = callback_url
        self._store_given = store
        self._transport = transport
        self._body_form: Literal["auto"] | BodyForm = body_form
        self._prices = prices
        self._usual_seconds = usual_seconds
        self._max_concurrency = max_concurrency
        self._close_timeout = close_timeout
        self._timeouts = timeouts or Timeouts()
        self._retry = retry or RetryPolicy()
        self._ask_rate = ask_rate
        self._time_scale = time_scale
        self._allow_insecure = allow_insecure
        self._budget = budget
        self._clock = clock
        self._chance = chance
        self._handlers = Handlers()
        self.owner: Owner = Owner(self._usable, clock=clock, create_deadline=self._timeouts.total)
        folder = None if download_to is None else Path(download_to)
        self._sink = Sink(folder, mirror) if folder is not None or mirror is not None else None
        self._store: Store | None = None
        self._receiver: WebhookReceiver | None = None
        self._opening: Opening | None = None
        self._running: AbstractAsyncContextManager[None] | None = None

    async def __aenter__(self) -> Self:
        if self._opening is not None:
            raise ClientClosedError("this client is open already", hint="share it, or make another one")
        checked = self._checked_settings()
        transport = self._transport or AiohttpTransport(
            checked.base_url.url, checked.api_key, timeouts=checked.timeouts, connections=checked.max_concurrency * 2
        )
        self._verifier()
        opening = Opening(checked, self.store, transport, self._served_address, self._handlers, self._sink)
        self._opening, running = opening, opening.running()
        try:
            await running.__aenter__()
        except BaseException:
            self._opening = None
            raise
        self._running = running
        if self._budget is not None:
            opening.spending.watch_all(self._budget)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        running, self._running, self._opening = self._running, None, None
        if running is not None:
            await running.__aexit__(None, None, None)

    def _checked_settings(self) -> settings.ClientSettings:
        base_url = settings.BaseUrl.parse(self._base_url)
        api_key = settings.required_api_key(self._api_key)
        return settings.ClientSettings(
            base_url=base_url,
            api_key=api_key,
            callback_base=settings.callback_base(
                self._callback_url, service=base_url, allow_insecure=self._allow_insecure
            ),
            callback_keys=self._callback_keys(api_key),
            body_form=self._body_form,
            timeouts=self._timeouts,
            retry=self._retry,
            usual_seconds=self._usual_seconds,
            max_concurrency=self._max_concurrency,
            close_timeout=self._close_timeout,
            ask_rate=self._ask_rate,
            time_scale=settings.time_scale(self._time_scale),
            clock=self._clock,
            chance=self._chance,
        )

    @property
    def max_concurrency(self) -> int:
        """How many creates are in flight at most."""
        return self._max_concurrency

    @property
    def store(self) -> Store:
        """Where this client keeps its records: given, AIVIDEO_STORE, or memory. Raises ConfigurationError."""
        if self._store is None:
            given = self._store_given or os.environ.get("AIVIDEO_STORE") or None
            self._store = open_store(given) if isinstance(given, str) else given or MemoryStore(clock=self._clock)
        return self._store

    @property
    def receiver(self) -> WebhookReceiver:
        """The callback server of this client, to be served or mounted; answers 503 while the client is closed.

        Raises ConfigurationError when a key or secret is missing or wrong.
        """
        if self._receiver is None:
            from aivideo_async.receiver import WebhookReceiver

            self._receiver = WebhookReceiver(
                self.store,
                callback_key=self._callback_keys(settings.api_key(self._api_key)),
                webhook_secret=self._verifier(),
                base_url=self._base_url,
                clock=self._clock,
                ready=lambda: self._opening is not None,
                confirmed_by=self._handlers,
            )
        return self._receiver

    async def submit(
        self,
        request: GenerationRequest,
        *,
        key: str | None = None,
        labels: Mapping[str, str] = NOTHING,
        budget: Budget | None = None,
        credits: Decimal | int | None = None,  # noqa: A002 - credits is the word of this package
    ) -> GenerationTask:
        """Create a task and return once the service has accepted it and the store has recorded it.

        With ``key`` the same key gives the same task, from any process over a durable store; another request under it
        is refused. A picture of this machine (``image=Path(…)``) is read, and served by the receiver while the task
        lives. ``labels`` stay with us and come back in records. The price is reserved in ``budget`` before anything is
        sent; ``credits`` says what it costs at most, where the price book does not know.

        Raises InvalidRequestError or BudgetExceededError before anything is sent, the service's refusal
        (AuthenticationError, InsufficientCreditsError …), RateLimitError or APIConnectionError when it provably was not
        accepted, SubmissionInDoubtError when nobody can know, StoreError when it could not be recorded. Cancelling it
        before the first byte sends nothing; after it the POST goes on, its answer is recorded and ``unfinished`` finds
        the task.
        """
        opening = self._usable()
        self._check(request, opening)
        if key is not None and (not key or len(key) > KEY_LIMIT or key.startswith("av_")):
            raise InvalidRequestError(f"a key has 1 to {KEY_LIMIT} characters and does not start with av_: {key!r}")
        door = await pictures.opened(request, opening.store, opening.picture_url)
        order = Order(
            request=request if door is None else door.request,
            estimate=priced(self.estimate(request), credits),
            key=key,
            labels=dict(labels) if labels else NOTHING,
            door=door,
        )
        budget = budget or self._budget
        if spans.current is None:
            return self._handle(await self._created(order, opening, budget))
        with spans.current.submitting(request.model, order.labels) as span:
            submission = await self._created(replace(order, labels=span.labels), opening, budget)
            span.told(submission.record)
            return self._handle(submission)

    async def _created(self, order: Order, opening: Opening, budget: Budget | None) -> Submission:
        if budget is None:
            submission = await opening.submitter.submit(order)
        else:
            submission = await opening.spending.submit(order, budget)
        if order.door is not None:
            await pictures.forget(opening.store, submission.record)
        return submission

    def _check(self, request: GenerationRequest, opening: Opening) -> None:
        request.check()
        if not opening.settings.base_url.loopback:
            catalog.refuse_private_media(request)

    def _handle(self, submission: Submission) -> GenerationTask:
        task = GenerationTask(self.owner, submission.record)
        if submission.in_doubt:
            raise doubt(task, str(submission.error or "no answer is on record")) from submission.error
        if submission.error is not None:
            error = copy.copy(submission.error)
            error.task_id = task.id
            raise error from submission.error.__cause__
        return task

    async def run(
        self,
        request: GenerationRequest,
        *,
        key: str | None = None,
        labels: Mapping[str, str] = NOTHING,
        timeout: float | None = None,
        download_to: str | os.PathLike[str] | None = None,
        budget: Budget | None = None,
        fallbacks: Sequence[str] = (),
    ) -> Output:
        """``submit`` and ``wait``: give the result. ``timeout`` in seconds bounds each wait, not the create.

        With ``download_to`` every result is then in that folder, as ``{task id}-{n}{extension}``; with a ``key`` too,
        what was saved before is not fetched again.

        Where a model is at fault, and never where its outcome is in doubt, the next of ``fallbacks`` gets the same
        intention by ``catalog.convert``; ``key`` is then followed by its name. Raises what the two raise, of the last
        model that was tried, and DownloadError. Cancelling it is cancelling whichever of them is on its way.
        """

        async def attempt(converted: GenerationRequest, changes: tuple[Change, ...]) -> Attempt:
            own = key if key is None or converted.model == request.model else f"{key}/{converted.model}"
            task = None
            try:
                task = await self.submit(converted, key=own, labels=labels, budget=budget)
                output = await task.wait(timeout=timeout)
            except AIVideoError as error:
                record = None if task is None else task.record
                return Attempt(request=converted, changes=changes, record=record, error=error)
            return Attempt(request=converted, changes=changes, record=task.record, output=output)

        story = await tried(await attempt(request, ()), fallbacks, attempt)
        output, record = outcome(story), decisive(story).record
        if record is not None:
            await self._save(record, download_to)
        return output

    async def _save(self, record: TaskRecord, folder: str | os.PathLike[str] | None) -> None:
        if folder is not None:
            sink = await Sink(Path(folder)).prepared()
            await self._usable().saver_into(sink).save(record)
        elif (saver := self._usable().saver) is not None:
            await saver.try_to_save(record)

    async def task(self, id: str) -> GenerationTask:
        """The handle of a task by our id, from the store, or by the service's id, which is adopted when unknown.

        Raises NotFoundError for an unknown id of ours, InvalidRequestError for what can be no id, StoreError.
        """
        opening = self._usable()
        if not wire.TASK_ID.fullmatch(id):
            raise InvalidRequestError("an id has 1 to 128 of A-Z a-z 0-9 _ -")
        found = (await opening.store.get((id,))).get(id)
        record = found if found is not None and id in (found.id, found.service_id) else None
        if record is None and id.startswith("av_"):
            raise NotFoundError(f"no task {id} in this store", code="task_not_found", charged="no")
        if record is None:
            record = (await opening.store.put(self._adopted(id, opening))).record
        return GenerationTask(self.owner, record)

    def _adopted(self, service_id: str, opening: Opening) -> TaskRecord:
        now = moment(self._clock())
        return TaskRecord(
            id=f"av_{self._chance.randbytes(16).hex()}",
            origin=opening.settings.base_url.origin,
            service_id=service_id,
            status=TaskStatus.PENDING,
            created_at=now,
            next_check=now,
            history=(HistoryEntry(now, "adopted", service_id),),
        )

    async def unfinished(self, *, labels: Mapping[str, str] = NOTHING) -> AsyncGenerator[GenerationTask]:
        """The tasks of this service that have not ended, newest first, also those of other processes. StoreError."""
        opening = self._usable()
        query = Query(unfinished=True, origin=opening.settings.base_url.origin, labels=labels)
        async for record in opening.store.scan(query):
            yield GenerationTask(self.owner, record)

    async def events(self, group: str) -> AsyncGenerator[TaskEvent]:
        """Every ending of a task in this store, at least once, each to one consumer of the group, across processes.

        An event is acknowledged when the loop asks for the next one; one whose loop was left or failed is given again.
        While the store's engine is away the loop waits. Raises ClientClosedError when the client closes meanwhile, and
        EventsLostError, once, when the group was away for longer than endings are kept. Cancelling it acknowledges
        nothing.
        """
        endings = self._usable().endings(group)
        while True:
            delivery = await endings.next()
            yield TaskEvent(delivery.record)
            await endings.acknowledge(delivery)

    def estimate(self, request: GenerationRequest) -> Estimate:
        """What the request will probably cost, in credits, by this client's price book. No I/O."""
        return catalog.estimate(request, self._prices)

    async def credits(self) -> Credits:
        """The account's balance. Raises the errors of a GET. Cancelling it changes nothing."""
        return await self._usable().get(
            wire.credits_request(), lambda response: wire.read_credits(response, now=self._clock())
        )

    async def audit(self, *, mark: bool = False) -> Audit:
        """Set the estimates of the records beside what the account has consumed since the last mark.

        The first audit of a store makes the mark and has an empty span; ``mark`` makes a new one at the end of this
        span. Raises the errors of a GET, and StoreError.
        """
        opening, account = self._usable(), await self.credits()
        now = Mark(moment(self._clock()), account.total_consumed)
        return await audited(opening.store, opening.settings.base_url.origin, now, mark=mark)

    async def download(self, output: Output, path: str | os.PathLike[str], *, index: int = 0) -> DownloadedFile:
        """Stream one result (of several, the ``index``-th) into the file ``path``.

        A connection that breaks is gone on with; a URL that has expired is asked for anew, once. Raises DownloadError,
        and then no file stands under that name. Cancelling it leaves none either.
        """
        url = output.urls[index]
        refresh = partial(self._usable().fresh_url, output.task_id, index, url)
        return await self._usable().downloader.fetch(url, Path(path), refresh=refresh)

    async def download_all(self, output: Output, directory: str | os.PathLike[str]) -> list[DownloadedFile]:
        """Stream every result into ``directory``, made if need be, as ``{task id}-{n}{extension}``, n from 0.

        Raises DownloadError at the first that fails; what was whole before stays. Cancelling leaves no partial file.
        """
        folder = anyio.Path(directory)
        await folder.mkdir(parents=True, exist_ok=True)
        opening = self._usable()
        return [await opening.save(output, index, Path(folder)) for index in range(len(output.urls))]

    async def abandon(self, id: str) -> TaskRecord:
        """Give up a create in doubt: it counts as refused, and a budget has its credits back.

        Raises NotFoundError, InvalidRequestError for a task that is not in doubt, StoreError.
        """
        store, now = self._usable().store, moment(self._clock())
        return await doubts.abandon(store, id, now=now, create_deadline=self._timeouts.total)

    async def bind(self, id: str, service_id: str) -> TaskRecord:
        """Say which task of the service a create in doubt is; the service is asked for it first.

        Raises NotFoundError, InvalidRequestError when it cannot be that one, the errors of a GET, StoreError.
        """
        opening, now = self._usable(), moment(self._clock())
        return await doubts.bind(
            opening.store,
            id,
            service_id,
            now=now,
            create_deadline=self._timeouts.total,
            ask=lambda named: opening.fetch_task(named, opening.settings.retry),
        )

    def _served_address(self) -> str | None:
        return None if self._receiver is None else self._receiver.address

    def _usable(self) -> Opening:
        opening = self._opening
        if opening is None:
            raise ClientClosedError("the client is not open", hint="async with Client() as client: …")
        opening.require_usable()
        return opening

    def __repr__(self) -> str:
        return f"<Client {'open' if self._opening is not None else 'closed'}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client holds a key and connections and does not pickle")
