"""Endings in a namespace of a Redis, and which consumers were given them: a stream and its groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from aivideo_async.core.errors import EventsLostError
from aivideo_async.core.models import TaskRecord
from aivideo_async.stores import redis_scripts as scripts
from aivideo_async.stores.redis_connections import Connections
from aivideo_async.stores.redis_link import Address
from aivideo_async.stores.redis_records import to_record


@dataclass(frozen=True, slots=True)
class Given:
    """An ending that a group was given, and its place in the stream."""

    place: bytes
    record: TaskRecord


async def take(connections: Connections, group: str, lease: float) -> Given | float:
    """What the group is given next, for ``lease`` seconds: what was not acknowledged in time, then what is new to it.

    Or in how many seconds there may be something, at the latest. Raises EventsLostError, once, when endings were
    forgotten that the group had not dealt with.
    """
    milliseconds = max(1, round(lease * 1000))
    verdict, *rest = cast("list[bytes]", await connections.run(scripts.TAKE, group, milliseconds))
    if verdict == b"ending":
        place, body, next_check = rest
        return Given(place, to_record(body, next_check))
    if verdict == b"lost":
        lost = int(rest[0])
        await connections.run(scripts.TOLD, group, lost)  # only now: the answer before might have been lost
        raise EventsLostError(f"{lost} endings are forgotten that the group {group!r} has not dealt with")
    return int(rest[0]) / 1000


async def acknowledge(connections: Connections, address: Address, group: str, place: bytes) -> None:
    """Never give it to the group again."""
    await connections.ask("XACK", f"{address.prefix}events", group, place)
