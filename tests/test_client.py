from __future__ import annotations

import asyncio
import copy
import logging
import pickle
import random
import time
import traceback
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Self

import pytest
from aiohttp import web

from aivideo_async import Client, GenerationTask
from aivideo_async.catalog import PRICES, Sora2
from aivideo_async.core.errors import (
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    InsufficientCreditsError,
    InvalidRequestError,
    NotFoundError,
    StoreError,
    SubmissionInDoubtError,
    TaskFailedError,
    TaskTimeoutError,
)
from aivideo_async.core.models import Output, TaskEvent, TaskRecord, TaskStatus, moment
from aivideo_async.core.retry import RetryPolicy
from aivideo_async.core.tokens import CallbackKeys
from aivideo_async.stores import MemoryStore
from aivideo_async.transport import Timeouts
from tests.doubles import (
    BROKE_OFF,
    NOW,
    CannedTransport,
    Held,
    ManualClock,
    accepted,
    answer,
    completed,
    refused,
    task_answer,
    until,
)

CLIP = Sora2(prompt="a cat on a roof", duration=4)
API_KEY = "sk-test-0123456789"
LOCAL = "http://127.0.0.1:9"
HOOK = "https://hooks.example.com/aivideo"
SOON = 20_000.0  # a time scale at which the schedule of asking takes milliseconds


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "BASE_URL", "CALLBACK_URL", "CALLBACK_KEY", "WEBHOOK_SECRET", "STORE", "TIME_SCALE"):
        monkeypatch.delenv(f"AIVIDEO_{name}", raising=False)


def a_client(transport: CannedTransport | None = None, **more: object) -> Client:
    made: dict[str, object] = {"base_url": LOCAL, "transport": transport or CannedTransport(), **more}
    made.setdefault("retry", RetryPolicy(attempts=2, base=0.0, cap=0.0))
    return Client(API_KEY, **made)  # type: ignore[arg-type]  # settings by name


async def test_without_a_key_one_sentence_names_the_variable() -> None:
    client = Client()
    with pytest.raises(ConfigurationError, match=r"^no API key: set AIVIDEO_API_KEY or pass api_key=$"):
        await client.__aenter__()


async def test_settings_are_checked_on_entering_and_not_before() -> None:
    client = a_client(callback_key="too short", webhook_secret="nonsense", callback_url="ftp://x")
    with pytest.raises(ConfigurationError):
        await client.__aenter__()
    assert "closed" in repr(client)


async def test_the_environment_is_read_and_arguments_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVIDEO_API_KEY", "sk-environment")
    monkeypatch.setenv("AIVIDEO_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AIVIDEO_TIME_SCALE", "60")
    async with Client(transport=CannedTransport(), base_url=LOCAL) as client:
        opening = client._usable()
        assert opening.settings.base_url.url == LOCAL
        assert opening.settings.api_key.get_secret_value() == "sk-environment"
        assert opening.settings.time_scale == 60.0


async def test_a_private_callback_url_for_the_hosted_service_is_refused_at_start() -> None:
    client = Client(API_KEY, callback_url="https://10.0.0.7/hooks", transport=CannedTransport())
    with pytest.raises(ConfigurationError, match="cannot reach the callback URL"):
        await client.__aenter__()


async def test_a_submitted_task_is_pending_and_carries_its_labels() -> None:
    async with a_client() as client:
        task = await client.submit(CLIP, labels={"user": "7"})
        assert (task.status, task.service_id) == (TaskStatus.PENDING, "svc-1")
        assert task.record.labels == {"user": "7"}
        assert task.id in repr(task)


async def test_ids_are_drawn_from_the_chance_that_is_given() -> None:
    async with a_client(chance=random.Random(1)) as one, a_client(chance=random.Random(1)) as two:
        assert (await one.submit(CLIP)).id == (await two.submit(CLIP)).id
        assert (await one.submit(CLIP)).id != (await one.submit(CLIP)).id


