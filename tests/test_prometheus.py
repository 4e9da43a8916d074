from __future__ import annotations

import sys
from importlib import import_module

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from aivideo_async.prometheus import ReceiverCollector
from aivideo_async.tally import Tally
from tests.test_receiver import Door, task_body


def scraped(counting: object) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    registry = CollectorRegistry()
    registry.register(ReceiverCollector(counting))  # type: ignore[arg-type]  # whatever has stats
    text = generate_latest(registry).decode()
    families = text_string_to_metric_families(text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


async def test_a_receivers_counts_are_scraped() -> None:
    door = Door()
    await door.deliver(task_body())
    await door.deliver(task_body())
    await door.deliver(task_body(), path="/nowhere")
    values = scraped(door.receiver)
    assert values["aivideo_callbacks_received_total", ()] == 3
    assert values["aivideo_callbacks_verified_total", ()] == 1
    assert values["aivideo_callbacks_duplicates_total", ()] == 1
    assert values["aivideo_callbacks_busy_total", ()] == 0
    assert values["aivideo_callbacks_rejected_total", (("reason", "bad_token"),)] == 1
    assert values["aivideo_callbacks_matched_total", (("secret", "0"),)] == 1
    assert values["aivideo_callback_seconds_count", ()] == 1


class Counted:
    def __init__(self, *seconds: float) -> None:
        tally = Tally()
        for each in seconds:
            tally.stored(each, None)
        self.stats = tally.stats()


@pytest.mark.parametrize(("bound", "count"), [("0.001", 0), ("0.0025", 1), ("0.01", 2), ("10.0", 2), ("+Inf", 3)])
def test_buckets_hold_what_those_below_them_hold(bound: str, count: int) -> None:
    values = scraped(Counted(0.002, 0.01, 11.0))
    assert values["aivideo_callback_seconds_bucket", (("le", bound),)] == count
    assert values["aivideo_callback_seconds_sum", ()] == pytest.approx(11.012)


def test_without_its_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client.core", None)
    monkeypatch.delitem(sys.modules, "aivideo_async.prometheus")
    with pytest.raises(ImportError, match=r"pip install 'aivideo-async\[prometheus\]'"):
        import_module("aivideo_async.prometheus")
