"""The public contract (``aivideo_async.store_contract``) for our own stores, whose further tests are asynchronous."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from aivideo_async import store_contract
from aivideo_async.store_contract import PATIENCE, Engine, consuming, record_in, scanned, taken
from aivideo_async.stores.base import Store

__all__ = ["PATIENCE", "Engine", "StoreContract", "consuming", "record_in", "scanned", "taken"]


class StoreContract(store_contract.StoreContract):
    """The contract, and a fixture ``store`` for the tests that a subclass adds."""

    @pytest.fixture
    async def store(self, engine: Engine) -> AsyncGenerator[Store]:
        async with engine.connect() as store:
            yield store
