from __future__ import annotations

import io
import json

import pytest

from aivideo_async import Client
from aivideo_async.catalog import Sora2
from aivideo_async.cli.exits import Exit
from aivideo_async.cli.money import audit, doubt_abandon, doubt_bind, doubt_list
from aivideo_async.cli.output import Screen
from aivideo_async.cli.store import opened_store
from aivideo_async.core.errors import SubmissionInDoubtError
from aivideo_async.sandbox import DropConnection, Sandbox

CLIP = Sora2(prompt="a cat on a roof", duration=4)


class Printed:
    """A screen, and what it printed."""

    def __init__(self) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.screen = Screen(machine=False, out=self.out, err=self.err)
        self.json = io.StringIO()
        self.machine = Screen(machine=True, out=self.json, err=self.err)


@pytest.fixture
def printed() -> Printed:
    return Printed()


async def submit() -> str:
    """Submit into the commands' store; the id, also of one in doubt."""
    async with opened_store() as store, Client(store=store, callback_url="http://127.0.0.1:9/hooks") as client:
        try:
            return (await client.submit(CLIP)).id
        except SubmissionInDoubtError as doubt:
            return str(doubt.task_id)


async def test_an_audit_needs_a_mark_and_then_names_the_difference(service: Sandbox, printed: Printed) -> None:
    assert await audit(printed.screen, mark=False) is Exit.OK
    assert "the mark is made" in printed.out.getvalue()
    await submit()
    assert await audit(printed.screen, mark=False) is Exit.OK
    assert "consumed by the account: 100 credits" in printed.out.getvalue()
    assert "no difference" in printed.out.getvalue()
    price = CLIP.estimate(service._engine._prices).low
    service.engine.charge("default", None, "charge", -price, 0.0)
    assert await audit(printed.screen, mark=True) is Exit.ERROR
    assert "difference: +100 credits" in printed.out.getvalue()
    assert "one was charged twice" in printed.out.getvalue()
    assert await audit(printed.machine, mark=False) is Exit.OK
    assert json.loads(printed.json.getvalue())["consumed"] == 0


async def test_what_is_in_doubt_is_listed_bound_and_given_up(service: Sandbox, printed: Printed) -> None:
    await doubt_list(printed.screen)
    assert "nothing is in doubt" in printed.err.getvalue()
    await audit(printed.screen, mark=True)
    service.enqueue(DropConnection(), DropConnection())
    first, second = await submit(), await submit()
    await audit(printed.screen, mark=False)
    assert "by 2 records: 0 to 200 credits" in printed.out.getvalue()
    await doubt_list(printed.screen)
    assert first in printed.out.getvalue()
    await doubt_bind(printed.screen, first, service.tasks[0].id)
    await doubt_abandon(printed.screen, second)
    assert f"{second} is given up" in printed.out.getvalue()
    await doubt_list(printed.machine)
    lines = printed.json.getvalue().splitlines()
    assert lines == []
