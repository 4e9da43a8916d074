from __future__ import annotations

from aivideo_async.cli.reasons import WORDS, in_words
from aivideo_async.core.errors import VerificationFailure


def test_every_reason_has_words_of_its_own() -> None:
    assert set(VerificationFailure) <= set(WORDS)
    assert len(set(WORDS.values())) == len(WORDS)


def test_a_reason_that_nobody_knows_stands_for_itself() -> None:
    assert in_words("moon") == "moon"
    assert in_words("stale").startswith("it was signed too long ago")
