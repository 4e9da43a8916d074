"""Engines that are started once for all tests of stores."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator

import pytest

from aivideo_async.stores.redis_connections import Connections
from aivideo_async.stores.redis_link import Address
from tests.engines.valkey import engine_url
from tests.stores.redis_engine import fresh


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a Redis or Valkey that nobody harms; every test takes a namespace of its own."""
    with engine_url() as url:
        yield url


@pytest.fixture
def address(redis_url: str) -> Address:
    """A namespace of its own."""
    return fresh(redis_url)


@pytest.fixture
async def connections(address: Address) -> AsyncGenerator[Connections]:
    """Connections to that namespace."""
    connections = Connections(address)
    yield connections
    await connections.close()
