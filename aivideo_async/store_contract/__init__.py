"""What every store must do, as tests: for a store of your own, run by your pytest.

A test module subclasses ``StoreContract`` and gives it a fixture ``engine``, which makes a fresh, empty engine for each
test::

    from aivideo_async.store_contract import Engine, StoreContract

    class TestMyStore(StoreContract):
        @pytest.fixture
        def engine(self, tmp_path: Path) -> Engine:
            return MyEngine(tmp_path)

It has the three methods of ``Engine``. Nothing else is needed: the tests run in loops of their own, whichever plugin
for asynchronous tests there is. For an engine whose clock cannot be set, ``advance`` waits, and the subclass sets short
spans: ``lease``, in seconds, and ``event_lease``, which is how long the store lends an ending.

Importing this needs pytest; the package's plugin for it has the tests' assertions explained.
"""

from __future__ import annotations

from aivideo_async.store_contract.claiming import Claiming
from aivideo_async.store_contract.engine import PATIENCE, Engine, consuming, record_in, scanned, taken
from aivideo_async.store_contract.finding import Finding
from aivideo_async.store_contract.keeping import Keeping
from aivideo_async.store_contract.receiving import Receiving
from aivideo_async.store_contract.telling import Telling

__all__ = ["PATIENCE", "Engine", "StoreContract", "consuming", "record_in", "scanned", "taken"]


class StoreContract(Keeping, Finding, Claiming, Telling, Receiving):
    """The tests of a store; see the module."""
