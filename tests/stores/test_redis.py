from __future__ import annotations

import pytest

from tests.stores.contract import Engine, StoreContract
from tests.stores.redis_engine import RedisEngine


class TestRedisStore(StoreContract):
    """Everything that every store does."""

    @pytest.fixture
    def engine(self, redis_url: str) -> Engine:
        return RedisEngine(redis_url)
