from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks.contest import Spread
from tests.benchmarks.report import Figure, Measured, Point, Target, skipped, table, write_json


def figure(median: float, target: Target | None) -> Figure:
    return Figure(row="submit", what="submit", against="bare", value=Spread(median, median, median, 1), target=target)


@pytest.mark.parametrize(
    ("median", "target", "verdict"),
    [
        (0.75, Target("at least", 0.75), "reached"),
        (0.60, Target("at least", 0.75), "missed by 20%"),
        (1.50, Target("at most", 1.5), "reached"),
        (3.00, Target("at most", 1.5), "missed by 100%"),
        (0.00, Target("at most", 0.0), "reached"),
        (2.00, Target("at most", 0.0), "missed by 200%"),
        (9.99, None, ""),
    ],
)
def test_the_verdict_says_by_how_much_a_target_was_missed(median: float, target: Target | None, verdict: str) -> None:
    assert figure(median, target).verdict == verdict


def test_what_was_skipped_stands_in_the_table_with_its_reason() -> None:
    text = table(Measured(skipped("submit", ["openai (openai is not installed)"])))
    assert "openai (openai is not installed)" in text
    assert "skipped" in text


def test_a_contender_that_got_nothing_done_gives_no_ratio() -> None:
    collapsed = Figure(row="submit", what="submit", against="httpx", value=None, note="265 raised PoolTimeout")
    assert collapsed.verdict == "no ratio"
    assert "265 raised PoolTimeout" in table(Measured([collapsed]))


def test_the_table_has_a_line_for_every_figure_and_every_point() -> None:
    point = Point(way="signed", tasks=100, requests=1.0, cpu=0.0005, delay=0.002)
    text = table(Measured([figure(0.6, Target("at least", 0.75))], [point]))
    assert "0.600 ×" in text
    assert "≥ 0.75" in text
    assert "500 µs" in text
    assert "2.0 ms" in text


def test_the_json_has_figures_with_their_verdicts_and_the_points(tmp_path: Path) -> None:
    point = Point(way="signed", tasks=100, requests=1.0, cpu=0.0005, delay=0.002)
    write_json(Measured([figure(0.8, Target("at least", 0.75))], [point]), tmp_path / "results.json")
    read = json.loads((tmp_path / "results.json").read_text())
    assert (read["figures"][0]["value"]["median"], read["figures"][0]["verdict"]) == (0.8, "reached")
    assert read["scaling"][0]["way"] == "signed"
    assert read["packages"]["aiohttp"]
