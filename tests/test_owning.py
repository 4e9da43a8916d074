from __future__ import annotations

from dataclasses import replace

import pytest

from aivideo_async.core.errors import ClientClosedError
from aivideo_async.core.models import TaskRecord, TaskStatus, moment
from aivideo_async.opening import Opening
from aivideo_async.owning import Owner
from tests.doubles import NOW, ManualClock

SENT = TaskRecord(id="av_dead", origin="http://127.0.0.1:9", sent_at=moment(NOW), created_at=moment(NOW))


def closed() -> Opening:
    raise ClientClosedError("the client is not open")


def test_a_wait_for_a_create_that_is_in_doubt_already_rests_until_its_callback() -> None:
    clock = ManualClock()
    owner = Owner(closed, clock=clock, create_deadline=120.0)
    assert owner.doubtful_in(SENT) == pytest.approx(150.0, abs=0.01)
    clock.advance(150.0)
    assert owner.doubtful_in(SENT) == pytest.approx(0.0, abs=0.01)
    clock.advance(0.001)
    assert owner.status_of(SENT) is TaskStatus.IN_DOUBT
    assert owner.doubtful_in(SENT) is None


def test_a_doubt_lasts_only_where_nobody_has_named_the_task() -> None:
    owner = Owner(closed, clock=ManualClock(), create_deadline=120.0)
    assert owner.doubt_lasts(replace(SENT, service_id="svc-1")) is None
    assert owner.doubt_lasts(replace(SENT, hinted_id="svc-1")) is None


async def test_what_needs_the_client_says_that_it_is_closed() -> None:
    owner = Owner(closed, clock=ManualClock(), create_deadline=120.0)
    for act in (owner.waiters, lambda: owner.waiting_is_hopeless(SENT), lambda: owner.doubt_lasts(SENT)):
        with pytest.raises(ClientClosedError):
            act()
    for wait in (owner.ask, owner.store_again):
        with pytest.raises(ClientClosedError):
            await wait(SENT)
