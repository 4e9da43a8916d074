from __future__ import annotations

import io
from dataclasses import replace
from decimal import Decimal

from aivideo_async.batch_items import Progress
from aivideo_async.catalog import Sora2
from aivideo_async.cli.bars import ROWS_SHOWN, name_of, shown, told
from aivideo_async.cli.output import Screen
from aivideo_async.core.errors import TaskFailedError
from tests.cli.conftest import Terminal
from tests.cli.test_results import an_item

NOTHING = Progress(
    total=10,
    running=0,
    completed=0,
    failed=0,
    in_doubt=0,
    over_budget=0,
    resumed=0,
    reserved=Decimal(0),
    uncertain=Decimal(0),
    spent=Decimal(0),
    elapsed=60.0,
    left=None,
)
FAR = replace(
    NOTHING, completed=6, failed=1, in_doubt=1, resumed=2, reserved=Decimal(200), uncertain=Decimal(100),
    spent=Decimal("602.4"), left=240.0,
)  # fmt: skip


def test_a_batch_is_told_in_one_line() -> None:
    assert told(NOTHING) == "0 credits spent"
    assert told(FAR) == (
        "1 failed, 1 in doubt, 2 from before, 602.4 credits spent, 200 reserved, 100 uncertain, 6.0/min, 4 min left"
    )
    assert told(replace(NOTHING, left=30.0)).endswith("30 s left")


def test_an_item_is_named_on_one_clean_line() -> None:
    assert name_of(0, Sora2(prompt="a\x1b[2J\ncat")) == "1 sora-2 a\\x1b[2J cat"
    assert len(name_of(0, Sora2(prompt="x" * 500))) < 80


def test_where_nothing_can_be_redrawn_every_item_is_a_line() -> None:
    err = io.StringIO()
    with shown(Screen(machine=False, out=io.StringIO(), err=err)) as display:
        display.update(NOTHING, {})
        display.ended(an_item(TaskFailedError("sensitive")), FAR)
    assert err.getvalue() == "[8/10] 1 sora-2 a cat on a roof: failed: sensitive\n"


def test_on_a_terminal_items_come_and_go(terminal: Terminal) -> None:
    with shown(Screen(machine=False, out=io.StringIO(), err=terminal)) as display:
        display.update(NOTHING, {n: Sora2(prompt=f"clip {n}") for n in range(ROWS_SHOWN + 5)})
        display.update(FAR, {0: Sora2(prompt="clip 0")})
        display.ended(an_item(TaskFailedError("sensitive")), FAR)
    assert "clip 0" in terminal.getvalue()
    assert f"clip {ROWS_SHOWN + 1}" not in terminal.getvalue()
    assert "sensitive" in terminal.getvalue()
