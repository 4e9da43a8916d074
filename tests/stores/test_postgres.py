from __future__ import annotations

import secrets
from contextlib import AbstractAsyncContextManager

import pytest

from aivideo_async.stores.base import Store
from aivideo_async.stores.postgres import PostgresStore
from tests.doubles import ManualClock
from tests.engines.postgres import shared_url
from tests.stores.contract import Engine, StoreContract


class PostgresEngine:
    def __init__(self, url: str) -> None:
        self.clock = ManualClock()
        self.url = url

    def connect(self) -> AbstractAsyncContextManager[Store]:
        return PostgresStore(self.url, clock=self.clock)

    def now(self) -> float:
        return self.clock()

    async def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)


@pytest.fixture
def url() -> str:
    base = shared_url()
    return f"{base}{'&' if '?' in base else '?'}namespace={secrets.token_hex(8)}"


class TestPostgresStore(StoreContract):
    @pytest.fixture
    def engine(self, url: str) -> Engine:
        return PostgresEngine(url)
