from __future__ import annotations

import pytest

from tests.stores.contract import Engine, StoreContract
from tests.stores.postgres_engine import PostgresEngine, fresh_url


class TestPostgresStore(StoreContract):
    """Everything that every store does."""

    @pytest.fixture
    def engine(self, url: str) -> Engine:
        return PostgresEngine(url)


@pytest.fixture
def url() -> str:
    return fresh_url()
