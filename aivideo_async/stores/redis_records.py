"""Task records in a namespace of a Redis: what the scripts are given, and what they gave.

What follows what is decided by ``core.lifecycle`` alone, here: a record is merged in Python and written only where it
is still what it was merged into.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from aivideo_async.core import lifecycle
from aivideo_async.core.errors import StoreError
from aivideo_async.core.models import TaskRecord, from_micros, to_micros
from aivideo_async.core.retry import DEADLINE
from aivideo_async.stores import redis_scripts as scripts
from aivideo_async.stores.base import Put, Query
from aivideo_async.stores.codec import record_from_json, record_to_json
from aivideo_async.stores.redis_connections import Connections
from aivideo_async.stores.redis_link import Reply, Word

logger: logging.Logger = logging.getLogger(__name__)

MERGES_AT_MOST = 100
CALM_MERGES = 5
PAGE = 100
LONGEST_DELAY = 1e9
"""Some thirty years; far beyond, moments would not be exact."""

_DEADLINE = round(DEADLINE * 1e6)
_SERVICE = tuple(status.value for status in sorted(lifecycle.SERVICE))


@dataclass(frozen=True, slots=True)
class Terms:
    """How a store keeps time: ``clock`` gives unix seconds instead of the engine's own, ``keep`` is microseconds."""

    clock: Callable[[], float] | None
    keep: int

    @property
    def now(self) -> str:
        """The moment for a script in microseconds, or nothing: it asks the engine."""
        return "" if self.clock is None else str(round(self.clock() * 1e6))


@dataclass(frozen=True, slots=True)
class Held:
    """A record as the engine holds it. The version changes with every write, also of the next check alone."""

    id: bytes
    version: bytes
    body: bytes
    next_check: bytes | None

    @property
    def record(self) -> TaskRecord:
        """The record; raises StoreError when it cannot be read."""
        return to_record(self.body, self.next_check)


async def put(connections: Connections, record: TaskRecord, terms: Terms) -> Put:
    """Merge; see Store.put. Raises StoreError also when others change the record all the time."""
    expected: Held | None = None
    freed: Held | None = None
    for attempt in range(MERGES_AT_MOST):
        before = None if expected is None else expected.record
        after = record if before is None else lifecycle.merge(before, record)
        if after is before:
            return Put(after, changed=False, won=False)
        won = lifecycle.won(before, after)
        reply = await connections.run(scripts.PUT, *_put_words(record, after, expected, freed, terms, won=won))
        verdict, held = _verdict(reply)
        match verdict:
            case b"written":
                return Put(after, changed=True, won=won)
            case b"again":
                return Put(_readable(held), changed=True, won=won)
            case b"held":
                expected = held
            case _:
                holder = _readable(held)
                if verdict == b"id" or not lifecycle.frees_key(holder):
                    return Put(holder, changed=False, won=False)
                freed = held
        if attempt >= CALM_MERGES:
            await asyncio.sleep(random.random() * 0.005 * attempt)  # noqa: S311 - not a secret
    raise StoreError(f"{record.id} is changed by others all the time", retryable=True)


def _put_words(
    record: TaskRecord, after: TaskRecord, expected: Held | None, freed: Held | None, terms: Terms, *, won: bool
) -> list[Word]:
    key = record.key if record.key == after.key else None  # a key that went on to another task is not taken back
    return [
        *(terms.now, after.id, _optional(record.service_id), _optional(record.key)),
        b"" if expected is None else expected.version,
        *((b"", b"") if freed is None else (freed.id, freed.version)),
        _token(),
        record_to_json(replace(after, next_check=None)),
        "" if after.next_check is None else str(to_micros(after.next_check)),
        *(after.status.value, after.origin),
        *(int(flag) for flag in (lifecycle.claimable(after), after.status in lifecycle.ENDED, won)),
        *(_optional(after.service_id), _optional(key)),
        *(terms.keep, _DEADLINE),
    ]


