"""Engines that are started once for all tests of stores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engines.valkey import engine_url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a Redis or Valkey that nobody harms; every test takes a namespace of its own."""
    with engine_url() as url:
        yield url
