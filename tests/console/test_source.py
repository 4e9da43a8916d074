from __future__ import annotations

from aivideo_async.console.source import CallbackLine, Tally, Wanted
from tests.console.asking import AT


def test_what_is_wanted_is_found_by_status_model_and_words() -> None:
    assert Wanted().everything
    assert Wanted(status="running").fits("pending", "sora-2")
    assert not Wanted(status="running").fits("failed", "sora-2")
    assert Wanted(status="failed", model="sora-2", text="CITY").fits("failed", "sora-2", "id", "a city")
    assert not Wanted(model="veo-3").fits("failed", "sora-2")
    assert not Wanted(text="x").fits("failed", "sora-2", "a city")


def test_a_tally_adds_up() -> None:
    tally = Tally(statuses={"pending": 2, "completed": 3})
    assert (tally.total, tally.running) == (5, 2)


def test_only_2xx_is_accepted() -> None:
    lines = [CallbackLine(at=AT, task_id="", event="", attempt=1, status=status) for status in (204, 302, None)]
    assert [line.accepted for line in lines] == [True, False, False]
