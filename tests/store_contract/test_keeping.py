from __future__ import annotations

import pytest

from aivideo_async.store_contract.keeping import Keeping
from tests.store_contract.broken import KeyBlind, Overwriting, run


@pytest.mark.parametrize(
    "test",
    [
        Keeping().test_a_put_merges_and_never_overwrites,
        Keeping().test_puts_at_once_lose_nothing,
        Keeping().test_a_callback_before_the_creates_answer_stays,
        Keeping().test_of_replicas_that_finish_at_once_one_wins,
    ],
)
def test_a_store_that_overwrites_is_found(test: object) -> None:
    run(test)
    with pytest.raises((AssertionError, ValueError)):
        run(test, Overwriting)


@pytest.mark.parametrize(
    "test",
    [
        Keeping().test_a_key_belongs_to_the_first_that_brings_it,
        Keeping().test_of_four_that_bring_a_key_at_once_one_holds_it,
        Keeping().test_an_id_that_another_task_holds_is_refused,
    ],
)
def test_a_store_in_which_a_key_is_nobodys_is_found(test: object) -> None:
    run(test)
    with pytest.raises(AssertionError):
        run(test, KeyBlind)
