"""The smoke run: every row runs, and a task costs the requests that it should. Nothing about speed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import ROWS

ROOT = Path(__file__).parents[2]


@pytest.mark.bench
@pytest.mark.timeout(280)
def test_every_row_runs_and_a_task_costs_one_request_signed_and_two_unsigned(tmp_path: Path) -> None:
    run = subprocess.run(  # noqa: S603 - our own interpreter and our own module
        [sys.executable, "-m", "tests.benchmarks", "--quick", "--out", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=270,
    )
    print(run.stdout)
    assert run.returncode == 0, run.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    ran = {figure["row"] for figure in results["figures"] if figure["value"] is not None}
    assert set(ROWS) == ran
    requests = {point["way"]: point["requests"] for point in results["scaling"]}
    assert (requests["signed"], requests["unsigned"]) == (1.0, 2.0)
