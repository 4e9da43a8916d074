"""What the users of one worker do: submit, cancel, wait, run out of patience, resume, consume events."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Protocol

from aivideo_async.catalog import Sora2
from aivideo_async.client import Client
from aivideo_async.core.errors import (
    AIVideoError,
    ClientClosedError,
    StoreError,
    SubmissionInDoubtError,
    TaskTimeoutError,
)
from aivideo_async.core.keys import HmacKey
from aivideo_async.core.wire import HttpRequest, HttpResponse
from aivideo_async.receiver import WebhookReceiver
from aivideo_async.stores.base import Store
from aivideo_async.task import GenerationTask
from aivideo_async.transport import Transport
from tests.simulation.judge import Call, Judge
from tests.simulation.loop import SimulatedLoop
from tests.simulation.purse import Purse, WatchedBudget
from tests.simulation.service import Service
from tests.simulation.weather import Sky

GROUP = "billing"
TRIES = 3


@dataclass(eq=False)
class Order:
    """What a user wants: by whom it is submitted, when, and whether it has been begun (an order without a key is
    submitted once in all the world).
    """

    prompt: str
    key: str | None
    by: tuple[str, ...]
    at: float
    begun: bool = False

    @property
    def request(self) -> Sora2:
        """The request."""
        return Sora2(prompt=self.prompt, duration=4)


class House(Protocol):
    """What a replica needs of the world."""

    loop: SimulatedLoop
    sky: Sky
    judge: Judge
    service: Service
    orders: list[Order]
    chance: random.Random
    doubles: Doubles
    secret: HmacKey | None
    purse: Purse

    def wall(self) -> float:
        """The right time in unix seconds."""
        ...

    def store(self, owner: str) -> Store:
        """A way to the engine."""
        ...

    def say(self, text: str) -> None:
        """Write a line of the trace."""
        ...


class ServiceTransport:
    """A replica's way to the service."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def send(self, request: HttpRequest, *, on_sent: Callable[[], None] | None = None) -> HttpResponse:
        return await self.service.send(request, on_sent)


@dataclass(frozen=True)
class Doubles:
    """What stands in for parts of a replica, to see whether the judge notices."""

    transport: Callable[[Service], Transport] = ServiceTransport
    receiver: type[WebhookReceiver] = WebhookReceiver
    budget: type[WatchedBudget] = WatchedBudget


@dataclass(eq=False)
class Users:
    """The users of ``client``. ``waiting`` names the orders that somebody awaits now."""

    house: House
    owner: str
    client: Client
    waiting: set[str]

    async def order(self, order: Order) -> None:
        """Submit an order when its time has come, perhaps twice at once, and await it."""
        await asyncio.sleep(max(0.0, order.at - self.house.loop.time()))
        sky = self.house.sky
        times = 2 if order.key and sky.strikes(sky.weather.twice) else 1
        tasks = [asyncio.create_task(self._submitted(order)) for _ in range(times)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    async def _submitted(self, order: Order) -> None:
        for _ in range(TRIES):
            if order.key is None and order.begun:
                return
            order.begun = True
            try:
                task = await self._submit(order)
            except ClientClosedError:
                return
            if task is not None:
                await self._awaited(task, order.prompt)
                return
            await asyncio.sleep(5.0)

    async def _submit(self, order: Order) -> GenerationTask | None:
        """Submit once, and perhaps cancel it meanwhile; ``None`` when it gave no handle."""
        sky, judge = self.house.sky, self.house.judge
        call = Call(order.prompt, order.key, self.owner)
        judge.called(call)
        submitting = asyncio.create_task(
            self.client.submit(order.request, key=order.key, labels={"prompt": order.prompt})
        )
        if sky.strikes(sky.weather.cancelled):
            self.house.loop.call_later(sky.chance.uniform(0.0, 6.0 * sky.weather.latency), submitting.cancel)
        try:
            await asyncio.wait([submitting])
        finally:
            submitting.cancel()
        try:
            task = submitting.result()
        except asyncio.CancelledError:
            self.house.say(f"{self.owner} cancelled submit of {order.prompt}")
        except SubmissionInDoubtError as doubt:
            self.house.say(f"{self.owner} submit {order.prompt}: in doubt")
            judge.raised(call, doubt)
            return doubt.task if isinstance(doubt.task, GenerationTask) else None
        except AIVideoError as error:
            self.house.say(f"{self.owner} submit {order.prompt}: {type(error).__name__} charged {error.charged}")
            judge.raised(call, error)
            if isinstance(error, ClientClosedError):
                raise
        else:
            self.house.say(f"{self.owner} submit {order.prompt}: {task.status.value}")
            return task
        return None

    async def _awaited(self, task: GenerationTask, prompt: str) -> None:
        self.waiting.add(prompt)
        sky = self.house.sky
        while True:
            patience = sky.chance.uniform(0.0, 20.0) if sky.strikes(sky.weather.impatient) else None
            try:
                output = await task.wait(timeout=patience)
            except ClientClosedError:
                return
            except TaskTimeoutError as error:
                if error.code != "expired":
                    continue
                self._told(prompt, task, error)
            except AIVideoError as error:
                self._told(prompt, task, error)
            else:
                self.house.say(f"{self.owner} has {prompt}")
                self.house.judge.gave(prompt, task.record, output)
            break
        self.waiting.discard(prompt)

    def _told(self, prompt: str, task: GenerationTask, error: AIVideoError) -> None:
        self.house.say(f"{self.owner} waited for {prompt}: {type(error).__name__} {error.code}")
        self.house.judge.gave(prompt, task.record, error)

    async def resume(self) -> None:
        """Await what has not ended, as after a restart."""
        while True:
            try:
                tasks = [task async for task in self.client.unfinished()]
                break
            except StoreError:
                await asyncio.sleep(1.0)
            except ClientClosedError:
                return
        waits = [asyncio.create_task(self._awaited(task, task.record.labels["prompt"])) for task in tasks]
        try:
            await asyncio.gather(*waits)
        finally:
            for wait in waits:
                wait.cancel()

    async def consume(self) -> None:
        """Consume events for a group that all workers share."""
        while True:
            with suppress(StoreError):
                try:
                    async with aclosing(self.client.events(GROUP)) as events:
                        async for _event in events:
                            await asyncio.sleep(self.house.sky.latency())
                except ClientClosedError:
                    return
            await asyncio.sleep(1.0)
