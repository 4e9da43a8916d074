from __future__ import annotations

from aivideo_async.console.source import Step, TaskDetail
from aivideo_async.console.task import no_task, task
from tests.console.asking import AT, HOSTILE, SORA, a_line, a_visit, at


def a_detail(**changes: object) -> TaskDetail:
    steps = [
        Step(at=AT, title="Submitted", raw="{}", raw_title="Request"),
        Step(at=at(6), title=HOSTILE, detail=HOSTILE),
    ]
    return TaskDetail(line=a_line(**changes), request=SORA, facts={HOSTILE: HOSTILE}, steps=steps, can_resend=True)


def test_the_timeline_says_what_happened_and_how_long_after() -> None:
    main = task(a_visit(), a_detail()).main
    assert "+6.0 s" in main
    assert "<script>" not in main
    assert 'action="/console/tasks/task-1/resend"' in main
    assert 'name="form_token" value="word"' in main


def test_the_code_that_makes_the_same_is_beside_it() -> None:
    main = task(a_visit(), a_detail()).main
    assert "Sora2(duration=4, prompt='a city')" in main
    assert "curl -sS http://127.0.0.1:8/v1/videos/generations" in main


def test_a_long_prompt_is_whole_once_and_short_in_the_heading() -> None:
    view = task(a_visit(), a_detail(prompt="word " * 1000))
    assert view.main.count("word word") > 1
    assert len(view.title) <= 60
    assert 'class="whole"' in view.main


def test_what_is_not_over_and_what_failed_say_so_in_the_place_of_a_file() -> None:
    running = task(a_visit(), a_detail(status="processing", progress=0.25)).main
    assert 'value="0.250"' in running
    assert "25%" in running
    assert "moderation" in task(a_visit(), a_detail(status="failed", problem="moderation")).main


def test_a_task_that_nobody_knows_is_404() -> None:
    view = no_task(a_visit(), HOSTILE)
    assert view.status == 404
    assert "<script>" not in view.main
