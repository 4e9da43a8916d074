"""Reading a Redis store by commands of the engine that only read, for users who may do no more.

The scripts read in one step, but who may run a script may often do more. Here a record that changes between two
commands is read as it is by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.core.models import TaskRecord
from aivideo_async.stores.base import Query
from aivideo_async.stores.redis_connections import Connections
from aivideo_async.stores.redis_link import Address, Reply
from aivideo_async.stores.redis_opening import require_known
from aivideo_async.stores.redis_records import PAGE, matching, to_record
from aivideo_async.supervise import together

FIELDS = ("body", "next")
INDEXES = ("i:", "k:")


async def look(connections: Connections, address: Address) -> None:
    """See that the namespace is one of ours. Raises ConfigurationError for one that nobody has written to."""
    version = await connections.ask("GET", f"{address.prefix}version")
    if version is None:
        raise ConfigurationError(f"{address}: there is no store in namespace {address.namespace!r}")
    require_known(version, address)


async def find(connections: Connections, names: Sequence[str], prefix: str) -> dict[str, TaskRecord]:
    """By our id, the service's id or a key; see Store.get."""
    found = await together(*(_find(connections, name, prefix) for name in names))
    return {name: record for name, record in zip(names, found, strict=True) if record is not None}


async def _find(connections: Connections, name: str, prefix: str) -> TaskRecord | None:
    record = await _held(connections, name, prefix)
    for index in INDEXES:
        if record is None:
            id = cast("bytes | None", await connections.ask("GET", f"{prefix}{index}{name}"))
            record = None if id is None else await _held(connections, id.decode(errors="replace"), prefix)
    return record


async def page(
    connections: Connections, query: Query, before: int | None, prefix: str
) -> tuple[list[TaskRecord], int | None]:
    """Some that match, the newest first, of those below a place, and the place to go on below."""
    which, start = "open" if query.unfinished else "all", "+inf" if before is None else f"({before}"
    words = ("ZREVRANGEBYSCORE", f"{prefix}{which}", start, "-inf", "WITHSCORES", "LIMIT", 0, PAGE)
    rows = cast("list[bytes]", await connections.ask(*words))
    held = await together(*(_held(connections, id.decode(errors="replace"), prefix) for id in rows[::2]))
    records = [record for record in held if record is not None]
    return matching(records, query), int(rows[-1]) if len(rows) == 2 * PAGE else None


async def _held(connections: Connections, id: str, prefix: str) -> TaskRecord | None:
    body, next_check = cast("list[Reply]", await connections.ask("HMGET", f"{prefix}t:{id}", *FIELDS))
    if not isinstance(body, bytes):
        return None
    return to_record(body, next_check if isinstance(next_check, bytes) else None)