@pytest.mark.parametrize("key", ["", "x" * 257, "av_mine"])
async def test_a_key_that_cannot_be_one_is_refused_before_sending(key: str) -> None:
    transport = CannedTransport()
    async with a_client(transport) as client:
        with pytest.raises(InvalidRequestError):
            await client.submit(CLIP, key=key)
    assert transport.sent == []


async def test_a_request_that_was_made_without_validation_is_checked_again() -> None:
    transport = CannedTransport()
    async with a_client(transport) as client:
        with pytest.raises(InvalidRequestError):
            await client.submit(CLIP.model_copy(update={"duration": 6}))
    assert transport.sent == []


async def test_private_image_urls_are_refused_for_the_hosted_service_only() -> None:
    request = Sora2(prompt="x", image_urls=["http://127.0.0.1/first.png"])
    transport = CannedTransport()
    async with a_client(transport, base_url=None, callback_url=HOOK) as hosted:
        with pytest.raises(InvalidRequestError):
            await hosted.submit(request)
    async with a_client() as local:
        await local.submit(request)
    assert transport.sent == []


async def test_a_refusal_is_raised_with_our_id() -> None:
    transport = CannedTransport(refused(402, "insufficient_credits"))
    async with a_client(transport) as client:
        with pytest.raises(InsufficientCreditsError) as caught:
            await client.submit(CLIP)
        assert caught.value.charged == "no"
        assert caught.value.task_id is not None


async def test_an_unclear_create_is_in_doubt_and_its_handle_still_resolves() -> None:
    transport = CannedTransport(BROKE_OFF)
    async with a_client(transport, callback_url=HOOK) as client:
        with pytest.raises(SubmissionInDoubtError) as caught:
            await client.submit(CLIP)
        task = await client.task(str(caught.value.task_id))
        waiting = asyncio.ensure_future(task.wait())
        await asyncio.sleep(0)
        await client.store.put(ended_record(task.record))
        assert (await waiting).urls == ("https://cdn.example.com/a.mp4",)
        assert caught.value.task is not None
        assert pickle.loads(pickle.dumps(caught.value)).task_id == task.id


async def test_awaiting_a_task_in_doubt_without_a_callback_url_raises_at_once() -> None:
    async with a_client(CannedTransport(BROKE_OFF)) as client:
        with pytest.raises(SubmissionInDoubtError) as caught:
            await client.submit(CLIP)
        task = await client.task(str(caught.value.task_id))
        with pytest.raises(SubmissionInDoubtError):
            await task


async def test_without_a_callback_url_await_polls_and_one_info_line_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    transport = CannedTransport()
    async with a_client(transport, time_scale=SOON) as client:
        transport.tasks = {f"svc-{n}": completed(f"svc-{n}") for n in (1, 2)}
        outputs = await asyncio.gather(client.run(CLIP), client.run(CLIP))
        assert len({output.task_id for output in outputs}) == 2
    said = [record for record in caplog.records if "AIVIDEO_CALLBACK_URL" in record.getMessage()]
    assert len(said) == 1


async def test_a_refused_key_raises_in_waits_that_only_polling_could_end() -> None:
    transport = CannedTransport()
    async with a_client(transport, time_scale=SOON) as client:
        transport.tasks["svc-1"] = refused(401, "invalid_api_key")
        with pytest.raises(AuthenticationError) as caught:
            await client.run(CLIP)
        assert caught.value.charged == "yes"  # for the task, whatever the question cost
        assert caught.value.task_id is not None


async def test_a_failed_task_is_caught_outside_the_client() -> None:
    transport = CannedTransport()
    transport.tasks["svc-1"] = task_answer("svc-1", "failed", error={"code": "upstream_error", "message": "sensitive"})
    with pytest.raises(TaskFailedError, match="sensitive") as caught:
        async with a_client(transport, time_scale=SOON) as client:
            await client.run(CLIP)
    assert caught.value.code == "upstream_error"


