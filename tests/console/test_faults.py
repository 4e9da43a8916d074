from __future__ import annotations

from dataclasses import replace

from aivideo_async.catalog import MODELS
from aivideo_async.console.faults import faults, groups_of
from tests.console.asking import LesserBoard, OwnBoard, a_visit


def test_a_board_where_nothing_goes_wrong_says_so_and_offers_all() -> None:
    main = faults(a_visit(), LesserBoard()).main
    assert 'name="fault" value="lose"' in main
    assert "every create goes its usual way" in main
    assert "Clear all" not in main
    assert 'name="advance"' not in main
    assert "data-tick" in main


def test_what_is_active_is_listed_first_and_each_can_be_removed() -> None:
    main = faults(a_visit(), OwnBoard()).main
    active = main.partition("Choose what shall happen")[0]
    for text in ("the next create", "25 % of <bdi>&lt;script&gt;", 'name="remove" value="two"', "Clear all"):
        assert text in active
    assert "<script>" not in main


def test_a_clock_that_stands_can_go_on_and_be_moved() -> None:
    main = faults(a_visit(), OwnBoard()).main
    for text in ('name="advance" value="60"', "Go on", "paused"):
        assert text in main
    assert "data-tick" not in main


def test_a_share_is_of_everything_a_model_or_a_key() -> None:
    main = faults(a_visit(), OwnBoard()).main
    for text in ('value="">all', 'value="key:key-1"', *(f'value="model:{name}"' for name in MODELS)):
        assert text in main


def test_what_was_chosen_is_kept_when_something_was_wrong() -> None:
    said = {"fault": ["lose"], "share": ["x"], "times": ["7"], "whom": ["model:sora-2"]}
    main = faults(replace(a_visit(), said=said, problems={"fault": "<wrong>"}), OwnBoard()).main
    for text in ('value="lose" checked', 'value="x"', 'value="7"', 'value="model:sora-2" selected', "&lt;wrong&gt;"):
        assert text in main
    assert 'value="cut" checked' not in main


def test_faults_stand_in_their_groups() -> None:
    assert [(group, len(some)) for group, some in groups_of(OwnBoard().faults())] == [("Callback", 1), ("Create", 1)]
