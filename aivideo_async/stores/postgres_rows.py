"""Task records in PostgreSQL: every function is given a turn on a connection and does one thing in it.

What follows what is decided by ``core.lifecycle`` alone; the columns beside a record's body hold its verdicts, so that
PostgreSQL can find what is due, ended or held by whom.

Nobody waits for anybody in a circle: a put takes the locks of all names that it may touch before it locks a row, and
then at most its own row and that of a task that gives its key away. Everything else that locks rows skips those that
are locked.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aivideo_async.core import lifecycle
from aivideo_async.core.errors import StoreError
from aivideo_async.core.models import TaskRecord, from_micros, to_micros
from aivideo_async.core.retry import DEADLINE
from aivideo_async.stores.base import Put, Query
from aivideo_async.stores.codec import record_from_json, record_to_json
from aivideo_async.stores.postgres_events import number_fresh
from aivideo_async.stores.postgres_schema import NOW, Turn, channel_of, lock_of, storable

logger: logging.Logger = logging.getLogger(__name__)

PAGE = 100
PRUNE_EVERY = 3_600_000_000
FORGET_AT_ONCE = 500
MAX_NUMBER = 2**63 - 1

_SERVICE = ", ".join(f"'{status.value}'" for status in sorted(lifecycle.SERVICE))
_OWN = "SELECT body, next_check, writer FROM aivideo_tasks WHERE ns = %(ns)s AND id = %(id)s FOR UPDATE"
_HOLDERS = """
    SELECT service_id, key, body, next_check FROM aivideo_tasks
    WHERE ns = %(ns)s AND id <> %(id)s AND (service_id = %(service_id)s OR key = %(key)s)
"""
_HOUR = f"BETWEEN 0 AND {PRUNE_EVERY - 1}"
_STALE = f"SELECT NOT ({NOW} - pruned_at {_HOUR}) FROM aivideo_state WHERE ns = %(ns)s"  # noqa: S608 - our own words
_WRITE = f"""
    WITH task AS (
        INSERT INTO aivideo_tasks AS held (
            ns, id, origin, status, service_id, key, next_check, claimable, began_at, ended_at, writer, body
        ) VALUES (
            %(ns)s, %(id)s, %(origin)s, %(status)s, %(service_id)s, %(key)s, %(next_check)s, %(claimable)s, {NOW},
            CASE WHEN %(won)s THEN {NOW} END, %(writer)s, %(body)s
        ) ON CONFLICT (ns, id) DO UPDATE SET
            origin = excluded.origin, status = excluded.status, service_id = excluded.service_id,
            key = coalesce(excluded.key, held.key), next_check = excluded.next_check, claimable = excluded.claimable,
            ended_at = coalesce(excluded.ended_at, held.ended_at), writer = excluded.writer, body = excluded.body
    ), event AS (
        INSERT INTO aivideo_events (ns, at, body) SELECT %(ns)s, {NOW}, %(event)s WHERE %(won)s
    )
    SELECT pg_notify(%(channel)s, %(id)s), ({_STALE})
"""  # noqa: S608 - our own words
_FIND = """
    SELECT id, service_id, key, body, next_check FROM aivideo_tasks
    WHERE ns = %(ns)s AND (id = ANY(%(names)s) OR service_id = ANY(%(names)s) OR key = ANY(%(names)s))
"""
_NEWEST = """
    SELECT number, status, body, next_check FROM aivideo_tasks
    WHERE ns = %(ns)s AND number < %(before)s AND (%(origin)s::text IS NULL OR origin = %(origin)s)
    ORDER BY number DESC LIMIT %(limit)s
"""
_UNFINISHED = _NEWEST.replace("WHERE", "WHERE ended_at IS NULL AND")
_CLAIM = f"""
    WITH due AS MATERIALIZED (
        SELECT id, next_check FROM aivideo_tasks
        WHERE ns = %(ns)s AND origin = %(origin)s AND claimable AND next_check <= {NOW}
        ORDER BY next_check LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )
    UPDATE aivideo_tasks AS held SET next_check = {NOW} + %(lease)s::bigint FROM due
    WHERE held.ns = %(ns)s AND held.id = due.id RETURNING due.next_check, held.id, held.body, held.next_check
