"""``Batch``: many requests through one client, as many at once as wanted, resumed where it stopped."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence, Sized
from pathlib import Path
from types import MappingProxyType
from typing import Self

import anyio

from aivideo_async.batch_items import BatchItem, Counts, Progress
from aivideo_async.batch_play import LABEL, Begun, Player
from aivideo_async.client import Client
from aivideo_async.core.errors import ConfigurationError
from aivideo_async.core.models import NOTHING, GenerationRequest, TaskRecord
from aivideo_async.spending import Budget
from aivideo_async.supervise import Supervisor
from aivideo_async.waiters import Parked

NAME_LIMIT = 128
AHEAD = 4
"""How many times ``concurrency`` may be begun and not yet taken by who iterates."""

Requests = Iterable[GenerationRequest] | AsyncIterable[GenerationRequest]


class Batch:
    """Many requests, ``concurrency`` of them unfinished at once: ``async with Batch(client, requests) as batch``.

    Iterate over it for the items as they end, or with ``ordered`` in the order of the requests. One that fails ends
    nothing. Requests are taken from their source when there is room, and no more than four times ``concurrency`` are
    begun that were not taken by the loop. Leaving the block ends the waits and not the tasks.

    With a ``name`` and a durable store a batch goes on where it was stopped, however that was: what has ended is not
    asked for again, what is on its way is awaited, only the rest is submitted. Requests are known again by their place
    and content. ``resubmit_in_doubt`` gives up what an earlier run left in doubt, and sends it again: it may be charged
    twice. What is in doubt without a name ends as such when its last callback would have come.

    ``budget`` holds every price, those of ``fallbacks`` too (models, by name, that are tried in turn where one is at
    fault). ``download_to`` is a folder for the results.

    Raises ConfigurationError for settings that make no sense. The loop raises what the requests' source raises, when
    all that was begun has been given, and ClientClosedError when the client closes meanwhile.
    """

    def __init__(
        self,
        client: Client,
        requests: Requests,
        *,
        concurrency: int = 20,
        budget: Budget | None = None,
        fallbacks: Sequence[str] = (),
        name: str | None = None,
        download_to: str | os.PathLike[str] | None = None,
        labels: Mapping[str, str] = NOTHING,
        ordered: bool = False,
        resubmit_in_doubt: bool = False,
    ) -> None:
        if concurrency < 1:
            raise ConfigurationError(f"concurrency is at least 1, not {concurrency}")
        if name is not None and not (0 < len(name) <= NAME_LIMIT and name.isprintable() and name[:3] != "av_"):
            raise ConfigurationError(f"a batch's name has 1 to {NAME_LIMIT} characters and does not start with av_")
        self._source = _each(requests)
        self._named = name is not None
        self._folder = None if download_to is None else Path(download_to)
        self._ordered = ordered
        self._counts = Counts(len(requests) if isinstance(requests, Sized) else None)
        self._player = Player(
            client=client,
            counts=self._counts,
            budget=budget,
            fallbacks=tuple(fallbacks),
            name=name,
            folder=self._folder,
            labels=dict(labels) if name is None else {**labels, LABEL: name},
            resubmit=resubmit_in_doubt,
        )
        self._most_running, self._most_ahead = concurrency, AHEAD * concurrency
        self._senders = min(concurrency, client.max_concurrency)  # more would only wait for the client, in memory
        self._turn = asyncio.Lock()
        self._taken, self._given = 0, 0
        self._freed = asyncio.Event()
        self._running: dict[int, GenerationRequest] = {}
        self._parked: dict[int, Parked[Begun]] = {}
        self._ready: deque[BatchItem] = deque()
        self._early: dict[int, BatchItem] = {}
        self._changed = asyncio.Event()
        self._fed = False
        self._failure: BaseException | None = None
        self._told = False
        self._supervisor = Supervisor("aivideo-batch", on_failure=self._failed)
        self._began = 0.0

    async def __aenter__(self) -> Self:
        self._began = asyncio.get_running_loop().time()
        if self._folder is not None:
            await anyio.Path(self._folder).mkdir(parents=True, exist_ok=True)
        if self._named:
            await self._player.look_back()
        await self._supervisor.start()
        for _ in range(self._senders):
            self._supervisor.spawn(self._send)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        try:
            await self._supervisor.stop()
        except BaseException as error:
            if error is not self._failure or not self._told:
                raise
        finally:
            self._unpark()
            await self._source.aclose()

    @property
    def running(self) -> Mapping[int, GenerationRequest]:
        """What is unfinished now, by index."""
        return MappingProxyType(self._running)

    @property
    def progress(self) -> Progress:
        """How far it is."""
        elapsed = asyncio.get_running_loop().time() - self._began
        return self._counts.progress(elapsed, running=len(self._running))

    def __aiter__(self) -> AsyncIterator[BatchItem]:
        return self

    async def __anext__(self) -> BatchItem:
        """The next item. Cancelling it loses none."""
        while (item := self._take()) is None:
            if not self._running and (self._fed or self._failure is not None):
                if self._failure is not None:
                    self._told = True
                    raise self._failure
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        self._given += 1
        self._freed.set()
        return item

    def _take(self) -> BatchItem | None:
        if self._ordered:
            return self._early.pop(self._given, None)
        return self._ready.popleft() if self._ready else None

    def _give(self, item: BatchItem) -> None:
        self._counts.end(item)
        if self._ordered:
            self._early[item.index] = item
        else:
            self._ready.append(item)
        self._changed.set()

    def _failed(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self._running.clear()
        self._changed.set()

    async def _send(self) -> None:
        """Take requests and send them, as one of several, while there are any."""
        while (taken := await self._next_request()) is not None:
            begun = await self._player.begin(*taken)
            parked = self._player.park(begun, self._wake)
            if parked is None:
                self._supervisor.spawn(self._finish, begun)
            else:
                self._parked[begun.index] = parked

    async def _next_request(self) -> tuple[int, GenerationRequest] | None:
        """The next request and its index, when there is room for it; what their source raises is kept for the end."""
        async with self._turn:
            if self._fed:
                return None
            while len(self._running) >= self._most_running or self._taken - self._given >= self._most_ahead:
                self._freed.clear()
                await self._freed.wait()
            try:
                request = await anext(self._source)
            except StopAsyncIteration:
                self._fed = True
            except Exception as error:  # noqa: BLE001 - of the caller's own code: it is raised where it iterates
                self._fed, self._failure = True, error
            else:
                index, self._taken = self._taken, self._taken + 1
                self._running[index] = request
                return index, request
        self._changed.set()
        return None

    def _wake(self, begun: Begun, record: TaskRecord | None) -> None:
        del self._parked[begun.index]
        if record is not None:
            self._player.woken(begun, record)
        if self._supervisor.running:
            self._supervisor.spawn(self._finish, begun)

    async def _finish(self, begun: Begun) -> None:
        item = await self._player.finish(begun)
        self._running.pop(begun.index, None)
        self._freed.set()
        self._give(item)

    def _unpark(self) -> None:
        for parked in self._parked.values():
            parked.cancel()
        self._parked.clear()


async def _each(requests: Requests) -> AsyncGenerator[GenerationRequest]:
    if isinstance(requests, AsyncIterable):
        async for request in requests:
            yield request
    else:
        for request in requests:
            yield request
