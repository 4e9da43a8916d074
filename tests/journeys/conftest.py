"""Real processes, real engines and real kills, for every store that outlives its process.

A journey prints its seed; AIVIDEO_TEST_SEED=… draws the same moments again, as far as the machine goes along.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from tests.journeys.engines import ENGINES, Engine, running
from tests.journeys.nursery import Nursery

Tell = Callable[[str], None]


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


@pytest.fixture(params=ENGINES)
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Engine]:
    async with running(request.param, tmp_path) as engine:
        yield engine


@pytest.fixture
def tell(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Tell:
    """Print a line about this test, also when it passes."""

    def tell(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{request.node.name}: {text}")

    return tell


@pytest.fixture
def draw(tell: Tell) -> Random:
    """Chance, with its seed printed."""
    seed = int(os.environ.get("AIVIDEO_TEST_SEED") or secrets.randbits(32))
    tell(f"seed {seed}")
    return Random(seed)
