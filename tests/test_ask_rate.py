from __future__ import annotations

import asyncio

import pytest

from aivideo_async.ask_rate import Bucket, Recent


async def test_a_bucket_lets_as_many_through_as_its_rate_and_then_one_at_a_time() -> None:
    loop = asyncio.get_running_loop()
    bucket = Bucket(200.0)
    started = loop.time()
    for _ in range(204):
        await bucket.take()
    assert loop.time() - started >= 4 / 200.0 - 0.001


async def test_a_token_that_lacks_less_than_a_clock_can_tell_is_taken_without_sleeping() -> None:
    bucket = Bucket(1e-9)
    bucket._tokens, bucket._filled_at = 1.0 - 1e-12, asyncio.get_running_loop().time()
    with pytest.raises(StopIteration):
        bucket.take().send(None)


def test_a_task_is_asked_for_once_per_span() -> None:
    recent = Recent(1.0)
    assert [recent.too_soon("av_1", at) for at in (10.0, 10.25)] == [0.0, pytest.approx(0.75)]
    assert recent.too_soon("av_2", 10.25) == 0.0
    assert recent.too_soon("av_1", 11.0) == 0.0


def test_a_clock_that_jumps_back_forgets() -> None:
    recent = Recent(1.0)
    recent.too_soon("av_1", 1000.0)
    assert recent.too_soon("av_1", 10.0) == 0.0
