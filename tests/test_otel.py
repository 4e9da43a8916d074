"""One trace from submit to wake-up, also when each of them happens somewhere else."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from aivideo_async import AIVideoError, Client, MemoryStore, Store, TaskFailedError, WebhookReceiver, open_store, otel
from aivideo_async.catalog import Sora2
from aivideo_async.core.models import TaskStatus
from tests.cli.processes import python
from tests.doubles import CannedTransport, ManualClock, a_record, refused
from tests.test_receiver import KEY, SECRET, Door, task_body

REQUEST = Sora2(prompt="a kite", duration=4)
CALLBACK_URL = "https://example.com/hook"


class Traced:
    """What was exported, and a tracer of the application's own."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = provider.get_tracer("application")
        otel.instrument(provider)

    @property
    def spans(self) -> Mapping[str, ReadableSpan]:
        """By name, without what stands before it."""
        return {span.name.removeprefix("aivideo."): span for span in self._exporter.get_finished_spans()}


@pytest.fixture
def traced() -> Iterator[Traced]:
    yield Traced()
    otel.uninstrument()


def client_over(store: Store, transport: CannedTransport | None = None) -> Client:
    return Client(
        "sk-test",
        base_url="https://api.example.com",
        callback_url=CALLBACK_URL,
        callback_key=KEY,
        webhook_secret=SECRET,
        store=store,
        transport=transport or CannedTransport(),
    )


def door_over(store: Store) -> Door:
    """A receiver of another replica over this store, with the clock of today."""
    door = Door()
    door.clock = ManualClock(time.time())
    door.receiver = WebhookReceiver(store, callback_key=KEY, webhook_secret=SECRET, base_url="https://api.example.com")
    return door


def trace_of(span: ReadableSpan) -> int:
    context = span.get_span_context()
    assert context is not None
    return context.trace_id


def parent_of(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


async def test_submit_callback_and_wake_up_at_three_replicas_are_one_trace(traced: Traced, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tasks.db'}"
    with traced.tracer.start_as_current_span("order") as order:
        async with client_over(open_store(url)) as client:
            id = (await client.submit(REQUEST, labels={"user": "7"})).id
    async with open_store(url) as elsewhere:
        reply = await door_over(elsewhere).deliver(task_body("svc-1"), id=id)
        assert reply.status == 200
    with traced.tracer.start_as_current_span("another") as another:
        async with client_over(open_store(url)) as client:
            task = await client.task(id)
            await task
    spans = traced.spans
    assert {trace_of(spans[name]) for name in ("submit", "callback", "wait", "order")} == {
        order.get_span_context().trace_id
    }
    submit = spans["submit"].get_span_context()
    assert submit is not None
    assert parent_of(spans["submit"]) == order.get_span_context().span_id
    assert parent_of(spans["callback"]) == parent_of(spans["wait"]) == submit.span_id
    assert [link.context.span_id for link in spans["wait"].links] == [another.get_span_context().span_id]
    assert task.record.labels["user"] == "7"


async def test_spans_say_which_task_and_how_it_ended(traced: Traced) -> None:
    store = MemoryStore()
    async with client_over(store) as client:
        task = await client.submit(REQUEST)
        await door_over(store).deliver(task_body("svc-1", status="failed"), id=task.id)
        with pytest.raises(TaskFailedError):
            await task
    submit, callback, wait = (traced.spans[name] for name in ("submit", "callback", "wait"))
    assert submit.attributes is not None
    assert submit.attributes["aivideo.model"] == "sora-2"
    for span in (submit, callback, wait):
        assert span.attributes is not None
        assert (span.attributes["aivideo.task.id"], span.attributes["aivideo.task.service_id"]) == (task.id, "svc-1")
        assert span.start_time is not None
        assert span.end_time is not None
        assert span.start_time <= span.end_time
    assert callback.attributes is not None
    assert callback.attributes["aivideo.callback.believed"] is True
    assert (wait.status.status_code, wait.status.description) == (trace.StatusCode.ERROR, "failed")
    assert [event.name for event in wait.events] == ["ended"]


async def test_an_error_of_a_create_is_noted(traced: Traced) -> None:
    async with client_over(MemoryStore(), CannedTransport(refused(402, "insufficient_credits"))) as client:
        with pytest.raises(AIVideoError):
            await client.submit(REQUEST)
    submit = traced.spans["submit"]
    assert submit.status.status_code is trace.StatusCode.ERROR
    assert submit.attributes is not None
    assert submit.attributes["aivideo.task.status"] == TaskStatus.REFUSED.value


async def test_a_second_submit_under_the_same_key_is_linked_with_the_first(traced: Traced) -> None:
    async with client_over(MemoryStore()) as client:
        await client.submit(REQUEST, key="order-42")
        first = traced.spans["submit"].get_span_context()
        await client.submit(REQUEST, key="order-42")
    assert first is not None
    assert [link.context.span_id for link in traced.spans["submit"].links] == [first.span_id]


async def test_a_trace_that_the_caller_names_is_taken(traced: Traced) -> None:
    named = f"00-{'ab' * 16}-{'cd' * 8}-01"
    async with client_over(MemoryStore()) as client:
        task = await client.submit(REQUEST, labels={"traceparent": named})
    assert trace_of(traced.spans["submit"]) == int("ab" * 16, 16)
    assert task.record.labels["traceparent"].startswith(f"00-{'ab' * 16}-")


async def test_a_task_without_a_trace_is_part_of_what_is_current(traced: Traced) -> None:
    door = Door()
    await door.store.put(a_record(labels={"traceparent": "nonsense"}))
    with traced.tracer.start_as_current_span("server") as server:
        await door.deliver(task_body())
        await door.deliver(task_body("svc-2"), id="av_2", delivery="msg_2")
    assert parent_of(traced.spans["callback"]) == server.get_span_context().span_id


async def test_without_an_sdk_nothing_is_recorded() -> None:
    otel.instrument(trace.NoOpTracerProvider())
    try:
        async with client_over(MemoryStore()) as client:
            assert dict((await client.submit(REQUEST)).record.labels) == {}
    finally:
        otel.uninstrument()


async def test_what_is_not_asked_for_makes_no_span(traced: Traced) -> None:
    otel.uninstrument()
    async with client_over(store := MemoryStore()) as client:
        task = await client.submit(REQUEST)
        await asyncio.gather(task.wait(), door_over(store).deliver(task_body("svc-1"), id=task.id))
    assert traced.spans == {}


def test_without_its_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.delitem(sys.modules, "aivideo_async.otel")
    with pytest.raises(ImportError, match=r"pip install 'aivideo-async\[otel\]'"):
        import_module("aivideo_async.otel")


def test_nothing_of_an_extra_is_imported_or_needed() -> None:
    program = (
        "import sys, aivideo_async.client, aivideo_async.receiver, aivideo_async.cli.listen\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'prometheus'))])"
    )
    ran = python(program, without=("opentelemetry", "prometheus_client"))
    assert (ran.stdout, ran.stderr) == ("[]\n", "")
