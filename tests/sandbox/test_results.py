from __future__ import annotations

from typing import cast

import pytest

from aivideo_async.sandbox.scenarios import ExpiredUrl, Fail
from aivideo_async.sandbox.shelf import ShelfError
from tests.sandbox.asking import CLIP, LATER, NOW, accepted, an_engine, content, ended, the_task


def test_urls_may_be_dead_when_they_are_told() -> None:
    engine = an_engine()
    engine.enqueue([ExpiredUrl()])
    ended(engine)
    url = cast("list[str]", (the_task(engine).output or {})["urls"])[0]
    with pytest.raises(ShelfError, match="expired"):
        engine.shelf.behind(url, LATER)
    assert engine.shelf.behind(engine.shelf.again(url, LATER), LATER) == content(b"clip")


def test_files_that_come_to_nothing_are_dropped() -> None:
    engine = an_engine()
    task, name = accepted(engine), content(b"clip").name
    engine.finish("of nobody", CLIP, NOW)
    engine.finish(task.id, CLIP, NOW)
    engine.finish(task.id, CLIP, NOW)
    assert (engine.shelf.dropped, list(engine.results.contents())) == ([name] * 2, [name])
    engine.afflict(task.id, (Fail(),))
    assert engine.shelf.dropped == [name] * 3
    engine.finish(task.id, CLIP, NOW)
    engine.advance(LATER)
    assert (the_task(engine).status, engine.shelf.dropped) == ("failed", [name] * 4)


def test_a_reset_drops_what_was_handed_in_and_what_is_on_the_shelf() -> None:
    engine = an_engine()
    ended(engine)
    engine.finish(accepted(engine).id, CLIP, NOW)
    engine.reset(LATER)
    assert engine.shelf.dropped == [content(b"clip").name] * 2
    assert not [*engine.shelf.contents(), *engine.results.contents()]


def test_files_that_are_lost_are_waited_for_anew() -> None:
    engine = an_engine()
    task = accepted(engine)
    engine.finish(task.id, CLIP, NOW)
    engine.lose_files()
    engine.advance(LATER)
    assert (the_task(engine).status, engine.shelf.dropped) == ("processing", [])
    engine.finish(task.id, CLIP, LATER)
    engine.advance(LATER)
    assert the_task(engine).status == "completed"
