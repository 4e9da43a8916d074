from __future__ import annotations

import pytest

from aivideo_async.console.tasks import media, tasks
from tests.console.asking import HOSTILE, a_line, a_source, a_visit
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
    assert "Nothing fits" in main
    assert '<option value="failed"' not in main
    main = tasks(a_visit(source, q="CITY", model="sora-2", status="running")).main
    assert '<option value="running" selected>' in main
    assert '<option value="sora-2" selected>' in main
    assert 'value="CITY"' in main


def test_only_files_of_our_own_origin_are_loaded() -> None:
    line = a_line(files=("https://cdn.example/a.mp4", "javascript:alert(1)", "http://127.0.0.1:8/files/b.mp4"))
    shown = media(a_visit(), line, whole=True)
    assert 'href="https://cdn.example/a.mp4" rel="noreferrer noopener"' in shown
    assert "javascript" not in shown
    assert '<video src="/files/b.mp4"' in shown


@pytest.mark.parametrize(("kind", "tag"), [("image", "<img"), ("music", "<audio"), ("video", "<video")])
def test_each_kind_has_its_element(kind: str, tag: str) -> None:
    shown = media(a_visit(), a_line(kind=kind, files=("http://127.0.0.1:8/files/b",)), whole=False)
    assert shown.startswith(tag)


def test_credits_that_came_back_are_not_counted_as_spent() -> None:
    engine = an_engine()
    task = accepted(engine)
    engine.finish(task.id, ("upstream_error", "no"), NOW)
    engine.advance(NOW + 10_000)
    for shape in ("gallery", "table"):
        assert "given back" in tasks(a_visit(a_source(engine), view=shape)).main