"""  # noqa: S608 - our own words
_DUE = f"""
    UPDATE aivideo_tasks SET next_check = {NOW} + %(delay)s::bigint
    WHERE ns = %(ns)s AND id = %(id)s AND status NOT IN ({_SERVICE})
"""  # noqa: S608 - our own words


@dataclass(slots=True)
class Putting:
    """One put, over every attempt at it.

    ``done`` is what the last attempt would have made: if its commit was not heard of, the row tells by ``writer``
    whether it was made.
    """

    record: TaskRecord
    writer: str = field(default_factory=lambda: secrets.token_hex(8))
    done: Put | None = None

    def locks(self, namespace: str) -> list[int]:
        """The locks of every name by which a record may be met."""
        names = {"id": self.record.id, "service id": self.record.service_id, "key": self.record.key}
        return [lock_of("aivideo", namespace, kind, name) for kind, name in names.items() if name is not None]


async def put(turn: Turn, putting: Putting) -> tuple[Put, bool]:
    """Merge; see Store.put. Also whether it is time to prune. To be done under the locks of the put."""
    record = putting.record
    holder, stale_key = await _other_holders(turn, record)
    if holder is not None:
        return Put(holder, changed=False, won=False), False
    row = await turn.row(_OWN, id=record.id)
    if row is not None and putting.done is not None and row[2] == putting.writer:
        return putting.done, False
    before = None if row is None else _record(*row[:2])
    after = record if before is None else lifecycle.merge(before, record)
    if after is before:
        return Put(after, changed=False, won=False), False
    key = record.key if record.key == after.key else None  # a key that went on to another task is not taken back
    if key is not None and stale_key:
        free = "UPDATE aivideo_tasks SET key = NULL WHERE ns = %(ns)s AND key = %(key)s AND id <> %(id)s"
        await turn.run(free, key=key, id=record.id)
    putting.done = Put(after, changed=True, won=lifecycle.won(before, after))
    return putting.done, await _write(turn, putting.done, key=key, writer=putting.writer)


async def _other_holders(turn: Turn, record: TaskRecord) -> tuple[TaskRecord | None, bool]:
    """Who else holds the service's id, or the key for good; and whether somebody holds the key who gives it away.

    Their rows are read without a lock: what is decided here holds as of before whatever happens to them meanwhile.
    """
    if record.service_id is None and record.key is None:
        return None, False
    rows = await turn.rows(_HOLDERS, id=record.id, service_id=record.service_id, key=record.key)
    for service_id, _key, body, next_check in rows:
        if record.service_id is not None and service_id == record.service_id:
            return _record(body, next_check), False
    for _service_id, key, body, next_check in rows:
        if record.key is not None and key == record.key:
            holder = _record(body, next_check)
            return (None, True) if lifecycle.frees_key(holder) else (holder, False)
    return None, False


async def _write(turn: Turn, put: Put, *, key: str | None, writer: str) -> bool:
    record = put.record
    row = await turn.row(
        _WRITE,
        id=record.id,
        origin=record.origin,
        status=record.status.value,
        service_id=record.service_id,
        key=key,
        next_check=None if record.next_check is None else to_micros(record.next_check),
        claimable=lifecycle.claimable(record),
        won=put.won,
        writer=writer,
        body=record_to_json(replace(record, next_check=None)),
        event=record_to_json(record) if put.won else None,
        channel=channel_of(turn.namespace),
    )
    return row is not None and row[1] is True


def _record(body: bytes, next_check: int | None) -> TaskRecord:
    record = record_from_json(body)
    return record if next_check is None else replace(record, next_check=from_micros(next_check))


async def find(turn: Turn, names: Sequence[str]) -> dict[str, TaskRecord]:
    """By our id, the service's id or a key, in this order; see Store.get."""
    rows = await turn.rows(_FIND, names=[name for name in names if storable(name)])
    by_name: list[dict[str, tuple[Any, ...]]] = [{row[column]: row for row in rows} for column in (0, 1, 2)]
    records = {row[0]: _record(*row[3:]) for row in rows}
    found = ((name, next((rows[name] for rows in by_name if name in rows), None)) for name in names)
    return {name: records[row[0]] for name, row in found if row is not None}


