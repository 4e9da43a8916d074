from __future__ import annotations

import pytest

from aivideo_async.store_contract.telling import Telling
from tests.store_contract.broken import Generous, Hushed, Silent, run


class Impatient(Telling):
    patience = 0.05


@pytest.mark.parametrize(
    "test",
    [
        Impatient().test_a_change_is_hinted_at_everybody_who_subscribed,
        Impatient().test_a_change_in_another_loop_is_hinted_at,
        Impatient().test_who_subscribes_reads_and_then_waits_misses_nothing,
        Impatient().test_who_waits_is_given_the_next_ending,
    ],
)
def test_a_store_that_never_hints_is_found(test: object) -> None:
    with pytest.raises(TimeoutError):
        run(test, Silent)


def test_a_store_that_gives_an_ending_twice_is_found() -> None:
    run(Telling().test_an_event_is_given_to_one_consumer_of_a_group)
    with pytest.raises(AssertionError):
        run(Telling().test_an_event_is_given_to_one_consumer_of_a_group, Generous)


def test_a_store_that_does_not_tell_what_a_group_has_missed_is_found() -> None:
    run(Telling().test_a_group_that_missed_endings_is_told_once)
    with pytest.raises(pytest.fail.Exception):
        run(Telling().test_a_group_that_missed_endings_is_told_once, Hushed)
