from __future__ import annotations

import pytest

from aivideo_async import console
from aivideo_async.console.store_source import StoreSource


def test_its_names_are_there_and_others_are_not() -> None:
    assert console.StoreSource is StoreSource
    assert all(hasattr(console, name) for name in console.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = console.nothing
