from __future__ import annotations

import asyncio
import contextlib
import time

import pytest
from pydantic import SecretStr

from aivideo_async.core.errors import StoreError
from aivideo_async.core.models import Output, TaskRecord, TaskStatus
from aivideo_async.core.retry import RetryPolicy
from aivideo_async.core.tokens import CallbackKeys
from aivideo_async.handlers import Handlers
from aivideo_async.lent_store import FINGERPRINT
from aivideo_async.opening import Opening
from aivideo_async.settings import BaseUrl, ClientSettings
from aivideo_async.stores import MemoryStore
from aivideo_async.transport import Timeouts
from tests.doubles import CannedTransport, a_record

KEYS = CallbackKeys("k" * 32)


def settings(base_url: str = "http://127.0.0.1:9", callback_base: str | None = None) -> ClientSettings:
    return ClientSettings(
        base_url=BaseUrl.parse(base_url),
        api_key=SecretStr("sk-test"),
        callback_base=callback_base,
        callback_keys=KEYS,
        body_form="auto",
        timeouts=Timeouts(),
        retry=RetryPolicy(),
        usual_seconds={"sora-2": 42.0},
        max_concurrency=4,
        close_timeout=1.0,
        ask_rate=5.0,
        time_scale=2.0,
        clock=time.time,
    )


def an_opening(store: MemoryStore | None = None, served: str | None = None, **more: str) -> Opening:
    return Opening(settings(**more), store or MemoryStore(), CannedTransport(), lambda: served, Handlers())


async def test_the_base_is_the_setting_else_where_we_serve_for_a_loopback_service_else_none() -> None:
    here = "http://127.0.0.1:8080/webhooks/aivideo"
    hosted = "https://api.example.com"
    assert an_opening(served=here, callback_base="https://hooks.example.com").callback_base() == (
        "https://hooks.example.com"
    )
    assert an_opening(served=here).callback_base() == here
    assert an_opening(served=here, base_url=hosted).callback_base() is None
    assert an_opening().callback_base() is None


async def test_a_callback_url_carries_the_id_and_a_token_that_our_keys_accept() -> None:
    url = an_opening(callback_base="https://hooks.example.com/a").callback_url("av_1")
    assert url is not None
    base, id, token = url.rsplit("/", 2)
    assert (base, id, KEYS.check("av_1", token, now=time.time())) == ("https://hooks.example.com/a", "av_1", True)


async def test_it_opens_and_closes_what_was_closed_and_notes_the_minting_key() -> None:
    store = MemoryStore()
    async with an_opening(store).running():
        during = store.opened
        assert await store.note(FINGERPRINT) == KEYS.fingerprint()
    assert (during, store.opened) == (True, False)


async def test_it_leaves_a_store_open_that_was_open() -> None:
    async with MemoryStore() as store:
        async with an_opening(store).running():
            pass
        assert store.opened


class GoneStore(MemoryStore):
    """Its engine is not there at the start."""

    async def note(self, name: str, value: str | None = None, /) -> str | None:
        raise StoreError("no engine")


async def test_a_start_that_fails_closes_what_was_opened_and_leaves_nothing_running() -> None:
    store = GoneStore()
    before = asyncio.all_tasks()
    with pytest.raises(StoreError):
        async with an_opening(store).running():
            raise AssertionError("it did not start")
    assert not store.opened
    assert asyncio.all_tasks() == before


async def test_usual_seconds_are_the_settings_else_the_catalogs() -> None:
    opening = an_opening()
    assert opening._usual(a_record()) == 42.0
    assert opening._usual(a_record(model="unknown")) == 360.0
    assert opening._first_ask(a_record()) == pytest.approx(max(2.0, 0.25 * 42.0) / 2.0)


async def test_a_durable_store_is_not_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    class Durable(MemoryStore):
        @property
        def durable(self) -> bool:
            return True

    for store in (Durable(), MemoryStore()):
        async with an_opening(store).running():
            await store.put(TaskRecord(id="av_1", origin="http://127.0.0.1:9", status=TaskStatus.PENDING))
    warnings = [record for record in caplog.records if "unfinished" in record.getMessage()]
    assert len(warnings) == 1


async def test_stopping_is_awaited_even_when_the_body_raises() -> None:
    opening = an_opening()
    with contextlib.suppress(ZeroDivisionError):
        async with opening.running():
            raise ZeroDivisionError
    assert not opening.supervisor.running


async def test_another_url_comes_from_the_store_else_from_the_service_else_from_nowhere() -> None:
    store, output = MemoryStore(), Output(task_id="av_1", urls=("https://cdn.example.com/new",))
    opening = an_opening(store)
    async with store:
        assert await opening.fresh_url("av_1", 0, "https://cdn.example.com/old") is None
        await store.put(a_record(status=TaskStatus.COMPLETED, output=output))
        assert await opening.fresh_url("av_1", 0, "https://cdn.example.com/old") == "https://cdn.example.com/new"
        assert await opening.fresh_url("av_1", 0, "https://cdn.example.com/new") is None
        assert await opening.fresh_url("av_1", 7, "https://cdn.example.com/old") is None
