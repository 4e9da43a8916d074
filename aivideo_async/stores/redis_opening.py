"""What is looked at when a Redis store is opened: the version of its data, and whether the engine keeps them."""

from __future__ import annotations

import logging
import re

from redis.exceptions import ResponseError

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.stores import codec
from aivideo_async.stores import redis_scripts as scripts
from aivideo_async.stores.redis_connections import Connections
from aivideo_async.stores.redis_link import Address, Reply

logger: logging.Logger = logging.getLogger(__name__)

LAYOUT = 1
VERSION = f"{LAYOUT}.{codec.VERSION}"


async def check_version(connections: Connections, address: Address) -> None:
    """Mark a new namespace as ours. Raises ConfigurationError when what is there was written by a newer package."""
    require_known(await connections.run(scripts.OPEN, VERSION), address)


def require_known(version: Reply, address: Address) -> None:
    """Raises ConfigurationError for the version of a newer package."""
    known = re.fullmatch(rb"(\d{1,9})\.(\d{1,9})", version) if isinstance(version, bytes) else None
    if known is None or int(known[1]) > LAYOUT or int(known[2]) > codec.VERSION:
        said = version.decode(errors="replace") if isinstance(version, bytes) else "unknown"
        raise ConfigurationError(
            f"{address}: version {said[:20]!r} of the data in namespace {address.namespace!r}, "
            f"this package knows {VERSION}"
        )


async def remarks(connections: Connections) -> list[str]:
    """What is worth a WARNING about the engine's settings, a sentence each; nothing when it does not tell them."""
    try:
        memory = await connections.ask("INFO", "memory")
        persistence = await connections.ask("INFO", "persistence")
    except ResponseError as error:
        logger.debug("the engine does not tell its settings: %s", error)
        return []
    said: list[str] = []
    policy = re.search(rb"^maxmemory_policy:(\S+)", memory, re.MULTILINE) if isinstance(memory, bytes) else None
    if policy is not None and policy[1] != b"noeviction":
        said.append(
            f"maxmemory-policy is {policy[1].decode(errors='replace')}: when memory is short the engine forgets tasks, "
            "set it to noeviction"
        )
    if isinstance(persistence, bytes) and re.search(rb"^aof_enabled:0", persistence, re.MULTILINE):
        said.append("appendonly is off: what was stored last is lost when the engine crashes, set it to yes")
    return said
