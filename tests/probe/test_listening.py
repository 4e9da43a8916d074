from __future__ import annotations

import asyncio

from aivideo_async.core.models import Reply
from aivideo_async.probe.findings import Arrival
from aivideo_async.probe.listening import KEPT, REFUSED, Listener
from aivideo_async.receiver import ACCEPTED, TOO_LARGE, TOO_SLOW, UNKNOWN, WRONG_METHOD
from tests.doubles import ManualClock

ENDED = b'{"id":"t","status":"completed","output":{"urls":["u"]}}'
UNDERWAY = b'{"id":"t","status":"processing"}'


def a_listener() -> tuple[Listener, list[Arrival], str]:
    kept: list[Arrival] = []
    listener = Listener(kept.append, clock=ManualClock())
    return listener, kept, f"/hooks/{listener.target('image')}"


async def post(listener: Listener, path: str, body: bytes) -> Reply:
    admitted = listener.admit("POST", path, [(b"X-A", b"\xff")])
    return admitted if isinstance(admitted, Reply) else await admitted(body)


async def test_the_first_ending_is_refused_once_and_everything_is_kept() -> None:
    listener, kept, path = a_listener()
    replies = [await post(listener, path, body) for body in (UNDERWAY, ENDED, ENDED)]
    assert replies == [ACCEPTED, REFUSED, ACCEPTED]
    assert [(arrival.step, arrival.answered) for arrival in kept] == [("image", 200), ("image", 503), ("image", 200)]
    assert kept[0].headers == [("X-A", "\xff")]


async def test_what_is_not_for_us_is_not_kept() -> None:
    listener, kept, path = a_listener()
    assert await post(listener, "/hooks/x/y", ENDED) == UNKNOWN
    assert await post(listener, path[:-1] + ("A" if path[-1] != "A" else "B"), ENDED) == UNKNOWN
    assert listener.admit("GET", path, []) == WRONG_METHOD
    assert listener.too_slow() == TOO_SLOW
    await listener.after(ACCEPTED)
    assert await post(listener, path, b"x" * (listener.body_limit + 1)) == TOO_LARGE
    assert kept == []


async def test_no_more_is_kept_than_fits() -> None:
    listener, kept, path = a_listener()
    for _ in range(KEPT + 1):
        await post(listener, path, UNDERWAY)
    assert len(kept) == KEPT


async def test_waiting_ends_with_the_callback_or_with_the_time() -> None:
    listener, kept, path = a_listener()
    waiting = asyncio.create_task(listener.wait(lambda: bool(kept), seconds=20))
    await asyncio.sleep(0)
    await post(listener, path, UNDERWAY)
    assert await waiting
    assert not await listener.wait(lambda: False, seconds=0)
