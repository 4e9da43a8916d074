from __future__ import annotations

from aivideo_async import spans


def test_nobody_makes_spans_until_asked_to() -> None:
    assert spans.current is None