async def test_a_client_may_be_entered_in_one_task_and_left_in_another() -> None:
    client = a_client()
    await asyncio.create_task(client.__aenter__())
    task = await client.submit(CLIP)
    await asyncio.create_task(client.__aexit__(None, None, None))
    with pytest.raises(ClientClosedError):
        await task


def test_a_client_may_be_opened_again_in_another_loop_and_keeps_its_memory() -> None:
    client = a_client()

    async def submit() -> str:
        async with client:
            return (await client.submit(CLIP)).id

    async def find(id: str) -> str | None:
        async with client:
            return (await client.task(id)).service_id

    assert asyncio.run(find(asyncio.run(submit()))) == "svc-1"


async def test_a_client_in_use_from_a_second_loop_says_so() -> None:
    async with a_client() as client:
        with pytest.raises(ClientClosedError, match="another event loop"):
            await asyncio.to_thread(lambda: asyncio.run(client.submit(CLIP)))


async def test_a_client_that_is_open_cannot_be_opened_again() -> None:
    async with a_client() as client:
        with pytest.raises(ClientClosedError, match="open already"):
            await client.__aenter__()


async def test_leaving_wakes_who_waits_and_warns_of_what_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    async with a_client(callback_url=HOOK) as client:
        task = await client.submit(CLIP)
        waiting = asyncio.ensure_future(task.wait())
        await until(lambda: task.id in client.owner.waiters().awaited())
    with pytest.raises(ClientClosedError):
        await waiting
    assert task.id in caplog.text
    assert "svc-1" in caplog.text


async def test_leaving_waits_for_creates_in_flight() -> None:
    held = Held(accepted("svc-late"))
    store = MemoryStore()
    async with a_client(CannedTransport(held), store=store) as client:
        submitting = asyncio.ensure_future(client.submit(CLIP))
        await held.arrived.wait()
        leaving = asyncio.ensure_future(client.__aexit__(None, None, None))
        await asyncio.sleep(0)
        held.release.set()
        await leaving
        assert (await submitting).service_id == "svc-late"


async def test_what_is_still_in_flight_when_leaving_takes_too_long_is_in_doubt() -> None:
    held = Held(accepted("lost"))
    store = MemoryStore()
    async with a_client(CannedTransport(held), store=store, close_timeout=0.0) as client:
        submitting = asyncio.ensure_future(client.submit(CLIP))
        await held.arrived.wait()
    with pytest.raises(SubmissionInDoubtError) as caught:
        await submitting
    assert caught.value.charged == "unknown"
    assert [record.status for record in store._records.values()] == [TaskStatus.IN_DOUBT]


async def test_a_wait_that_runs_when_its_create_falls_in_doubt_raises() -> None:
    held = Held(answer(500, b"<html>"))
    async with a_client(CannedTransport(held)) as client:
        submitting = asyncio.ensure_future(client.submit(CLIP))
        await held.arrived.wait()
        (found,) = [task async for task in client.unfinished()]
        waiting = asyncio.ensure_future(found.wait())
        await until(lambda: found.id in client.owner.waiters().awaited())
        held.release.set()
        for one in (waiting, submitting):
            with pytest.raises(SubmissionInDoubtError):
                await one


async def test_a_wait_for_a_create_that_died_with_its_process_raises_when_it_reads_as_in_doubt() -> None:
    clock = ManualClock()
    sent = TaskRecord(id="av_dead", origin="http://127.0.0.1:9", sent_at=moment(NOW), created_at=moment(NOW))
    async with a_client(clock=clock, timeouts=Timeouts(total=0.01)) as client:
        await client.store.put(sent)
        task = await client.task("av_dead")
        clock.advance(30.0)
        waiting = asyncio.ensure_future(task.wait())
        await until(lambda: task.id in client.owner.waiters().awaited())
        clock.advance(1.0)
        with pytest.raises(SubmissionInDoubtError):
            await waiting


