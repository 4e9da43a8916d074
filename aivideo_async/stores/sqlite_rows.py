"""Task records in a SQLite database: every function is given a turn on the connection and does one thing in it.

What follows what is decided by ``core.lifecycle`` alone; the columns beside a record's body hold its verdicts, so that
SQLite can find what is due, ended or held by whom.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from aivideo_async.core import lifecycle
from aivideo_async.core.errors import StoreError
from aivideo_async.core.models import TaskRecord, from_micros, to_micros
from aivideo_async.core.retry import DEADLINE
from aivideo_async.stores.base import Put, Query
from aivideo_async.stores.codec import record_from_json, record_to_json
from aivideo_async.stores.sqlite_schema import Turn

logger: logging.Logger = logging.getLogger(__name__)

PAGE = 100
PRUNE_EVERY = 3_600_000_000
FORGET_AT_ONCE = 500
MAX_NUMBER = 2**63 - 1

_SERVICE = ", ".join(f"'{status.value}'" for status in sorted(lifecycle.SERVICE))
_UPSERT = """
    INSERT INTO tasks (id, origin, status, service_id, key, next_check, claimable, began_at, ended_at, revision, body)
    VALUES (:id, :origin, :status, :service_id, :key, :next_check, :claimable, :now, :ended_at, :revision, :body)
    ON CONFLICT (id) DO UPDATE SET
        origin = excluded.origin, status = excluded.status, service_id = excluded.service_id,
        key = coalesce(excluded.key, key), next_check = excluded.next_check, claimable = excluded.claimable,
        ended_at = coalesce(excluded.ended_at, ended_at), revision = excluded.revision, body = excluded.body
"""
_NEWEST = """
    SELECT number, status, body, next_check FROM tasks
    WHERE number < ? AND (? IS NULL OR origin = ?) ORDER BY number DESC LIMIT ?
"""
UNFINISHED = _NEWEST.replace("WHERE", "WHERE ended_at IS NULL AND")
DUE = "SELECT id FROM tasks WHERE origin = ? AND claimable AND next_check <= ? ORDER BY next_check LIMIT ?"


def put(turn: Turn, record: TaskRecord, keep: int) -> Put:
    """Merge; see Store.put. Once an hour, what is older than ``keep`` microseconds is forgotten."""
    holder = _other_holder(turn, record)
    if holder is not None:
        return Put(holder, changed=False, won=False)
    before = _by(turn, "id", record.id)
    after = record if before is None else lifecycle.merge(before, record)
    if after is before:
        return Put(after, changed=False, won=False)
    won = lifecycle.won(before, after)
    key = record.key if record.key == after.key else None  # a key that went on to another task is not taken back
    if key is not None:
        turn.db.execute("UPDATE tasks SET key = NULL WHERE key = ? AND id <> ?", (key, after.id))
    _write(turn, after, key=key, won=won)
    if won:
        turn.db.execute("INSERT INTO events (at, body) VALUES (?, ?)", (turn.now, record_to_json(after)))
    prune_hourly(turn, keep)
    return Put(after, changed=True, won=won)


def _other_holder(turn: Turn, record: TaskRecord) -> TaskRecord | None:
    by_service_id = _by(turn, "service_id", record.service_id)
    if by_service_id is not None and by_service_id.id != record.id:
        return by_service_id
    by_key = _by(turn, "key", record.key)
    if by_key is not None and by_key.id != record.id and not lifecycle.frees_key(by_key):
        return by_key
    return None


def _write(turn: Turn, record: TaskRecord, *, key: str | None, won: bool) -> None:
    (revision,) = turn.db.execute("UPDATE state SET revision = revision + 1 RETURNING revision").fetchone()
    values = {
        "id": record.id,
        "origin": record.origin,
        "status": record.status.value,
        "service_id": record.service_id,
        "key": key,
        "next_check": None if record.next_check is None else to_micros(record.next_check),
        "claimable": lifecycle.claimable(record),
        "now": turn.now,
        "ended_at": turn.now if won else None,
        "revision": revision,
        "body": record_to_json(replace(record, next_check=None)),
    }
    turn.db.execute(_UPSERT, values)
    turn.changed.append((revision, record.id))


def _by(turn: Turn, column: str, name: str | None) -> TaskRecord | None:
    if name is None:
        return None
    query = f"SELECT body, next_check FROM tasks WHERE {column} = ?"  # noqa: S608 - a column's name, of three
    row = turn.db.execute(query, (name,)).fetchone()
    return None if row is None else _record(*row)


def _record(body: bytes, next_check: int | None) -> TaskRecord:
    record = record_from_json(body)
    return record if next_check is None else replace(record, next_check=from_micros(next_check))


def find_query(count: int) -> str:
    """The query for so many names."""
    marks = ",".join(f"?{number}" for number in range(1, count + 1))
    return (
        "SELECT id, service_id, key, body, next_check FROM tasks "  # noqa: S608 - numbered question marks
        f"WHERE id IN ({marks}) OR service_id IN ({marks}) OR key IN ({marks})"
    )


def find(turn: Turn, names: Sequence[str]) -> dict[str, TaskRecord]:
    """By our id, the service's id or a key, in this order; see Store.get. At most some hundred names at once."""
    rows = turn.db.execute(find_query(len(names)), tuple(names)).fetchall()
    by_name = [{row[column]: row for row in rows} for column in (0, 1, 2)]
    records = {row[0]: _record(*row[3:]) for row in rows}
    found = ((name, next((rows[name] for rows in by_name if name in rows), None)) for name in names)
    return {name: records[row[0]] for name, row in found if row is not None}


