"""A store of your own, held to what every store must do: ``pytest test_your_own_store.py``.

This one is the memory store with a metric. One that keeps records elsewhere subclasses nothing: it has the methods of
``aivideo_async.Store``, and the same test. The tests need no plugin for asynchronous tests.
"""

import time
from collections import Counter
from collections.abc import Callable

import pytest

from aivideo_async import MemoryStore, Put, Store, TaskRecord, TaskStatus
from aivideo_async.store_contract import Engine, StoreContract


class CountingStore(MemoryStore):
    """Counts how tasks ended."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock=clock)
        self.endings: Counter[TaskStatus] = Counter()

    async def put(self, record: TaskRecord, /) -> Put:
        put = await super().put(record)
        if put.won:
            self.endings[put.record.status] += 1
        return put


class OneStore:
    """Where the records of one test are: here every connection is the same store, elsewhere each is a new one."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0
        self.store = CountingStore(self.now)

    def connect(self) -> Store:
        return self.store

    def now(self) -> float:
        return self.time

    async def advance(self, seconds: float) -> None:
        self.time += seconds


class TestCountingStore(StoreContract):
    @pytest.fixture
    def engine(self) -> Engine:
        return OneStore()