async def test_a_task_that_the_store_forgot_is_asked_for_again() -> None:
    transport = CannedTransport()
    transport.tasks["svc-1"] = completed("svc-1")
    async with a_client(transport, store=MemoryStore(keep_at_most=1), callback_url=HOOK) as client:
        tasks = [await client.submit(CLIP) for _ in range(3)]
        for task in tasks:
            await client.store.put(ended_record(task.record))
        assert (await tasks[0]).task_id == tasks[0].id


async def test_an_id_that_only_the_handle_knows_is_told_to_the_store() -> None:
    transport = CannedTransport()
    transport.tasks["svc-1"] = completed("svc-1")
    async with a_client(transport, callback_url=HOOK) as client:
        task = await client.submit(CLIP)
        assert isinstance(client.store, MemoryStore)
        client.store._records[task.id] = TaskRecord(id=task.id, origin=task.record.origin, sent_at=moment(NOW))
        assert (await task).urls


async def test_an_expired_task_that_completed_later_gives_its_result() -> None:
    async with a_client(callback_url=HOOK) as client:
        task = await client.submit(CLIP)
        expired = TaskRecord(id=task.id, origin=task.record.origin, status=TaskStatus.EXPIRED, ended_at=moment(NOW))
        await client.store.put(expired)
        with pytest.raises(TaskTimeoutError) as caught:
            await task
        await client.store.put(ended_record(task.record))
        assert isinstance(caught.value.task, GenerationTask)
        assert (await caught.value.task).urls


async def test_a_400_for_one_task_is_no_matter_for_the_others() -> None:
    transport = CannedTransport()
    transport.tasks = {"bad-id": refused(400, "invalid_request"), "svc-1": completed("svc-1")}
    async with a_client(transport, time_scale=SOON) as client:
        await client.task("bad-id")
        await until(lambda: "bad-id" in transport.asked())
        assert (await client.run(CLIP)).urls


async def test_asking_by_an_old_handle_uses_what_the_store_knows() -> None:
    transport = CannedTransport(BROKE_OFF)
    transport.tasks["svc-7"] = completed("svc-7")
    async with a_client(transport, callback_url=HOOK) as client:
        with pytest.raises(SubmissionInDoubtError) as caught:
            await client.submit(CLIP)
        task = caught.value.task
        assert isinstance(task, GenerationTask)
        known = TaskRecord(id=task.id, origin=task.record.origin, status=TaskStatus.PENDING, service_id="svc-7")
        await client.store.put(known)
        assert (await task.refresh(ask=True)).status is TaskStatus.COMPLETED


async def test_a_key_is_no_id_of_a_task() -> None:
    async with a_client(callback_url=HOOK) as client:
        task = await client.submit(CLIP, key="order-42")
        assert (await client.task("order-42")).id != task.id


class DeafStore(MemoryStore):
    """Cannot be listened to."""

    @asynccontextmanager
    async def changes(self) -> AsyncGenerator[AsyncIterator[frozenset[str]]]:
        if self.opened:
            raise StoreError("no stream")
        async with super().changes() as changes:
            yield changes


async def test_a_store_that_cannot_be_listened_to_is_told_on_entering() -> None:
    with pytest.raises(StoreError, match="no stream"):
        await a_client(store=DeafStore()).__aenter__()


async def test_a_closed_client_says_so() -> None:
    client = a_client()
    with pytest.raises(ClientClosedError, match="not open"):
        await client.submit(CLIP)


class BrokenStore(MemoryStore):
    """Has a fault of ours in it."""

    async def claim(self, origin: str, limit: int, lease: float, /) -> list[TaskRecord]:
        raise ZeroDivisionError("a fault of ours")


async def test_a_background_task_that_fails_ends_waits_and_is_raised_on_leaving() -> None:
    client = await a_client(store=BrokenStore(), callback_url=HOOK).__aenter__()
    await until(lambda: client._opening is not None and client._opening._failure is not None)
    with pytest.raises(ClientClosedError) as caught:
        await client.submit(CLIP)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        await client.__aexit__(None, None, None)


