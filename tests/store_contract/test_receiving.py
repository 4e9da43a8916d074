from __future__ import annotations

import pytest

from aivideo_async.store_contract.receiving import COMPLETED, FAILED, Receiving
from aivideo_async.stores.memory import MemoryStore
from tests.store_contract.broken import Doubting, ForgetfulAfterClosing, Overwriting, Silent, Stale, run


class Impatient(Receiving):
    patience = 0.05


def test_a_store_that_has_not_what_it_acknowledged_is_found() -> None:
    test = Impatient().test_a_delivery_that_met_a_store_that_was_down_counts_the_next_time
    run(test, signed=True)
    with pytest.raises(KeyError):
        run(test, Doubting, signed=True)


def test_the_developers_own_secret_plays_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVIDEO_WEBHOOK_SECRET", "nonsense")
    run(Impatient().test_a_delivery_that_met_a_store_that_was_down_counts_the_next_time, signed=False)


def test_a_store_in_which_the_second_ending_replaces_the_first_is_found() -> None:
    run(Impatient().test_of_contradicting_callbacks_the_first_stands, bodies=(COMPLETED, FAILED))
    with pytest.raises(AssertionError):
        run(Impatient().test_of_contradicting_callbacks_the_first_stands, Overwriting, bodies=(COMPLETED, FAILED))


@pytest.mark.parametrize(
    ("test", "wrong"),
    [
        (Impatient().test_a_callback_at_another_replica_resolves_the_task_here, Silent),
        (Impatient().test_an_awaiter_that_is_cancelled_hurts_no_other, Silent),
        (Impatient().test_a_callback_before_the_creates_answer_resolves_the_task, Stale),
        (Impatient().test_who_awaits_again_after_a_restart_is_told, ForgetfulAfterClosing),
    ],
)
def test_a_store_over_which_a_wait_never_ends_is_found(test: object, wrong: type[MemoryStore]) -> None:
    with pytest.raises(TimeoutError):
        run(test, wrong)


def test_a_store_that_does_not_last_is_not_asked_for_what_it_had() -> None:
    with pytest.raises(pytest.skip.Exception):
        run(Receiving().test_who_awaits_again_after_a_restart_is_told)
