"""Ten thousand tasks in one sandbox: the page is there at once and stays live, and memory has a bound."""

from __future__ import annotations

import pytest

from tests.benchmarks import crowd
from tests.benchmarks.contest import Effort
from tests.benchmarks.report import table


@pytest.mark.bench
@pytest.mark.timeout(900)
def test_ten_thousand_tasks_stay_within_their_bounds() -> None:
    measured = crowd.measure(Effort())
    print(table(measured))
    assert {figure.what: figure.verdict for figure in measured.figures if figure.verdict != "reached"} == {}
