from __future__ import annotations

from aivideo_async.console.faults import faults
from tests.console.asking import LesserBoard, OwnBoard, a_visit


def test_a_board_that_can_do_less_offers_less() -> None:
    main = faults(a_visit(), LesserBoard()).main
    assert 'name="fault" value="lose"' in main
    assert "the next create goes its usual way" in main
    assert 'name="advance"' not in main
    assert "per cent" not in main


def test_a_board_that_can_do_more_offers_more() -> None:
    main = faults(a_visit(), OwnBoard()).main
    for text in ('name="advance" value="60"', 'name="share-lose"', 'value="10"', "Go on", "paused", "<li><bdi>is lost"):
        assert text in main