async def page(turn: Turn, query: Query, before: int | None) -> tuple[list[TaskRecord], int | None]:
    """Some that match, the newest first, of those below the number ``before``, and the number to go on below."""
    below = MAX_NUMBER if before is None else before
    rows = await turn.rows(_UNFINISHED if query.unfinished else _NEWEST, before=below, origin=query.origin, limit=PAGE)
    records = [(status in lifecycle.ENDED, _record(body, next_check)) for _number, status, body, next_check in rows]
    matching = [record for ended, record in records if query.matches(record, ended=ended)]
    return matching, rows[-1][0] if len(rows) == PAGE else None


async def claim(turn: Turn, origin: str, limit: int, lease: float) -> tuple[list[TaskRecord], bool]:
    """Take what is due; see Store.claim. Also whether it is time to prune."""
    rows = await turn.rows(_CLAIM, origin=origin, limit=max(0, limit), lease=round(lease * 1e6))
    claimed: list[TaskRecord] = []
    for _was_due, id, body, next_check in sorted(rows, key=lambda row: (row[0], row[1])):
        try:
            claimed.append(_record(body, next_check))
        except StoreError as error:  # it must not keep everything that is due after it from being asked for
            logger.warning("%s is due and cannot be read: %s", id, error)
    return claimed, await turn.row(_STALE) == (True,)


async def due(turn: Turn, id: str, delay: float) -> None:
    """Move the next check; see Store.due."""
    if storable(id):
        await turn.run(_DUE, id=id, delay=round(delay * 1e6))


async def note(turn: Turn, name: str, value: str) -> str:
    """Keep a value under a name; see Store.note."""
    if not value:
        await turn.run("DELETE FROM aivideo_notes WHERE ns = %(ns)s AND name = %(name)s", name=name)
        return value
    await turn.run(
        "INSERT INTO aivideo_notes VALUES (%(ns)s, %(name)s, %(value)s)"
        " ON CONFLICT (ns, name) DO UPDATE SET value = excluded.value",
        name=name,
        value=value,
    )
    return value


async def noted(turn: Turn, name: str) -> str | None:
    """What is kept under a name."""
    row = await turn.row("SELECT value FROM aivideo_notes WHERE ns = %(ns)s AND name = %(name)s", name=name)
    return None if row is None else row[0]


async def forget(turn: Turn, before: int) -> tuple[int, bool]:
    """Forget some of what ended before a moment (microseconds): how many tasks, and whether there may be more."""
    await number_fresh(turn)  # so that a group that was away can be told how many it missed
    tasks = await _delete(turn, "aivideo_tasks", "id", "ended_at < %(before)s", before=before)
    events = await _delete(turn, "aivideo_events", "seq", "at < %(before)s AND number IS NOT NULL", before=before)
    return tasks, FORGET_AT_ONCE in (tasks, events)


async def prune_hourly(turn: Turn, keep: int) -> None:
    """Forget what ended ``keep`` microseconds ago, and what began that long before its deadline; once an hour.

    One process does it at a time, the others go on.
    """
    row = await turn.row(f"{_STALE} FOR UPDATE SKIP LOCKED")
    if row != (True,):
        return
    (now,) = await turn.row(f"SELECT {NOW}") or (0,)
    _, more = await forget(turn, now - keep)
    begun = now - keep - round(DEADLINE * 1e6)
    stale = await _delete(turn, "aivideo_tasks", "id", "ended_at IS NULL AND began_at < %(before)s", before=begun)
    if not more and stale < FORGET_AT_ONCE:
        await turn.run("UPDATE aivideo_state SET pruned_at = %(at)s WHERE ns = %(ns)s", at=now)


async def _delete(turn: Turn, table: str, column: str, condition: str, *, before: int) -> int:
    some = f"SELECT {column} FROM {table} WHERE ns = %(ns)s AND {condition} LIMIT {FORGET_AT_ONCE}"  # noqa: S608
    return await turn.run(
        f"DELETE FROM {table} WHERE ns = %(ns)s AND {column} IN ({some} FOR UPDATE SKIP LOCKED)",  # noqa: S608
        before=before,
    )
