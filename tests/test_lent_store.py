from __future__ import annotations

import pytest

from aivideo_async.core.errors import StoreError
from aivideo_async.core.tokens import CallbackKeys
from aivideo_async.lent_store import FINGERPRINT, SUSPECT_AGAIN_AFTER, LentStore
from aivideo_async.stores import MemoryStore
from tests.doubles import ManualClock

OURS, THEIRS = CallbackKeys("k" * 32), CallbackKeys("m" * 32)


async def test_it_is_opened_once_and_closed_by_whoever_opened_it() -> None:
    store = MemoryStore()
    lent = LentStore(store, OURS, ManualClock())
    await lent.open()
    await lent.open()
    assert store.opened
    await lent.close()
    await lent.close()
    assert not store.opened


async def test_a_store_that_is_open_already_is_left_open() -> None:
    async with MemoryStore() as store:
        lent = LentStore(store, OURS, ManualClock())
        await lent.open()
        await lent.close()
        assert store.opened


async def test_looking_opens_nothing(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    await LentStore(store, OURS, ManualClock()).look_if_open()
    assert not store.opened
    async with store:
        await store.note(FINGERPRINT, THEIRS.fingerprint())
        lent = LentStore(store, OURS, ManualClock())
        await lent.look_if_open()
        await lent.open()
    assert caplog.text.count("which this receiver does not hold") == 1


async def test_keys_are_suspected_once_a_minute_until_it_is_known_who_mints(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    async with MemoryStore() as store:
        lent = LentStore(store, OURS, clock)
        await lent.suspect_keys()
        await store.note(FINGERPRINT, THEIRS.fingerprint())
        await lent.suspect_keys()
        assert "does not hold" not in caplog.text
        clock.advance(SUSPECT_AGAIN_AFTER)
        await lent.suspect_keys()
        clock.advance(SUSPECT_AGAIN_AFTER)
        await lent.suspect_keys()
    assert caplog.text.count("which this receiver does not hold") == 1


class AwayStore(MemoryStore):
    """Its engine cannot be reached."""

    async def note(self, name: str, value: str | None = None, /) -> str | None:
        raise StoreError(f"{name}: the engine is away")


async def test_a_store_that_is_away_suspects_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async with AwayStore() as away:
        await LentStore(away, OURS, ManualClock()).suspect_keys()
        with pytest.raises(StoreError):
            await LentStore(away, OURS, ManualClock()).open()
    assert "the store does not tell with which key" in caplog.text
