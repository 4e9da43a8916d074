from __future__ import annotations

import pytest

from aivideo_async.console.tasks import tasks
from aivideo_async.sandbox.plan import Made, Work
from aivideo_async.sandbox.scenarios import Fail
from tests.console.asking import HOSTILE, a_source, a_visit
from tests.sandbox.asking import NOW, SORA, accepted, an_engine, ended


def test_the_first_view_says_how_a_first_task_is_made() -> None:
    view = tasks(a_visit())
    assert "Nothing was made yet" in view.main
    assert 'href="/console/try"' in view.main
    assert "export AIVIDEO_BASE_URL=http://127.0.0.1:8" in view.main


@pytest.mark.parametrize("shape", ["gallery", "table"])
def test_what_strangers_wrote_is_text_in_either_shape(shape: str) -> None:
    engine = an_engine()
    accepted(engine, {**SORA, "prompt": HOSTILE})
    main = tasks(a_visit(a_source(engine), view=shape)).main
    assert "<script>" not in main
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in main
    assert "\u202e" not in main


def test_a_running_task_has_its_progress_and_an_ended_one_its_file() -> None:
    engine = an_engine()
    task = accepted(engine)
    half = (task.created_at + task.due_at) / 2
    assert 'value="0.500"' in tasks(a_visit(a_source(engine, now=half))).main
    engine = an_engine()
    ended(engine)
    assert 'src="/files/' in tasks(a_visit(a_source(engine))).main


def test_a_filter_is_in_the_address_and_kept_by_the_form() -> None:
    engine = an_engine()
    accepted(engine)
    source = a_source(engine)
    main = tasks(a_visit(source, status="failed", view="table")).main
    assert '<option value="failed" selected>failed' in main
    main = tasks(a_visit(source, q="CITY", model="sora-2", status="running")).main
    assert '<option value="running" selected>' in main
    assert '<option value="sora-2" selected>' in main
    assert 'value="CITY"' in main


def test_credits_that_came_back_are_not_counted_as_spent() -> None:
    engine = an_engine()
    task = accepted(engine)
    engine.finish(task.id, ("upstream_error", "no"), NOW)
    engine.advance(NOW + 10_000)
    for shape in ("gallery", "table"):
        assert "given back" in tasks(a_visit(a_source(engine), view=shape)).main


def test_where_nothing_fits_each_filter_can_be_dropped() -> None:
    engine = an_engine()
    accepted(engine)
    source = a_source(engine)
    main = tasks(a_visit(source, status="failed", model="sora-2", q="city", view="table", page="3")).main
    for text in (
        'href="/console/tasks?model=sora-2&amp;q=city&amp;view=table">Drop the status</a>',
        "Drop the status</a> <bdi>failed</bdi>: then 1 task",
        "Drop the model</a> <bdi>sora-2</bdi>: then 0 tasks",
        "Drop the text</a> <bdi>city</bdi>: then 0 tasks",
        'href="/console/tasks?view=table">Show all tasks',
    ):
        assert text in main
    assert "Show all tasks" not in tasks(a_visit(source, status="failed")).main


def test_behind_the_last_page_it_leads_back() -> None:
    engine = an_engine()
    accepted(engine)
    assert 'href="/console/tasks">Go to the newest' in tasks(a_visit(a_source(engine), page="9")).main


def test_a_failed_tile_says_why_and_not_which_request_it_was() -> None:
    engine = an_engine()
    engine.enqueue([Fail(message="The content is sensitive.")])
    ended(engine)
    main = tasks(a_visit(a_source(engine))).main
    assert "<bdi>The content is sensitive.</bdi>" in main
    assert "Request id" not in main


def test_a_tile_of_music_is_its_cover() -> None:
    engine = an_engine()
    music = Work((Made("mp3", b"music", title="Rain", seconds=61),), "1:1", covers=(Made("jpg", b"cover"),))
    ended(engine, {"model": "suno-v5", "prompt": "rain"}, work=music, kind="music")
    main = tasks(a_visit(a_source(engine))).main
    assert 'alt="Cover of Rain"' in main
    assert "<audio" not in main
