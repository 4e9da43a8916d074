"""``DurableContract`` for the stores whose engine is a server; SQLite has it in its own module.

Twenty seconds of starting processes: too long for a plain run, in which SQLite's stand for it.
"""

from __future__ import annotations

import secrets

import pytest

from tests.engines.postgres import shared_url
from tests.stores.durable import DurableContract

pytestmark = pytest.mark.crash


def fresh(url: str) -> str:
    """A namespace that nobody uses."""
    return f"{url}{'&' if '?' in url else '?'}namespace=test-{secrets.token_hex(6)}"


class TestRedisStoreLasts(DurableContract):
    """Everything that every store does over several processes."""

    @pytest.fixture
    def url(self, redis_url: str) -> str:
        return fresh(redis_url)


class TestPostgresStoreLasts(DurableContract):
    """The same."""

    @pytest.fixture
    def url(self) -> str:
        return fresh(shared_url())
