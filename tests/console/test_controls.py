from __future__ import annotations

from aivideo_async.console.controls import FormError


def test_a_form_that_was_not_taken_says_all_that_was_wrong() -> None:
    error = FormError({"name": "it is taken", "daily": "it is no number"})
    assert str(error) == "it is taken; it is no number"
    assert list(error.problems) == ["name", "daily"]
