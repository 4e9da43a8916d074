"""``Batch``: many requests through one client, as many at once as wanted, resumed where it stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence, Sized
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Self

import anyio

from aivideo_async.batch_items import BatchItem, Counts, Progress
from aivideo_async.batch_play import LABEL, Player
from aivideo_async.client import Client
from aivideo_async.core.errors import ConfigurationError
from aivideo_async.core.models import NOTHING, GenerationRequest
from aivideo_async.spending import Budget
from aivideo_async.supervise import Supervisor

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
        self._requests = requests
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
        self._slots = asyncio.Semaphore(concurrency)
        self._ahead = asyncio.Semaphore(AHEAD * concurrency)
        self._sending = asyncio.Semaphore(2 * client.max_concurrency)
        self._beginning: set[int] = set()
        self._running: dict[int, GenerationRequest] = {}
        self._given = 0
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
        self._supervisor.spawn(self._feed)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        try:
            await self._supervisor.stop()
        except BaseException as error:
            if error is not self._failure or not self._told:
                raise

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
        self._ahead.release()
        return item

    def _take(self) -> BatchItem | None:
        if not self._ordered:
            return self._ready.popleft() if self._ready else None
        item = self._early.pop(self._given, None)
        self._given += item is not None
        return item

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

    async def _feed(self) -> None:
        """Take requests as there is room for them; what their source raises is kept for the end."""
        index = 0
        async with contextlib.aclosing(_each(self._requests)) as source:
            while True:
                await self._ahead.acquire()
                await self._slots.acquire()
                await self._sending.acquire()  # more would only wait for the client, in memory
                try:
                    request = await anext(source)
                except StopAsyncIteration:
                    break
                except Exception as error:  # noqa: BLE001 - of the caller's own code: it is raised where it iterates
                    self._failure = error
                    break
                self._running[index] = request
                self._beginning.add(index)
                self._supervisor.spawn(self._play, index, request)
                index += 1
        self._fed = True
        self._changed.set()

    def _begun(self, index: int) -> None:
        """The first create of an item has had its answer, or will have none."""
        if index in self._beginning:
            self._beginning.remove(index)
            self._sending.release()

    async def _play(self, index: int, request: GenerationRequest) -> None:
        item = await self._player.play(index, request, partial(self._begun, index))
        self._begun(index)
        self._slots.release()
        self._running.pop(index, None)
        self._give(item)


async def _each(requests: Requests) -> AsyncGenerator[GenerationRequest]:
    if isinstance(requests, AsyncIterable):
        async for request in requests:
            yield request
    else:
        for request in requests:
            yield request
