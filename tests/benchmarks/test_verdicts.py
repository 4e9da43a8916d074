from __future__ import annotations

import pytest

from tests.benchmarks.verdicts import DIALECTS, INPUTS, NONE, OURS, PEERS, deliveries, merged, ours, table

NOW = 1_772_442_777


@pytest.mark.parametrize("scheme", DIALECTS)
def test_ours_says_what_should_be_said(scheme: str) -> None:
    said = ours(deliveries(scheme, NOW), NOW)
    assert [
        (title, one) for (title, should, _), one in zip(INPUTS, said, strict=True) if one not in (should, NONE)
    ] == []


def test_there_are_twelve_and_each_is_said_to_three_at_least() -> None:
    given = [deliveries(scheme, NOW) for _, scheme in PEERS.values()]
    assert len(INPUTS) == 12
    assert all(sum(one is not None for one in row) >= 3 for row in zip(*given, strict=True))


def test_the_table_says_in_bold_what_is_not_as_it_should_be() -> None:
    right = [should for _, should, _ in INPUTS]
    said = table({"svix": ["crashes: ValueError", NONE, *right[2:]], OURS: merged([right, right])}).splitlines()
    assert said[0] == "| delivery | should be | `svix` 2.9.1 | ours |"
    assert said[2] == "| right | believed | **crashes** | ✓ |"
    assert said[3].endswith(f"| believed | {NONE} | ✓ |")
