"""Takes a probe's steps one after another: what each may cost is reserved before, what it did cost is counted after."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import uuid4

from aivideo_async.catalog import usual_seconds
from aivideo_async.core import wire
from aivideo_async.core.errors import InvalidResponseError
from aivideo_async.core.models import TaskStatus
from aivideo_async.core.retry import ask_delay
from aivideo_async.core.wire import HttpRequest
from aivideo_async.probe.findings import Exchange, Findings, urls_in
from aivideo_async.probe.listening import Listener
from aivideo_async.probe.looking import MUCH_LONGER, SECOND_TRY
from aivideo_async.probe.orders import Order
from aivideo_async.probe.purse import Purse, plain
from aivideo_async.probe.questions import CALLBACKS
from aivideo_async.probe.sending import Head, Sender, balance_in
from aivideo_async.supervise import together
from aivideo_async.transport import Transport

NOBODYS_TASK = "00000000-0000-4000-8000-000000000000"
ABSENT = (("tasks", "/v1/tasks"), ("models", "/v1/models"), ("logs", "/v1/logs"), ("webhooks", "/v1/webhooks"),
          ("files", "/v1/files"))  # fmt: skip
BURST = 40
AT_ONCE = 10
REFUND_WITHIN = (0.0, 5.0, 15.0)
NO_LISTENER = "no AIVIDEO_CALLBACK_URL, so no callback can come"
ENDINGS = {TaskStatus.COMPLETED: "completed", TaskStatus.FAILED: "failed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Spans in the service's seconds; ``scale`` divides them.

    ``patience`` is for a task to end, ``several`` times its usual time if that is longer; ``again`` lies between two
    asks for the same result.
    """

    scale: float = 1.0
    patience: float = 900.0
    several: float = 6.0
    again: float = 2.0
    callback: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What a probe works with. ``stranger`` sends with a key that is nobody's; ``callback_url`` makes a step's URL.

    ``checkpoint`` writes down what is known by now, and is awaited before anything is sent that may cost.
    """

    sender: Sender
    stranger: Transport
    head: Head
    listener: Listener | None
    callback_url: Callable[[str], str | None]
    checkpoint: Callable[[], Awaitable[None]]
    say: Callable[[str], None]
    clock: Callable[[], float]


class Run:
    """One probe. What it sees is in ``found``, what it spends in ``purse``, whatever happens to it."""

    def __init__(self, wiring: Wiring, orders: Sequence[Order], *, found: Findings, purse: Purse, pace: Pace) -> None:
        self._with = wiring
        self._orders = orders
        self._found = found
        self._purse = purse
        self._pace = pace
        self._dearest: dict[str, Decimal] = {}

    async def run(self) -> None:
        """Take every step. Raises the error of the first answer where the key is refused, and OSError when nothing
        can be written down. Cancelling it leaves in ``purse`` the most that may have been spent.
        """
        self._purse.saw(balance_in(await self._with.sender.send("start.credits", wire.credits_request())))
        for name, step in self._steps():
            self._with.say(f"probe: {name}")
            try:
                await step
            except OSError:
                raise
            except Exception as error:  # noqa: BLE001 - one step's failure leaves the others running
                self._found.left_out[name] = f"the step failed: {type(error).__name__}"
            await self._with.checkpoint()
        self._saw(await self._with.sender.balance("end"))

    def _steps(self) -> Iterable[tuple[str, Awaitable[None]]]:
        yield "errors", self._errors()
        yield "absent", self._absent()
        for order in self._orders:
            yield order.step, self._order(order)
        yield CALLBACKS, self._callbacks()
        yield "limits", self._limits()

    async def _errors(self) -> None:
        await self._with.sender.send("errors.task", wire.task_request(NOBODYS_TASK))
        await self._with.sender.send("errors.key", wire.credits_request(), by=self._with.stranger)

    async def _absent(self) -> None:
        for name, path in ABSENT:
            await self._with.sender.send(f"absent.{name}", HttpRequest("GET", path))
        cancel = HttpRequest("POST", f"/v1/tasks/{NOBODYS_TASK}/cancel", b"{}")
        await self._with.sender.send("absent.cancel", cancel)

    async def _order(self, order: Order) -> None:
        each = max(order.worst, self._dearest.get(order.request.model, order.worst))
        worst = each * order.times
        if not self._purse.fits(worst):
            limit, left = plain(self._purse.limit), plain(self._purse.left)
            self._found.left_out[order.step] = f"it may cost {plain(worst)} credits, of {limit} there are {left} left"
            return
        before = await self._balance(order.step)
        self._purse.reserve(worst)
        await self._with.checkpoint()
        creates = await self._creates(order)
        after = await self._balance(order.step)
        charge = None if before is None or after is None else before - after
        self._purse.settle(worst, counted(creates, charge, price=order.price, worst=each))
        if charge is not None:
            self._found.charges[order.step] = charge
            self._found.expected[order.step] = order.price * order.times
            self._dearest[order.request.model] = max(each, charge / order.times)
        id = creates[0].outcome().service_id
        if order.awaited and id is not None:
            await self._follow(order, id, since=creates[0].at)
            await self._look_after(order, id, after)

    async def _creates(self, order: Order) -> list[Exchange]:
        url, once = self._with.callback_url(order.step) if order.told else None, str(uuid4())
        creates: list[Exchange] = []
        for _ in range(order.times):
            request = order.http(callback_url=url, once=once)
            creates.append(await self._with.sender.send(f"{order.step}.create", request))
        return creates

    async def _follow(self, order: Order, id: str, *, since: float) -> None:
        """Ask for a task until it has ended or patience has."""
        usual, checks = usual_seconds(order.request), 0
        patience = max(self._pace.patience, self._pace.several * usual)
        while (status := ending(await self._ask(order.step, id))) is None:
            if (self._with.clock() - since) * self._pace.scale > patience:
                self._found.left_out[order.step] = f"the task had not ended after {patience:.0f} s"
                return
            await self._pause(ask_delay(checks=checks, usual=usual, callback=False, draw=0.5))
            checks += 1
        self._found.ended[order.step] = status, (self._with.clock() - since) * self._pace.scale

    async def _look_after(self, order: Order, id: str, after: Decimal | None) -> None:
        """What can only be seen once a task has ended: results, or credits that come back."""
        status, _ = self._found.ended.get(order.step, ("", 0.0))
        if status == "completed" and order.step == "image":
            await self._pause(self._pace.again)
            urls = urls_in((await self._ask(order.step, id)).task)
            if urls:
                code = await self._with.head(urls[0])
                seen = Exchange(label="image.head", at=self._with.clock(), method="HEAD", path=urls[0], status=code)
                await self._with.sender.add(seen)
        elif status == "failed" and after is not None:
            for wait in REFUND_WITHIN:
                await self._pause(wait)
                balance = await self._balance(order.step)
                if balance is not None:
                    self._found.refunds[order.step] = balance - after
                    if balance > after:
                        return

    async def _callbacks(self) -> None:
        listener, found = self._with.listener, self._found
        if listener is None:
            found.left_out[CALLBACKS] = NO_LISTENER
            return
        if not found.ended and not found.arrivals:
            found.left_out[CALLBACKS] = "no task has ended"
            return
        await listener.wait(lambda: bool(found.endings()), seconds=self._pace.callback / self._pace.scale)
        refused = next((arrival for arrival in found.endings() if arrival.answered == 503), None)
        if refused is None:
            return
        self._with.say("probe: one callback was refused; waiting for it to come again, up to six minutes")
        longest = (MUCH_LONGER * SECOND_TRY + 10.0) / self._pace.scale
        left = max(0.0, longest - (self._with.clock() - refused.at))
        await listener.wait(lambda: self._again(refused.step, refused.at), seconds=left)
        found.listened = self._with.clock() - refused.at

    def _again(self, step: str, at: float) -> bool:
        return any(arrival.step == step and arrival.at > at for arrival in self._found.endings())

    async def _limits(self) -> None:
        for _ in range(BURST // AT_ONCE):
            asked = [self._with.sender.send("limits.credits", wire.credits_request()) for _ in range(AT_ONCE)]
            if any(exchange.status == 429 for exchange in await together(*asked)):
                return
        self._found.left_out["limits"] = f"{BURST} quick questions were all answered without a 429"

    async def _ask(self, step: str, id: str) -> Exchange:
        return await self._with.sender.send(f"{step}.task", wire.task_request(id))

    async def _balance(self, step: str) -> Decimal | None:
        balance = await self._with.sender.balance(step)
        self._saw(balance)
        return balance

    def _saw(self, balance: Decimal | None) -> None:
        if balance is not None:
            self._purse.saw(balance)

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._pace.scale)


def counted(creates: Iterable[Exchange], charge: Decimal | None, *, price: Decimal, worst: Decimal) -> Decimal:
    """What creates count for, seen from the worst side: by what they were answered, and by the balance if it is known.

    ``price`` is what one should cost, ``worst`` what it can.
    """
    return max(sum((_counted(one, charge, price, worst) for one in creates), Decimal(0)), charge or Decimal(0))


def _counted(create: Exchange, charge: Decimal | None, price: Decimal, worst: Decimal) -> Decimal:
    if not create.sent:
        return Decimal(0)
    outcome = create.outcome()
    if charge is not None and outcome.kind == "accepted":
        return price
    free = charge is not None and outcome.error is not None and outcome.error.charged == "no"
    return Decimal(0) if free else worst


def ending(exchange: Exchange) -> str | None:
    """``completed`` or ``failed``, where an answer says so."""
    if exchange.status != 200:
        return None
    try:
        return ENDINGS.get(wire.read_task(exchange.task).status)
    except InvalidResponseError:
        return None
