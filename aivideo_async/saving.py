"""Results into a folder or a mirror at their ending, well before their URLs die, also after a restart.

Which endings are still to be dealt with is what a group of ``store.events`` knows, and each one's record says which of
its files are saved and where. So whatever process stops at whatever moment, the ending is given again, to this one or
to another that saves into the same place; nobody polls, and a file that is there is not fetched twice.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from weakref import WeakValueDictionary

import anyio.to_thread

from aivideo_async.core.errors import AIVideoError, ConfigurationError, EventsLostError
from aivideo_async.core.models import HistoryEntry, Output, SavedFile, TaskRecord, TaskStatus, moment
from aivideo_async.download import DownloadedFile
from aivideo_async.endings import Endings
from aivideo_async.stores.base import Delivery, Query, Store
from aivideo_async.supervise import Supervisor
from aivideo_async.transfer import temporary_folder

logger: logging.Logger = logging.getLogger(__name__)

AT_ONCE = 8
IN_HAND_AT_MOST = 256
URLS_LIVE = timedelta(hours=24)
"""How long a result's URL lives that does not say it itself (api.md §3)."""
PAUSES = (1.0, 5.0, 30.0, 120.0, 600.0)
"""Seconds before a result is tried again; the last one over and over, until its URLs are dead."""


@dataclass(frozen=True, slots=True)
class ResultFile:
    """One result on its way to a mirror: the task as it ended, the ``index``-th of its results, and the whole file."""

    task: TaskRecord
    index: int
    file: DownloadedFile


Mirror = Callable[[ResultFile], Awaitable[str]]
"""Stores one file elsewhere and gives its place there. It may be asked twice for the same file, whose name is then the
same; whatever it raises is logged, and the file tried again."""


@dataclass(frozen=True, slots=True)
class Sink:
    """Where results go: into a ``folder``, to a ``mirror``, or both."""

    folder: Path | None = None
    mirror: Mirror | None = None

    async def prepared(self) -> Sink:
        """This one with its folder made, and named from the root. Raises ConfigurationError where none can be."""
        return self if self.folder is None else Sink(await anyio.to_thread.run_sync(_made, self.folder), self.mirror)

    def missing(self, record: TaskRecord, index: int) -> bool:
        """Whether the record does not say that the ``index``-th result is here. Blocks, for a look at the folder."""
        saved = [file for file in record.files if file.index == index]
        here = self.folder is None or any(_is_there(file, self.folder) for file in saved if not file.mirrored)
        return not (here and (self.mirror is None or any(file.mirrored for file in saved)))