class ClosedStore(MemoryStore):
    """Cannot be opened the first time."""

    tries = 0

    async def __aenter__(self) -> Self:
        self.tries += 1
        if self.tries == 1:
            raise StoreError("no engine")
        return await super().__aenter__()


async def test_a_client_that_could_not_be_opened_can_be_opened_later() -> None:
    client = a_client(store=ClosedStore())
    with pytest.raises(StoreError):
        await client.__aenter__()
    async with client:
        assert (await client.submit(CLIP)).service_id == "svc-1"


async def test_refresh_asks_the_service_when_told_to() -> None:
    transport = CannedTransport()
    transport.tasks["svc-1"] = task_answer("svc-1", "processing")
    async with a_client(transport, callback_url=HOOK) as client:
        task = await client.submit(CLIP)
        assert (await task.refresh(ask=True)).status is TaskStatus.PROCESSING
        assert transport.asked() == ["svc-1"]


async def test_a_task_is_found_by_either_id() -> None:
    async with a_client() as client:
        task = await client.submit(CLIP)
        assert (await client.task(task.id)).record == (await client.task("svc-1")).record == task.record


async def test_an_unknown_service_id_is_adopted_and_due_now() -> None:
    transport = CannedTransport()
    transport.tasks["svc-from-elsewhere"] = completed("svc-from-elsewhere")
    async with a_client(transport) as client:
        task = await client.task("svc-from-elsewhere")
        assert (task.status, task.id[:3]) == (TaskStatus.PENDING, "av_")
        assert (await task).urls


@pytest.mark.parametrize(
    ("id", "error"), [("av_unknown", NotFoundError), ("../credits", InvalidRequestError), ("", InvalidRequestError)]
)
async def test_what_can_be_no_task_is_told(id: str, error: type[Exception]) -> None:
    async with a_client() as client:
        with pytest.raises(error):
            await client.task(id)


async def test_unfinished_gives_what_has_not_ended_by_label() -> None:
    async with a_client(callback_url=HOOK) as client:
        tasks = [await client.submit(CLIP, labels={"n": str(n)}) for n in range(3)]
        await client.store.put(ended_record(tasks[0].record))
        assert [task.id async for task in client.unfinished()] == [tasks[2].id, tasks[1].id]
        assert [task.id async for task in client.unfinished(labels={"n": "1"})] == [tasks[1].id]


async def test_the_estimate_is_of_the_clients_own_price_book() -> None:
    client = a_client()
    assert client.estimate(CLIP).high == Decimal(100)
    assert client.estimate(CLIP).source == PRICES.source


async def test_credits_are_what_the_service_says() -> None:
    async with a_client() as client:
        assert (await client.credits()).balance == Decimal(9800)


async def test_a_key_is_in_no_repr_pickle_or_traceback() -> None:
    async with a_client(CannedTransport(refused(401, "invalid_api_key"))) as client:
        with pytest.raises(AuthenticationError) as caught:
            await client.submit(CLIP)
        shown = (
            "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
            + repr(client.__dict__)
            + repr(client._usable().settings)
        )
        assert API_KEY not in shown
        for refuses in (pickle.dumps, copy.copy):
            with pytest.raises(TypeError, match="does not pickle"):
                refuses(client)


async def test_a_handle_does_not_pickle_and_names_its_id() -> None:
    async with a_client() as client:
        task = await client.submit(CLIP)
        with pytest.raises(TypeError, match=task.id):
            pickle.dumps(task)


