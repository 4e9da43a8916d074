"""OpenTelemetry spans that join a task's submit, its callback and the wake-up of who awaits it into one trace.

Needs the extra ``otel``, which is OpenTelemetry's API alone; with an SDK configured by the application::

    from aivideo_async import otel

    otel.instrument()

``aivideo.submit`` is a child of whatever span is current. Its context is recorded among the task's labels, under the
W3C's names (``traceparent``), and from there ``aivideo.callback`` and ``aivideo.wait`` become its children: in whatever
process, and after whatever restart, they happen. Handlers and ``client.events`` find it in ``event.record.labels``.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager

try:
    from opentelemetry import trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError as _missing:
    raise ImportError("this needs the extra 'otel': pip install 'aivideo-async[otel]'") from _missing

from aivideo_async import spans
from aivideo_async.core.models import TaskRecord, TaskStatus
from aivideo_async.transport import USER_AGENT

TRACEPARENT = "traceparent"
_W3C = TraceContextTextMapPropagator()


def instrument(tracer_provider: trace.TracerProvider | None = None) -> None:
    """Make spans from now on, in this process, by this provider or else the global one."""
    spans.current = OpenTelemetrySpans(tracer_provider)


def uninstrument() -> None:
    """Make no more spans."""
    spans.current = None


class OpenTelemetrySpans:
    """The spans of ``aivideo_async.spans.Spans``, made by OpenTelemetry."""

    def __init__(self, tracer_provider: trace.TracerProvider | None = None) -> None:
        self._tracer = trace.get_tracer("aivideo_async", USER_AGENT.partition("/")[2] or None, tracer_provider)

    @contextmanager
    def submitting(self, model: str, labels: Mapping[str, str]) -> Generator[SubmitSpan]:
        """A span around one ``submit``. A ``traceparent`` that the caller put among the labels is its parent."""
        parent = _W3C.extract(labels) if TRACEPARENT in labels else None
        with self._tracer.start_as_current_span(
            "aivideo.submit", parent, trace.SpanKind.PRODUCER, {"aivideo.model": model}
        ) as span:
            carrier: dict[str, str] = {}
            _W3C.inject(carrier)
            yield SubmitSpan(span, {**labels, **carrier})

    def received(self, record: TaskRecord, *, believed: bool, seconds: float) -> None:
        """A span over the time from a callback's last byte until now, when the store has it."""
        ended = time.time_ns()
        span = self._started("aivideo.callback", trace.SpanKind.CONSUMER, record, ended - round(seconds * 1e9))
        span.set_attribute("aivideo.callback.believed", believed)
        span.end(ended)

    def woken(self, record: TaskRecord, began: int) -> None:
        """A span over one wait, from its beginning to its end."""
        span = self._started("aivideo.wait", trace.SpanKind.INTERNAL, record, began)
        if record.ended_at is not None:
            span.add_event("ended", timestamp=round(record.ended_at.timestamp() * 1e9))
        if record.status is not TaskStatus.COMPLETED:
            span.set_status(trace.StatusCode.ERROR, record.status.value)
        span.end()

    def _started(self, name: str, kind: trace.SpanKind, record: TaskRecord, began: int) -> trace.Span:
        """A child of the task's submit, linked with what is current here; of the latter where the task has no trace."""
        parent = _W3C.extract(record.labels) if TRACEPARENT in record.labels else None
        here = trace.get_current_span().get_span_context()
        links = [trace.Link(here)] if parent is not None and here.is_valid else None
        return self._tracer.start_span(name, parent, kind, _attributes(record), links, began)


class SubmitSpan:
    """The span of one ``submit``, and the labels that lead back to it."""

    def __init__(self, span: trace.Span, labels: Mapping[str, str]) -> None:
        self._span = span
        self.labels: Mapping[str, str] = labels

    def told(self, record: TaskRecord) -> None:
        """Note the task. Where an earlier submit under the same key made it, link that one."""
        self._span.set_attributes(_attributes(record))
        if TRACEPARENT in record.labels and record.labels[TRACEPARENT] != self.labels.get(TRACEPARENT):
            first = trace.get_current_span(_W3C.extract(record.labels)).get_span_context()
            if first.is_valid:
                self._span.add_link(first)


def _attributes(record: TaskRecord) -> dict[str, str]:
    found = {"aivideo.task.id": record.id, "aivideo.task.status": record.status.value}
    return found if record.service_id is None else {**found, "aivideo.task.service_id": record.service_id}