class Saver:
    """Saves what ends into a sink. ``fetch`` streams the ``index``-th result of an output into a folder.

    ``time_scale`` divides the pauses. ``clock`` gives unix seconds.
    """

    def __init__(
        self,
        store: Store,
        sink: Sink,
        fetch: Callable[[Output, int, Path], Awaitable[DownloadedFile]],
        *,
        origin: str,
        time_scale: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._sink = sink
        self._fetch = fetch
        self._origin = origin
        self._pauses = tuple(pause / time_scale for pause in PAUSES)
        self._clock = clock
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._in_hand: dict[str, asyncio.Task[None]] = {}
        self._closing = False

    @property
    def group(self) -> str:
        """The group of endings of this sink: whoever shares the store and the place shares the work."""
        place = f"{self._origin}\n{self._sink.folder}\n{self._sink.mirror is not None}"
        return f"saved-{sha256(place.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"

    async def run(self, supervisor: Supervisor) -> None:
        """Save what ends until cancelled; each task's results are saved by a task of ``supervisor``."""
        endings = Endings(self._store, self.group, supervisor)
        while not self._closing:
            while len(self._in_hand) >= IN_HAND_AT_MOST:
                await asyncio.wait(self._in_hand.values(), return_when=asyncio.FIRST_COMPLETED)
            try:
                delivery = await endings.next()
            except EventsLostError as error:
                logger.error("results were not saved, this client was away for too long: %s", error)  # noqa: TRY400
                continue
            id = delivery.record.id
            if id not in self._in_hand:  # one that takes long is given again meanwhile
                self._in_hand[id] = task = supervisor.spawn(self._deal_with, endings, delivery)
                task.add_done_callback(partial(self._forget, id))

    def _forget(self, id: str, _task: asyncio.Task[None]) -> None:
        self._in_hand.pop(id, None)

    async def drain(self, timeout: float) -> None:
        """Take no more, and give what has ended ``timeout`` seconds; what remains is found after the next start, unless
        the store forgets it.
        """
        self._closing = True
        try:
            async with asyncio.timeout(timeout):
                if not self._store.durable:
                    await self._save_what_has_ended()
                while self._in_hand:
                    await asyncio.wait(self._in_hand.values())
        except TimeoutError:
            logger.warning("closed with the results of %d tasks not saved yet", len(self._in_hand))

    async def _save_what_has_ended(self) -> None:
        """Also what has ended a moment ago and was not given to anybody yet."""
        async for record in self._store.scan(Query(origin=self._origin)):
            if self._wanted(record) and record.id not in self._in_hand:
                await self.try_to_save(record)

    async def save(self, record: TaskRecord) -> tuple[SavedFile, ...]:
        """Save what is missing of a completed task's results, and give what is saved.

        Raises DownloadError, StoreError, and what the mirror raises. Cancelling it leaves no partial file.
        """
        turn = self._turns.setdefault(record.id, asyncio.Lock())
        async with turn, self._slots:
            record = (await self._store.get((record.id,))).get(record.id, record)
            for index in range(0 if record.output is None else len(record.output.urls)):
                if await anyio.to_thread.run_sync(self._sink.missing, record, index):
                    record = await self._saved(record, index)
            return record.files

    async def try_to_save(self, record: TaskRecord) -> None:
        """As ``save``, but what fails is only logged: ``run`` meets the ending too, and tries again."""
        try:
            await self.save(record)
        except Exception as error:  # noqa: BLE001 - a mirror is not ours and raises what it likes
            logger.warning("the results of %s are not saved yet, trying again: %s", record.id, _told(error))

    async def _deal_with(self, endings: Endings, delivery: Delivery) -> None:
        record, tries = delivery.record, 0
        while self._wanted(record):
            try:
                await self.save(record)
                break
            except Exception as error:  # noqa: BLE001 - a mirror is not ours and raises what it likes
                pause = self._pauses[min(tries, len(self._pauses) - 1)]
                tries += 1
                if self._clock() + pause >= _dead_at(record):
                    await self._give_up(record, error)
                    break
                logger.warning("the results of %s are not saved yet, trying again: %s", record.id, _told(error))
                await asyncio.sleep(pause)
        with suppress(AIVideoError):  # given again, it is found to be saved
            await endings.acknowledge(delivery)

    def _wanted(self, record: TaskRecord) -> bool:
        done = record.status is TaskStatus.COMPLETED and record.output is not None and record.origin == self._origin
        return done and self._clock() < _dead_at(record)

    async def _saved(self, record: TaskRecord, index: int) -> TaskRecord:
        assert record.output is not None  # noqa: S101 - seen by save
        folder = self._sink.folder
        async with temporary_folder() if folder is None else nullcontext(folder) as place:
            file = await self._fetch(record.output, index, place)
            saved = [SavedFile(index, str(file.path), file.bytes, file.sha256)] if folder is not None else []
            if self._sink.mirror is not None:
                there = await self._sink.mirror(ResultFile(record, index, file))
                saved.append(SavedFile(index, str(there), file.bytes, file.sha256, mirrored=True))
        news = TaskRecord(id=record.id, origin=record.origin, files=tuple(saved))
        return (await self._store.put(news)).record

    async def _give_up(self, record: TaskRecord, error: Exception) -> None:
        logger.error("the results of %s were not saved in time, their URLs are dead: %s", record.id, _told(error))
        entry = HistoryEntry(moment(self._clock()), "not_saved", _told(error))
        with suppress(AIVideoError):
            await self._store.put(TaskRecord(id=record.id, origin=record.origin, history=(entry,)))


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"results cannot be saved into {folder}: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(f"results cannot be saved into {folder}: it may not be written")
    return folder.absolute()


def _is_there(file: SavedFile, folder: Path) -> bool:
    path = Path(file.place)
    with suppress(OSError):
        return path.parent == folder and path.stat().st_size == file.bytes
    return False


def _dead_at(record: TaskRecord) -> float:
    """When the result's URLs die, unix seconds."""
    told = None if record.output is None else record.output.expires_at
    ended = record.ended_at or record.created_at
    at = told or (None if ended is None else ended + URLS_LIVE)
    return float("inf") if at is None else at.timestamp()


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, AIVideoError) else f"the mirror raised {type(error).__name__}: {error}"
