"""Endings in a SQLite database, and which consumers were given them: every function works in a turn.

Each group has a position, up to which it was given everything, and a lease for each ending that it has not
acknowledged.
"""

from __future__ import annotations

from aivideo_async.core.errors import EventsLostError
from aivideo_async.stores.codec import record_from_json
from aivideo_async.stores.feeds import Ending
from aivideo_async.stores.sqlite_schema import Turn

_FIRST = """
    SELECT coalesce((SELECT min(number) FROM events), (SELECT seq + 1 FROM sqlite_sequence WHERE name = 'events'), 1)
"""
_LAPSED = """
    SELECT number, at, body FROM leases JOIN events USING (number)
    WHERE name = ? AND until <= ? ORDER BY until, number LIMIT 1
"""
_NEXT = """
    SELECT number, at, body FROM events
    WHERE number > coalesce((SELECT position FROM consumers WHERE name = ?), 0) ORDER BY number LIMIT 1
"""


def take(turn: Turn, group: str, lease: float) -> Ending | EventsLostError | float:
    """What the group is given next, for ``lease`` seconds: what was not acknowledged in time, then what is new to it.

    Or what it was not given in time; that is said once. Or in how many seconds there may be something, at the latest.
    """
    lost = _lost(turn, group)
    if lost:
        return EventsLostError(f"{lost} endings are forgotten that the group {group!r} has not dealt with")
    row = turn.db.execute(_LAPSED, (group, turn.now)).fetchone()
    if row is None:
        row = turn.db.execute(_NEXT, (group,)).fetchone()
        if row is None:
            return _soonest(turn, group, lease)
        turn.db.execute("INSERT OR REPLACE INTO consumers VALUES (?, ?)", (group, row[0]))
    number, at, body = row
    turn.db.execute("INSERT OR REPLACE INTO leases VALUES (?, ?, ?)", (group, number, turn.now + round(lease * 1e6)))
    return Ending(number, at / 1e6, record_from_json(body))


def acknowledge(turn: Turn, group: str, number: int) -> None:
    """Never give it to the group again."""
    turn.db.execute("DELETE FROM leases WHERE name = ? AND number = ?", (group, number))


def _lost(turn: Turn, group: str) -> int:
    """How many endings were forgotten before the group had dealt with them, since this was last asked."""
    (first,) = turn.db.execute(_FIRST).fetchone()
    given = turn.db.execute("DELETE FROM leases WHERE name = ? AND number < ?", (group, first)).rowcount
    row = turn.db.execute("SELECT position FROM consumers WHERE name = ?", (group,)).fetchone()
    unread = 0 if row is None else max(0, first - row[0] - 1)
    if unread:
        turn.db.execute("UPDATE consumers SET position = ? WHERE name = ?", (first - 1, group))
    return given + unread


def _soonest(turn: Turn, group: str, lease: float) -> float:
    (until,) = turn.db.execute("SELECT min(until) FROM leases WHERE name = ?", (group,)).fetchone()
    return lease if until is None else min(lease, (until - turn.now) / 1e6)
