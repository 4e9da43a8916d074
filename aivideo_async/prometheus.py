"""A receiver's counts for Prometheus. Needs the extra ``prometheus``.

::

    registry.register(ReceiverCollector(client.receiver))
    text = prometheus_client.generate_latest(registry)

Nothing is counted twice or kept here: each scrape reads ``receiver.stats``. Of several processes each has counts of its
own, as Prometheus expects.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Protocol

try:
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
    from prometheus_client.metrics_core import Metric
except ImportError as _missing:
    raise ImportError("this needs the extra 'prometheus': pip install 'aivideo-async[prometheus]'") from _missing

from aivideo_async.tally import BOUNDS, Latency, ReceiverStats

_COUNTS = {
    "received": "Requests that came to the receiver.",
    "verified": "Callbacks that were believed and stored.",
    "hints": "Verified callbacks whose body is not authenticated: a question to the service follows.",
    "duplicates": "Deliveries that were known already.",
    "busy": "Callbacks that were answered 503.",
}


class Counting(Protocol):
    """What counts; WebhookReceiver does."""

    @property
    def stats(self) -> ReceiverStats:
        """Counts since the start."""
        ...


class ReceiverCollector:
    """A collector over one receiver, for ``registry.register``. Reading it does no I/O and holds nothing up."""

    def __init__(self, receiver: Counting) -> None:
        self._receiver = receiver

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        stats = self._receiver.stats
        for name, help_text in _COUNTS.items():
            yield CounterMetricFamily(f"aivideo_callbacks_{name}", help_text, value=stats.get(name, 0))
        rejected = CounterMetricFamily(
            "aivideo_callbacks_rejected", "Requests that were refused, by reason.", labels=["reason"]
        )
        for reason, count in sorted(stats.rejections.items()):
            rejected.add_metric([reason], count)
        yield rejected
        matched = CounterMetricFamily(
            "aivideo_callbacks_matched",
            "Verified callbacks by the signing secret that matched: its place in the list, from 0.",
            labels=["secret"],
        )
        for index, count in sorted(stats.matched.items()):
            matched.add_metric([str(index)], count)
        yield matched
        yield _histogram(stats.latency)


def _histogram(latency: Latency) -> HistogramMetricFamily:
    names = (*map(str, BOUNDS), "+Inf")
    return HistogramMetricFamily(
        "aivideo_callback_seconds",
        "Seconds from a verified callback's last byte until the store had it.",
        buckets=list(zip(names, map(float, accumulate(latency.counts)), strict=True)),
        sum_value=latency.seconds,
    )
