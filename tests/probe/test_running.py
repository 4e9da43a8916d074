"""Steps over a canned transport: what is counted, what is left out, what one failure does to the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest

from aivideo_async.catalog import PRICES
from aivideo_async.core.errors import AuthenticationError
from aivideo_async.core.wire import HttpRequest, HttpResponse
from aivideo_async.probe.findings import Exchange, Findings
from aivideo_async.probe.orders import Order, orders
from aivideo_async.probe.purse import Purse
from aivideo_async.probe.running import NO_LISTENER, Pace, Run, Wiring, counted, ending
from aivideo_async.probe.sending import Sender
from aivideo_async.transport import Transport
from tests.doubles import Canned, CannedTransport, Held, ManualClock, accepted, refused
from tests.probe.seeing import accepted as taken
from tests.probe.seeing import done, error, said, task

PRICE, WORST = Decimal("2.4"), Decimal("7.2")
ORDERS = {order.step: order for order in orders(PRICES)}


class Probe:
    """A run over ``transport`` with ``limit`` credits; what it says and when it writes is kept."""

    def __init__(
        self,
        transport: Transport,
        *,
        limit: int = 100,
        steps: Sequence[str] = ("flat", "misspelt"),
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.found, self.purse = Findings(), Purse(Decimal(limit))
        self.at_checkpoints: list[Decimal] = []
        wiring = Wiring(
            sender=Sender(transport, self.found, self._note, clock=clock or ManualClock()),
            stranger=transport,
            head=self._head,
            listener=None,
            callback_url=lambda step: None,  # noqa: ARG005 - nobody listens
            checkpoint=self._checkpoint,
            say=lambda _: None,
            clock=clock or ManualClock(),
        )
        self.work = Run(wiring, self._orders(steps), found=self.found, purse=self.purse, pace=Pace(scale=1e6)).run()

    def _orders(self, steps: Sequence[str]) -> list[Order]:
        return [ORDERS[step] for step in steps]

    async def _note(self, exchange: Exchange) -> None:
        """Nothing is written."""

    async def _head(self, url: str) -> int | None:
        return 403

    async def _checkpoint(self) -> None:
        self.at_checkpoints.append(self.purse.at_most)


def a_service(*creates: Canned) -> CannedTransport:
    service = CannedTransport(*creates)
    service.tasks = {f"svc-{n}": HttpResponse(200, {}, done("image").body) for n in range(1, 9)}
    return service


@pytest.mark.parametrize(
    ("create", "charge", "cost"),
    [
        (taken("image"), PRICE, PRICE),
        (taken("image"), Decimal(0), PRICE),
        (taken("image"), Decimal(9), Decimal(9)),
        (taken("image"), None, WORST),
        (error("image.create", 400, "invalid_request"), Decimal(0), Decimal(0)),
        (error("image.create", 400, "invalid_request"), Decimal(1), Decimal(1)),
        (error("image.create", 400, "invalid_request"), None, WORST),
        (error("image.create", 503, "upstream_error"), Decimal(0), WORST),
        (said("image.create", 502), Decimal(0), WORST),
        (said("image.create", None), Decimal(0), WORST),
        (Exchange(label="image.create", at=0, method="POST", path="/x", sent=False), None, Decimal(0)),
    ],
)
def test_a_create_counts_from_the_worst_side(create: Exchange, charge: Decimal | None, cost: Decimal) -> None:
    assert counted([create], charge, price=PRICE, worst=WORST) == cost


@pytest.mark.parametrize(
    ("exchange", "ended"),
    [
        (done("image"), "completed"),
        (task("image", "failed"), "failed"),
        (task("image", "processing"), None),
        (said("image.task", 200, "nonsense"), None),
        (error("image.task", 404, "task_not_found"), None),
    ],
)
def test_an_ending_is_read_from_an_answer(exchange: Exchange, ended: str | None) -> None:
    assert ending(exchange) == ended


async def test_the_worst_is_written_down_before_it_is_sent() -> None:
    service = a_service()
    probe = Probe(service, steps=["misspelt"])
    written: list[list[Decimal]] = []
    service.on_create = lambda _: written.append(list(probe.at_checkpoints))
    await probe.work
    assert WORST in written[-1]
    assert probe.purse.at_most == PRICE


async def test_a_step_that_does_not_fit_is_left_out_by_name_and_sends_nothing() -> None:
    service = a_service()
    probe = Probe(service, limit=8, steps=["flat", "sora", "misspelt"])
    await probe.work
    assert "200 credits, of 8" in probe.found.left_out["sora"]
    assert "7.2 credits, of 8 there are 5.6 left" in probe.found.left_out["misspelt"]
    assert len([path for path in (request.path for request in service.sent) if "generations" in path]) == 1


async def test_one_cancelled_in_the_middle_of_a_create_counts_the_worst() -> None:
    held = Held(accepted("svc-1"))
    probe = Probe(a_service(refused(404, "not_found"), held), steps=["misspelt"])
    running = asyncio.create_task(probe.work)
    await held.arrived.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert probe.purse.at_most == WORST


class Broken:
    """A transport with a fault of its own in every create."""

    def __init__(self) -> None:
        self.inner = a_service()

    async def send(self, request: HttpRequest, *, on_sent: Callable[[], None] | None = None) -> HttpResponse:
        if "generations" in request.path:
            raise RuntimeError("a fault")
        return await self.inner.send(request, on_sent=on_sent)


async def test_a_step_that_fails_leaves_the_others_running() -> None:
    probe = Probe(Broken())
    await probe.work
    assert probe.found.left_out["flat"] == probe.found.left_out["misspelt"] == "the step failed: RuntimeError"
    assert probe.found.left_out["callbacks"] == NO_LISTENER
    assert probe.found.first("limits.credits") is not None
    assert probe.purse.at_most == 2 * WORST


async def test_a_key_that_is_refused_ends_it_at_once() -> None:
    class Stranger(CannedTransport):
        def _canned(self, request: HttpRequest) -> Canned:
            return refused(401, "invalid_api_key")

    service = Stranger()
    with pytest.raises(AuthenticationError):
        await Probe(service).work
    assert len(service.sent) == 1


class TickingClock:
    """A second passes whenever somebody looks."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


async def test_a_task_that_does_not_end_is_given_up() -> None:
    service = CannedTransport()
    service.tasks["svc-2"] = HttpResponse(200, {}, task("flat", "processing").body)
    probe = Probe(service, steps=["flat", "misspelt"], clock=TickingClock())
    await probe.work
    assert probe.found.left_out["flat"] == "the task had not ended after 900 s"
    assert probe.found.first("misspelt.create") is not None
