from __future__ import annotations

import pytest

from aivideo_async.store_contract.finding import Finding
from aivideo_async.stores.memory import MemoryStore
from tests.store_contract.broken import ForgetfulAfterClosing, OutOfOrder, Sweeping, run


@pytest.mark.parametrize(
    ("test", "wrong"),
    [
        (Finding().test_a_scan_gives_the_newest_first_and_no_more_than_asked, OutOfOrder),
        (Finding().test_what_ended_before_is_forgotten_and_nothing_else, Sweeping),
        (Finding().test_what_was_kept_is_there_when_it_is_opened_again, ForgetfulAfterClosing),
    ],
)
def test_what_is_wrong_is_found(test: object, wrong: type[MemoryStore]) -> None:
    with pytest.raises((AssertionError, KeyError)):
        run(test, wrong)


def test_a_store_that_does_not_last_is_not_asked_for_what_it_had() -> None:
    with pytest.raises(pytest.skip.Exception):
        run(Finding().test_what_was_kept_is_there_when_it_is_opened_again)
