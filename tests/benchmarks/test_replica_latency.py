from __future__ import annotations

import pytest

from tests.benchmarks.replica_latency import HEAD, Row, Spread, main
from tests.journeys.engines import ENGINES


def test_a_percentile_is_one_of_the_values() -> None:
    spread = Spread.of(range(100, 0, -1))
    assert [spread.percentile(percent) for percent in (0, 50, 99, 100)] == [1, 51, 100, 100]
    assert Spread.of([7]).percentile(99) == 7


def test_a_ratio_is_printed_only_beside_what_it_is_a_ratio_of() -> None:
    row = Row("redis", Spread.of([3_000_000]), Spread.of([500_000]))
    assert row.text().split() == ["redis", "1", "3.00", "3.00", "0.50", "0.50", "6.0x", "6.0x"]
    assert len(row.text()) == len(HEAD)
    assert Row("sqlite", Spread.of([3_000_000])).text().split() == ["sqlite", "1", "3.00", "3.00"]


@pytest.mark.bench
@pytest.mark.parametrize("store", ENGINES)
def test_it_measures(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--store", store, "--tasks", "10"])
    head, row = capsys.readouterr().out.splitlines()
    assert head == HEAD
    assert row.split()[:2] == [store, "10"]
