from __future__ import annotations

from typing import cast

import pytest

from aivideo_async.sandbox.scenarios import ExpiredUrl
from aivideo_async.sandbox.shelf import ShelfError
from tests.sandbox.asking import LATER, an_engine, ended, the_task


def test_urls_may_be_dead_when_they_are_told() -> None:
    engine = an_engine()
    engine.enqueue([ExpiredUrl()])
    ended(engine)
    url = cast("list[str]", (the_task(engine).output or {})["urls"])[0]
    with pytest.raises(ShelfError, match="expired"):
        engine.shelf.read(url, LATER)
    assert engine.shelf.read(engine.shelf.again(url, LATER), LATER) == b"clip"
