"""The view by itself; ``tests/frameworks`` has it in a Django under real servers."""

from __future__ import annotations

import asyncio

import django
import pytest
from django.conf import settings
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.test import AsyncRequestFactory, RequestFactory

from aivideo_async.core.models import TaskEvent, TaskStatus
from aivideo_async.django_view import callback_view
from aivideo_async.receiver import WebhookReceiver
from aivideo_async.stores import MemoryStore
from tests.callbacks import KEY, PATH, SECRET, Callback, callback
from tests.doubles import ORIGIN, a_record

if not settings.configured:
    settings.configure(ALLOWED_HOSTS=["*"])
    django.setup()


def a_receiver(store: MemoryStore) -> WebhookReceiver:
    return WebhookReceiver(store, callback_key=KEY, webhook_secret=SECRET, base_url=ORIGIN)


async def asked(receiver: WebhookReceiver, sent: Callback, *, wsgi: bool = False) -> HttpResponseBase:
    headers = {name.decode(): value.decode() for name, value in sent.headers}
    kind = headers.pop("Content-Type")
    factory = RequestFactory() if wsgi else AsyncRequestFactory()
    request = factory.post(sent.target, sent.body, content_type=kind, headers=headers)
    return await callback_view(receiver)(request, id="ignored", token="ignored")


async def content(response: HttpResponseBase) -> bytes:
    if isinstance(response, StreamingHttpResponse):
        return b"".join([part async for part in response])
    assert isinstance(response, HttpResponse)
    return response.content


@pytest.mark.parametrize("wsgi", [False, True])
async def test_a_callback_is_answered_and_stored(wsgi: bool) -> None:
    async with MemoryStore() as store:
        await store.put(a_record())
        receiver = a_receiver(store)
        try:
            response = await asked(receiver, callback("av_1"), wsgi=wsgi)
            assert (response.status_code, await content(response)) == (200, b"ok\n")
            assert (await store.get(("av_1",)))["av_1"].status is TaskStatus.COMPLETED
            forged = Callback(f"{PATH}/av_1/1.{'A' * 43}", callback("av_1").headers, b"{}")
            assert (await asked(receiver, forged, wsgi=wsgi)).status_code == 404
        finally:
            await asyncio.to_thread(receiver.close)


@pytest.mark.parametrize("wsgi", [False, True])
async def test_no_more_is_read_than_shows_that_it_is_too_much(wsgi: bool) -> None:
    receiver = a_receiver(MemoryStore())
    response = await asked(receiver, callback("av_1", b"x" * 300_000), wsgi=wsgi)
    assert response.status_code == 413
    await asyncio.to_thread(receiver.close)


async def test_a_handler_runs_once_the_reply_is_out_and_to_its_end() -> None:
    async with MemoryStore() as store:
        await store.put(a_record())
        receiver = a_receiver(store)
        begun, go, seen = asyncio.Event(), asyncio.Event(), list[str]()

        @receiver.on("task.completed")
        async def handler(event: TaskEvent) -> None:
            begun.set()
            await go.wait()
            seen.append(event.record.id)

        response = await asked(receiver, callback("av_1"))
        assert isinstance(response, StreamingHttpResponse)
        parts = aiter(response)
        assert await anext(parts) == b"ok\n"
        assert (response["Content-Length"], begun.is_set(), handler.__name__) == ("3", False, "handler")
        rest = asyncio.ensure_future(content(response))
        await begun.wait()
        rest.cancel()
        go.set()
        await asyncio.wait([rest])
    assert seen == ["av_1"]


def test_it_needs_no_csrf_token() -> None:
    assert callback_view(a_receiver(MemoryStore())).csrf_exempt is True  # type: ignore[attr-defined]