async def test_results_are_downloaded_under_our_names(tmp_path: Path) -> None:
    async def serve(request: web.Request) -> web.Response:
        return web.Response(body=request.path.encode(), content_type="video/mp4")

    app = web.Application()
    app.router.add_get("/{name}", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    output = Output(task_id="av_1", urls=(f"{base}/a", f"{base}/b"))
    async with a_client() as client:
        one = await client.download(output, tmp_path / "clip.mp4", index=1)
        every = await client.download_all(output, tmp_path / "new" / "folder")
    await runner.cleanup()
    assert await asyncio.to_thread(one.path.read_bytes) == b"/b"
    assert [file.path.name for file in every] == ["av_1-0.mp4", "av_1-1.mp4"]


async def test_the_receiver_of_a_client_answers_503_while_it_is_closed() -> None:
    client = a_client(callback_key="k" * 32)
    receiver = client.receiver
    assert receiver is client.receiver
    path = f"/av_1/{CallbackKeys('k' * 32).mint('av_1', now=time.time())}"
    assert (await receiver.handle("POST", path, [], b"{}")).status == 503


async def test_serving_on_loopback_is_the_callback_base_only_for_a_loopback_service() -> None:
    async with a_client() as local, local.receiver.serve() as server:
        assert local._usable().callback_base() == server.url
    async with a_client(base_url=None) as hosted, hosted.receiver.serve():
        assert hosted._usable().callback_base() is None


async def test_events_come_to_one_consumer_of_each_group_and_are_acknowledged_by_going_on() -> None:
    async with a_client(callback_url=HOOK) as client:
        tasks = [await client.submit(CLIP, labels={"n": str(n)}) for n in range(2)]
        for task in tasks:
            await client.store.put(ended_record(task.record))
        billing, mailing = client.events("billing"), client.events("mailing")
        names = [(await anext(billing)).record.id, (await anext(billing)).record.id]
        assert names == [task.id for task in tasks]
        assert (await anext(mailing)).record.labels == {"n": "0"}


async def test_waiting_for_an_event_ends_with_the_client() -> None:
    async with a_client(callback_url=HOOK) as client:
        waiting = asyncio.ensure_future(anext(client.events("billing")))
        await asyncio.sleep(0)
    with pytest.raises(ClientClosedError):
        await waiting


async def test_waiting_for_an_event_can_be_cancelled() -> None:
    async with a_client(callback_url=HOOK) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await anext(client.events("billing"))
        await client.store.put(ended_record((await client.submit(CLIP)).record))
        assert (await anext(client.events("billing"))).name == "task.completed"


async def test_a_handler_runs_for_endings_that_the_asker_found() -> None:
    transport = CannedTransport()
    transport.tasks["svc-1"] = completed("svc-1")
    client = a_client(transport, time_scale=SOON)
    seen = asyncio.Event()

    @client.receiver.on("task.completed")
    async def handler(_event: TaskEvent) -> None:
        seen.set()

    async with client:
        await client.run(CLIP)
        await seen.wait()
    assert handler is not None


def ended_record(record: TaskRecord) -> TaskRecord:
    output = Output(task_id=record.id, urls=("https://cdn.example.com/a.mp4",))
    return TaskRecord(
        id=record.id, origin=record.origin, status=TaskStatus.COMPLETED, ended_at=moment(NOW), output=output
    )


async def test_run_falls_back_to_another_model_under_a_key_of_its_own() -> None:
    transport = CannedTransport(refused(503, "upstream_error"))
    transport.tasks["svc-1"] = completed("svc-1", model="kling-3.0")
    async with a_client(transport, time_scale=SOON) as client:
        output = await client.run(CLIP, key="order", fallbacks=["kling-3.0"])
        assert output.task_id == (await client.store.get(["order/kling-3.0"]))["order/kling-3.0"].id
    assert [body["model"] for body in transport.bodies() if "model" in body] == ["sora-2", "kling-3.0"]


async def test_run_raises_the_last_error_with_the_story_in_its_notes() -> None:
    transport = CannedTransport(refused(503, "upstream_error"), BROKE_OFF)
    async with a_client(transport) as client:
        with pytest.raises(SubmissionInDoubtError) as caught:
            await client.run(CLIP, fallbacks=["kling-3.0", "veo-3"])
    assert len(caught.value.__notes__) == 1
    assert len(transport.bodies()) == 2
