"""Blocking calls on an event loop are errors wherever our own code is on the stack.

Properties are drawn 40 times in a plain run; AIVIDEO_TEST_PROFILE=thorough, as in .ci/run, draws them 200 times.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import settings

settings.register_profile("plain", max_examples=40)
settings.register_profile("thorough", max_examples=200, deadline=None)
settings.load_profile(os.environ.get("AIVIDEO_TEST_PROFILE", "plain"))

pytest.register_assert_rewrite("tests.stores.durable")


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are cores: some tests wait for an engine or a process."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(autouse=True, scope="session")
def _blocking_calls_are_errors() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction] - autouse
    with blockbuster_ctx(["aivideo_async"]) as blocking:
        for name in ("threading.Lock.acquire", "threading.Lock.acquire_lock"):
            # coverage's own lock, which a rendering thread may hold
            blocking.functions[name].can_block_in("coverage/collector.py", "lock_data")
        yield