async def find(connections: Connections, names: Sequence[str]) -> dict[str, TaskRecord]:
    """By our id, the service's id or a key; see Store.get. At most some hundred names at once."""
    replies = cast("list[Reply]", await connections.run(scripts.GET, *names))
    found = zip(names, map(_held, replies), strict=True)
    return {name: held.record for name, held in found if held is not None}


async def page(connections: Connections, query: Query, before: int | None) -> tuple[list[TaskRecord], int | None]:
    """Some that match, the newest first, of those below a place, and the place to go on below."""
    which = "open" if query.unfinished else "all"
    start = "+inf" if before is None else f"({before}"
    rows = cast("list[list[Reply]]", await connections.run(scripts.PAGE, which, start, PAGE))
    all_held = [held for row in rows if (held := _held(row[1:])) is not None]
    records = [held.record for held in all_held]
    return matching(records, query), int(cast("bytes", rows[-1][0])) if len(rows) == PAGE else None


def matching(records: Sequence[TaskRecord], query: Query) -> list[TaskRecord]:
    """Those that a query means."""
    return [record for record in records if query.matches(record, ended=record.status in lifecycle.ENDED)]


async def claim(connections: Connections, origin: str, limit: int, lease: float, terms: Terms) -> list[TaskRecord]:
    """Take what is due; see Store.claim."""
    words = (terms.now, origin, limit, round(lease * 1e6), _token(), terms.keep, _DEADLINE)
    claimed: list[TaskRecord] = []
    for held in map(_held, cast("list[Reply]", await connections.run(scripts.CLAIM, *words))):
        if held is None:
            continue
        try:
            claimed.append(held.record)
        except StoreError as error:  # it must not keep everything that is due after it from being asked for
            logger.warning("%s is due and cannot be read: %s", held.id.decode(errors="replace"), error)
    return claimed


async def due(connections: Connections, id: str, delay: float, terms: Terms) -> None:
    """Move the next check; see Store.due."""
    if not abs(delay) <= LONGEST_DELAY:
        raise OverflowError(f"a delay of {delay} s")
    await connections.run(scripts.DUE, terms.now, id, round(delay * 1e6), _token(), *_SERVICE)


async def note(connections: Connections, prefix: str, name: str, value: str | None) -> str | None:
    """Keep a value under a name, or give what is kept; see Store.note."""
    if value is not None:
        change = ("HSET", f"{prefix}notes", name, value) if value else ("HDEL", f"{prefix}notes", name)
        await connections.ask(*change)
        return value
    kept = cast("bytes | None", await connections.ask("HGET", f"{prefix}notes", name))
    return None if kept is None else kept.decode()


async def forget(connections: Connections, before: datetime) -> tuple[int, bool]:
    """Forget some of what ended before a moment: how many tasks, and whether there may be more."""
    forgotten, more = cast("list[int]", await connections.run(scripts.PRUNE, to_micros(before)))
    return forgotten, more == 1


def to_record(body: bytes, next_check: bytes | None) -> TaskRecord:
    """A record from its two parts; raises StoreError when it cannot be read."""
    record = record_from_json(body)
    if not next_check:
        return record
    try:
        return replace(record, next_check=from_micros(int(next_check)))
    except (ValueError, OverflowError) as error:
        raise StoreError("a record in the store cannot be read") from error


def _verdict(reply: Reply) -> tuple[bytes, Held | None]:
    verdict, *held = cast("list[Reply]", reply)
    return cast("bytes", verdict), _held(held)


def _readable(held: Held | None) -> TaskRecord:
    if held is None:
        raise StoreError("a record in the store cannot be read")
    return held.record


def _held(reply: Reply) -> Held | None:
    if not isinstance(reply, list) or len(reply) < 4 or reply[2] is None:
        return None
    id, version, body, next_check, *_ = cast("list[bytes]", reply)
    return Held(id, version or b"", body, next_check)


def _optional(value: str | None) -> str:
    return "" if value is None else f"={value}"


def _token() -> str:
    return secrets.token_hex(scripts.TOKEN_LENGTH // 2)