def page(turn: Turn, query: Query, before: int | None) -> tuple[list[TaskRecord], int | None]:
    """Some that match, the newest first, of those below the number ``before``, and the number to go on below."""
    rows = turn.db.execute(
        UNFINISHED if query.unfinished else _NEWEST,
        (MAX_NUMBER if before is None else before, query.origin, query.origin, PAGE),
    ).fetchall()
    records = [(status in lifecycle.ENDED, _record(body, next_check)) for _number, status, body, next_check in rows]
    matching = [record for ended, record in records if query.matches(record, ended=ended)]
    return matching, rows[-1][0] if len(rows) == PAGE else None


def claim(turn: Turn, origin: str, limit: int, lease: float, keep: int) -> list[TaskRecord]:
    """Take what is due; see Store.claim. Once an hour, what is older than ``keep`` microseconds is forgotten."""
    ids = turn.db.execute(DUE, (origin, turn.now, limit)).fetchall()
    until = turn.now + round(lease * 1e6)
    claimed: list[TaskRecord] = []
    for (id,) in ids:
        moved = "UPDATE tasks SET next_check = ? WHERE id = ? RETURNING body, next_check"
        row = turn.db.execute(moved, (until, id)).fetchone()
        try:
            claimed.append(_record(*row))
        except StoreError as error:  # it must not keep everything that is due after it from being asked for
            logger.warning("%s is due and cannot be read: %s", id, error)
    prune_hourly(turn, keep)
    return claimed


def due(turn: Turn, id: str, delay: float) -> None:
    """Move the next check; see Store.due."""
    turn.db.execute(
        f"UPDATE tasks SET next_check = ? WHERE id = ? AND status NOT IN ({_SERVICE})",  # noqa: S608 - our own words
        (turn.now + round(delay * 1e6), id),
    )


def note(turn: Turn, name: str, value: str) -> str:
    """Keep a value under a name; see Store.note."""
    if value:
        turn.db.execute("INSERT OR REPLACE INTO notes (name, value) VALUES (?, ?)", (name, value))
    else:
        turn.db.execute("DELETE FROM notes WHERE name = ?", (name,))
    return value


def noted(turn: Turn, name: str) -> str | None:
    """What is kept under a name."""
    row = turn.db.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
    return None if row is None else row[0]


def forget(turn: Turn, before: int) -> tuple[int, bool]:
    """Forget some of what ended before a moment (microseconds): how many tasks, and whether there may be more."""
    tasks = _delete(turn, "tasks", "ended_at < ?", before)
    events = _delete(turn, "events", "at < ?", before)
    return tasks, FORGET_AT_ONCE in (tasks, events)


def prune_hourly(turn: Turn, keep: int) -> None:
    """Forget what ended ``keep`` microseconds ago, and what began that long before its deadline; once an hour."""
    (pruned_at,) = turn.db.execute("SELECT pruned_at FROM state").fetchone()
    if 0 <= turn.now - pruned_at < PRUNE_EVERY:
        return
    _, more = forget(turn, turn.now - keep)
    stale = _delete(turn, "tasks", "ended_at IS NULL AND began_at < ?", turn.now - keep - round(DEADLINE * 1e6))
    if not more and stale < FORGET_AT_ONCE:
        turn.db.execute("UPDATE state SET pruned_at = ?", (turn.now,))


def _delete(turn: Turn, table: str, condition: str, before: int) -> int:
    some = f"SELECT number FROM {table} WHERE {condition} LIMIT {FORGET_AT_ONCE}"  # noqa: S608 - our own words
    return turn.db.execute(f"DELETE FROM {table} WHERE number IN ({some})", (before,)).rowcount  # noqa: S608 - the same
