"""One process: a worker with a client and its users, or a web replica that only receives callbacks.

Killed, it stops dead. Started again it is another process under the same name, which goes on with ``unfinished()`` and
with the same keys.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from aivideo_async.client import Client
from aivideo_async.core.errors import StoreError
from aivideo_async.core.models import TaskEvent
from aivideo_async.core.signing import StandardWebhooks
from aivideo_async.receiver import WebhookReceiver
from tests.simulation.users import House, Users

BASE = "https://api.example.com"
CALLBACK = "https://hooks.example.com/webhooks/aivideo"
CALLBACK_KEY = b"the key of our own callback URLs, 32"
USUAL = 60.0


@dataclass(eq=False)
class Replica:
    """A process under a name. ``offset`` is how many seconds its clock is ahead."""

    house: House
    name: str
    worker: bool
    offset: float = 0.0
    generation: int = 0
    owner: str = ""
    client: Client | None = None
    receiver: WebhookReceiver | None = None
    main: asyncio.Task[None] | None = None
    waiting: set[str] = field(default_factory=set[str])
    _leaving: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def running(self) -> bool:
        """Whether it lives."""
        return self.main is not None and not self.main.done() and self.house.loop.alive(self.owner)

    def clock(self) -> float:
        """The time as this replica sees it."""
        return self.house.wall() + self.offset

    def start(self) -> None:
        """Start the process, or the next one under this name."""
        self.generation += 1
        self.owner = f"{self.name}.{self.generation}"
        self.client = self.receiver = None
        self.waiting = set()
        self._leaving = asyncio.Event()
        self.house.say(f"{self.owner} starts")
        life = self._work() if self.worker else self._receive_only()
        self.main = self.house.loop.create_task(life, context=self.house.loop.context_of(self.owner))

    def kill(self) -> None:
        """Stop it dead."""
        self.house.say(f"{self.owner} is killed")
        self.house.loop.kill(self.owner)

    def leave(self) -> None:
        """Ask it to close in an orderly way."""
        self.house.say(f"{self.owner} is asked to leave")
        self._leaving.set()

    async def _receive_only(self) -> None:
        house = self.house
        verifier = None if house.secret is None else StandardWebhooks([house.secret])
        self.receiver = house.doubles.receiver(
            house.store(self.owner),
            callback_key=CALLBACK_KEY,
            webhook_secret=verifier,
            base_url=BASE,
            clock=self.clock,
        )
        if verifier is not None:
            self._handle_events(self.receiver)
        await self._leaving.wait()
        await self.receiver.aclose()

    async def _work(self) -> None:
        self.client = await self._opened()
        mine = [order for order in self.house.orders if self.name in order.by]
        users = Users(house=self.house, owner=self.owner, client=self.client, waiting=self.waiting)
        programs: list[Callable[[], Awaitable[None]]] = [partial(users.order, order) for order in mine]
        programs += [users.consume, users.resume]
        tasks = [asyncio.create_task(self._watched(program)) for program in programs]
        await self._leaving.wait()
        if self.house.chance.random() < 0.5:
            await self._cancelled(tasks)
            await self.client.__aexit__(None, None, None)
        else:
            await self.client.__aexit__(None, None, None)
            await self._cancelled(tasks)

    async def _cancelled(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    async def _watched(self, program: Callable[[], Awaitable[None]]) -> None:
        try:
            await program()
        except Exception as error:  # noqa: BLE001 - whatever a user's program meets that it was not promised
            self.house.judge.say(f"{self.owner}: a program of the user's met {error!r}")

    async def _opened(self) -> Client:
        while True:
            client = self._client()
            try:
                await client.__aenter__()
            except StoreError as error:
                self.house.say(f"{self.owner} could not open: {error}")
                await asyncio.sleep(1.0)
            else:
                return client

    def _client(self) -> Client:
        house, weather = self.house, self.house.sky.weather
        client = Client(
            "sk-simulated",
            base_url=BASE,
            callback_url=CALLBACK if weather.callbacks else None,
            callback_key=CALLBACK_KEY,
            webhook_secret=None if house.secret is None else StandardWebhooks([house.secret]),
            store=house.store(self.owner),
            transport=house.doubles.transport(house.service),
            body_form="auto" if weather.body_form == "auto" else "nested",
            usual_seconds={"sora-2": USUAL},
            max_concurrency=max(4, weather.orders // 10),
            ask_rate=max(5.0, weather.orders / 10),
            time_scale=1.0,
            clock=self.clock,
            chance=house.chance,
            budget=house.purse.budget(self.owner),
        )
        if weather.callbacks:
            self.receiver = client.receiver
            self._handle_events(client.receiver)
        return client

    def _handle_events(self, receiver: WebhookReceiver) -> None:
        async def handle(event: TaskEvent) -> None:
            self.house.judge.handled_event(event.record)

        for name in ("task.completed", "task.failed", "task.expired"):
            receiver.on(name)(handle)
