from __future__ import annotations

import pytest

from aivideo_async.tally import BOUNDS, Latency, Tally


def test_a_copy_no_longer_changes() -> None:
    tally = Tally()
    tally["received"] += 1
    stats = tally.stats()
    tally["received"] += 1
    tally.stored(0.002, 1)
    assert stats == {"received": 1}
    assert (dict(stats.matched), stats.latency.count) == ({}, 0)


def test_what_never_happened_is_not_there() -> None:
    stats = Tally().stats()
    assert (len(stats), stats.get("verified", 0)) == (0, 0)
    with pytest.raises(KeyError):
        stats["verified"]


def test_which_secret_matched_is_counted_by_its_place() -> None:
    tally = Tally()
    for index in (0, 1, 1, None):
        tally.stored(0.0, index)
    assert tally.stats() == {"verified": 4}
    assert tally.stats().matched == {0: 1, 1: 2}


@pytest.mark.parametrize(("seconds", "bucket"), [(0.0, 0), (0.001, 0), (0.0011, 1), (10.0, 12), (10.1, 13), (1e9, 13)])
def test_a_latency_falls_into_the_bucket_that_holds_it(seconds: float, bucket: int) -> None:
    tally = Tally()
    tally.stored(seconds, None)
    counts = [0] * (len(BOUNDS) + 1)
    counts[bucket] = 1
    assert tally.stats().latency == Latency(tuple(counts), seconds)


def test_rejections_are_by_reason() -> None:
    tally = Tally()
    for name in ("received", "rejected", "rejected:stale", "rejected", "rejected:stale"):
        tally[name] += 1
    assert tally.stats().rejections == {"stale": 2}
    assert "'rejected:stale': 2" in repr(tally.stats())
