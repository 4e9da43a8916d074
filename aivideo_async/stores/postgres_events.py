"""Endings in PostgreSQL, and which consumers were given them: every function works in a turn.

Each group has a position, up to which it was given everything, and a lease for each ending that it has not
acknowledged.

A sequence's numbers become visible in the order of commits and not in their own, so a position among them would skip
an ending whose commit came late. Endings are therefore written without a number, and get one from whoever reads next:
what gets a number is committed, and what is committed later gets a higher one.
"""

from __future__ import annotations

from collections.abc import Sequence

from aivideo_async.core.errors import EventsLostError
from aivideo_async.stores.codec import record_from_json
from aivideo_async.stores.feeds import Ending
from aivideo_async.stores.postgres_schema import NOW, Turn, lock_of

NUMBER_AT_ONCE = 1_000

_FRESH = "SELECT EXISTS (SELECT FROM aivideo_events WHERE ns = %(ns)s AND number IS NULL)"
_NUMBER = f"""
    WITH fresh AS MATERIALIZED (
        SELECT seq, row_number() OVER (ORDER BY seq) AS place FROM (
            SELECT seq FROM aivideo_events WHERE ns = %(ns)s AND number IS NULL ORDER BY seq LIMIT {NUMBER_AT_ONCE}
        ) AS picked
    ), numbered AS (
        UPDATE aivideo_events AS event SET number = %(base)s::bigint + place FROM fresh
        WHERE event.ns = %(ns)s AND event.seq = fresh.seq RETURNING event.seq
    )
    UPDATE aivideo_state SET events = %(base)s::bigint + (SELECT count(*) FROM numbered) WHERE ns = %(ns)s
"""  # noqa: S608 - our own words
_STATE = """
    SELECT
        coalesce((SELECT min(number) FROM aivideo_events WHERE ns = %(ns)s AND number IS NOT NULL), events + 1),
        (SELECT position FROM aivideo_consumers WHERE ns = %(ns)s AND name = %(name)s)
    FROM aivideo_state WHERE ns = %(ns)s
"""
_LAPSED = f"""
    SELECT number, at, body FROM aivideo_leases JOIN aivideo_events USING (ns, number)
    WHERE ns = %(ns)s AND name = %(name)s AND until <= {NOW} ORDER BY until, number LIMIT 1
"""  # noqa: S608 - our own words
_NEXT = """
    SELECT number, at, body FROM aivideo_events WHERE ns = %(ns)s AND number > %(position)s ORDER BY number LIMIT 1
"""
_MOVE = """
    INSERT INTO aivideo_consumers VALUES (%(ns)s, %(name)s, %(position)s)
    ON CONFLICT (ns, name) DO UPDATE SET position = excluded.position
"""
_LEASE = f"""
    INSERT INTO aivideo_leases VALUES (%(ns)s, %(name)s, %(number)s, {NOW} + %(lease)s::bigint)
    ON CONFLICT (ns, name, number) DO UPDATE SET until = excluded.until
"""  # noqa: S608 - our own words
_SOONEST = f"SELECT min(until) - {NOW} FROM aivideo_leases WHERE ns = %(ns)s AND name = %(name)s"  # noqa: S608


def locks_of(namespace: str, group: str) -> Sequence[int]:
    """What is held while a consumer of the group takes."""
    return [lock_of("aivideo", namespace, "group", group)]


async def number_fresh(turn: Turn) -> None:
    """Number some of the endings that have none yet, in the order in which they were written."""
    if await turn.row(_FRESH) != (True,):
        return
    # Whoever had the lock before has numbered what the look above still saw without.
    row = await turn.row("SELECT events FROM aivideo_state WHERE ns = %(ns)s FOR UPDATE")
    if row is not None:
        await turn.run(_NUMBER, base=row[0])


async def take(turn: Turn, group: str, lease: float) -> Ending | EventsLostError | float:
    """What the group is given next, for ``lease`` seconds: what was not acknowledged in time, then what is new to it.

    Or what it was not given in time; that is said once. Or in how many seconds there may be something, at the latest.
    To be done under the locks of the group.
    """
    await number_fresh(turn)
    first, position = await turn.row(_STATE, name=group) or (1, None)
    lost = await _lost(turn, group, first, position)
    if lost:
        return EventsLostError(f"{lost} endings are forgotten that the group {group!r} has not dealt with")
    row = await turn.row(_LAPSED, name=group)
    if row is None:
        row = await turn.row(_NEXT, position=position or 0)
        if row is None:
            return await _soonest(turn, group, lease)
        await turn.run(_MOVE, name=group, position=row[0])
    number, at, body = row
    await turn.run(_LEASE, name=group, number=number, lease=round(lease * 1e6))
    return Ending(number, at / 1e6, record_from_json(body))


async def acknowledge(turn: Turn, group: str, number: int) -> None:
    """Never give it to the group again."""
    await turn.run(
        "DELETE FROM aivideo_leases WHERE ns = %(ns)s AND name = %(name)s AND number = %(number)s",
        name=group,
        number=number,
    )


async def _lost(turn: Turn, group: str, first: int, position: int | None) -> int:
    """How many endings were forgotten before the group had dealt with them, since this was last asked."""
    given = 0
    if position is not None:
        forgotten = "DELETE FROM aivideo_leases WHERE ns = %(ns)s AND name = %(name)s AND number < %(first)s"
        given = await turn.run(forgotten, name=group, first=first)
    unread = 0 if position is None else max(0, first - position - 1)
    if unread:
        await turn.run(_MOVE, name=group, position=first - 1)
    return given + unread


async def _soonest(turn: Turn, group: str, lease: float) -> float:
    row = await turn.row(_SOONEST, name=group)
    return lease if row is None or row[0] is None else min(lease, max(0.0, row[0] / 1e6))
