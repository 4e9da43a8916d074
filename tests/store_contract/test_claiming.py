from __future__ import annotations

import pytest

from aivideo_async.store_contract.claiming import Claiming
from tests.store_contract.broken import Leaking, Racing, run


@pytest.mark.parametrize(
    "test",
    [
        Claiming().test_four_claimers_at_once_share_without_overlap,
        Claiming().test_four_replicas_take_over_what_a_dead_one_had_claimed,
    ],
)
def test_a_store_that_lets_two_claimers_have_one_task_is_found(test: object) -> None:
    run(test)
    with pytest.raises(AssertionError):
        run(test, Racing)


@pytest.mark.parametrize(
    "test",
    [
        Claiming().test_a_claim_lasts_for_its_lease_and_then_it_is_claimed_again,
        Claiming().test_four_replicas_take_over_what_a_dead_one_had_claimed,
    ],
)
def test_a_store_in_which_a_dead_claimers_work_is_lost_is_found(test: object) -> None:
    with pytest.raises(AssertionError):
        run(test, Leaking)
