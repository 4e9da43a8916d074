"""A way to an engine on which answers get lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from aivideo_async.stores.redis_link import Address
from tests.loopback import serving


@dataclass
class Way:
    """``address`` leads to the engine. While ``losing``, what is asked arrives, and the answer does not come back.

    ``lost`` counts these; ``losing`` goes down with each of them.
    """

    address: Address
    losing: int = 0
    lost: int = 0


@asynccontextmanager
async def lossy(address: Address) -> AsyncGenerator[Way]:
    """A way to the engine at ``address``, and to the same namespace."""
    way = Way(address)

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(address.host, address.port)
        try:
            while asked := await reader.read(1 << 20):
                back.write(asked)
                answer = await there.read(1 << 20)
                if way.losing:
                    way.losing, way.lost = way.losing - 1, way.lost + 1
                    return
                writer.write(answer)
        finally:
            back.close()

    async with serving(script) as url:
        way.address = replace(address, host="127.0.0.1", port=int(url.rpartition(":")[2]))
        yield way
