"""One run: a world drawn from a seed, its weather, its calm, and its end."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from aivideo_async.core.keys import HmacKey
from aivideo_async.core.models import TaskRecord
from aivideo_async.stores.base import Store
from aivideo_async.stores.memory import MemoryStore
from tests.doubles import NOW
from tests.simulation.engine import Engine, SimulatedStore, Watcher
from tests.simulation.judge import Judge, Violation
from tests.simulation.ledger import Arrival, Callback
from tests.simulation.loop import simulated_loop
from tests.simulation.purse import Purse
from tests.simulation.replica import Replica
from tests.simulation.service import Service
from tests.simulation.users import Doubles, Order
from tests.simulation.weather import Sky, Weather, drawn

SECRET = HmacKey(b"the secret that the sender signs with")
STEPS = 50_000
"""More than this at a stretch, and 3,000 for each order: somebody is busy for nothing."""
STEPS_OF_AN_ORDER = 3_000
A_DAY_AND_MORE = 26 * 3600.0


@dataclass(frozen=True)
class Report:
    """What a run was: figures, and the trace."""

    seed: int
    steps: int
    digest: int
    seconds: float
    creates: int
    gets: int
    tasks: int
    trace: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.steps} steps, {self.seconds:.0f} s, {self.creates} creates, "
            f"{self.gets} questions, {self.tasks} tasks, digest {self.digest:08x}"
        )


class World:
    """Everything outside of the client, and the replicas inside of it."""

    def __init__(
        self,
        seed: int,
        weather: Weather | None = None,
        *,
        doubles: Doubles | None = None,
        memory: Callable[[Callable[[], float]], MemoryStore] | None = None,
    ) -> None:
        self.seed = seed
        self.chance = random.Random(f"chance {seed}")
        self.weather = weather or drawn(random.Random(f"weather {seed}"))
        self.sky = Sky(self.weather, random.Random(f"sky {seed}"))
        self.loop = simulated_loop(random.Random(f"order {seed}"), shuffled=self.weather.shuffled)
        self.doubles = doubles or Doubles()
        self.purse = Purse(seed, self.weather.orders, self.weather.fair, made=self.doubles.budget)
        self.secret = SECRET if self.weather.signed else None
        self.trace: list[str] = []
        self._jumped = 0.0
        self.engine = Engine(self.loop, self.sky, self.wall, None if memory is None else memory(self.wall))
        self.service = Service(self.loop, self.sky, self.wall, self, secret=self.secret)
        self.judge = Judge(self.service, self._held, self._records)
        self.judge.clocks_jump = self.weather.jumps > 0
        self.engine.watcher = Watcher(self.judge.stored, self.judge.event_given, self.judge.event_acknowledged)
        self.replicas = self._made_replicas()
        self.orders = self._made_orders()
        self._doomed: dict[str, int] = {}
        self.loop.after_step = self._after_step

    # What the parts ask of the world

    def wall(self) -> float:
        """The right time in unix seconds."""
        return NOW + self.loop.time() + self._jumped

    def say(self, text: str) -> None:
        """Write a line of the trace."""
        self.trace.append(f"{self.loop.time():10.3f} {text}")

    def store(self, owner: str) -> Store:
        """A way to the engine."""
        return SimulatedStore(self.engine, owner)

    def arrived(self, arrival: Arrival) -> None:
        """A create has reached the service."""
        self.judge.arrived(arrival)

    def deliver(self, callback: Callback, answered: Callable[[int], None]) -> None:
        """Bring a callback to a receiver that lives, if any does."""
        live = [replica for replica in self.replicas if replica.running and replica.receiver is not None]
        if not live:
            return
        replica = self.sky.chance.choice(live)
        task = self.loop.create_task(
            self._received(replica, callback, answered), context=self.loop.context_of(replica.owner)
        )
        if self.sky.strikes(self.weather.cancelled / 2):  # some servers cancel a handler when the sender hangs up
            self.loop.call_later(self.sky.latency(), task.cancel)

    async def _received(self, replica: Replica, callback: Callback, answered: Callable[[int], None]) -> None:
        receiver = replica.receiver
        assert receiver is not None
        reply = await receiver.handle("POST", callback.path, callback.headers, callback.body)
        kind = "callback" if callback.genuine else "forgery"
        self.say(f"{replica.owner}: {kind} for {callback.task.id}: {reply.status}")
        self.judge.replied(callback, reply.status, signed=self.weather.signed)
        answered(reply.status)
        await receiver.after(reply)

    def _held(self, id: str) -> TaskRecord | None:
        return self.engine.inner._records.get(id)

    def _records(self) -> dict[str, TaskRecord]:
        return self.engine.inner._records

    # What there is

    def _made_replicas(self) -> list[Replica]:
        names = [(f"w{n}", True) for n in range(1, self.weather.workers + 1)]
        names += [(f"web{n}", False) for n in range(1, self.weather.webs + 1) if self.weather.callbacks]
        skew = self.weather.skew
        return [Replica(self, name, worker, offset=self.sky.chance.uniform(-skew, skew)) for name, worker in names]

    def _made_orders(self) -> list[Order]:
        chance, workers = self.sky.chance, [replica.name for replica in self.replicas if replica.worker]
        orders: list[Order] = []
        for number in range(1, self.weather.orders + 1):
            key = f"key-{number}" if chance.random() < self.weather.keyed else None
            shared = key is not None and self.sky.strikes(self.weather.twice)
            by = tuple(workers) if shared else (chance.choice(workers),)
            orders.append(Order(f"order-{number}", key, by, at=chance.uniform(0.0, self.weather.chaos / 2)))
        return orders

    def _after_step(self, owner: str) -> None:
        left = self._doomed.get(owner)
        if left is not None:
            self._doomed[owner] = left - 1
            if left <= 0:
                del self._doomed[owner]
                self._replica(owner).kill()
        for replica in self.replicas:
            client = replica.client
            if client is not None and client._opening is not None and client._opening._failure is not None:
                self.judge.say(f"{replica.owner}: a background task failed: {client._opening._failure!r}")
        self.purse.after_step(self.judge, owner)
        self.judge.found += self.loop.complaints
        self.judge.after_step()

    def _replica(self, owner: str) -> Replica:
        return next(replica for replica in self.replicas if replica.owner == owner)

    # What happens

    def run(self) -> Report:
        """Run it to its end. Raises Violation with the seed and how to see it again."""
        try:
            with self.loop.entered():
                self._weathered()
                self._calm()
                self._late()
                self._closed()
                self._judged()
        except (Violation, RuntimeError) as violation:
            raise Violation(f"{violation}\nseen again by: python -m tests.simulation {self.seed}") from violation
        return self.report()

    def report(self) -> Report:
        """The figures so far."""
        return Report(
            seed=self.seed,
            steps=self.loop.steps,
            digest=self.loop.digest,
            seconds=self.loop.time(),
            creates=self.service.creates,
            gets=self.service.gets,
            tasks=len(self.service.tasks),
            trace=tuple(self.trace),
        )

    def _passes(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        self.loop.run(seconds, until, steps=STEPS + STEPS_OF_AN_ORDER * self.weather.orders)

    def _weathered(self) -> None:
        weather, chance = self.weather, self.sky.chance
        for replica in self.replicas:
            replica.start()
        plans: list[Callable[[], None]] = [self._doom] * weather.kills + [self._restart] * weather.restarts
        plans += [self._jump] * weather.jumps + [self._outage] * weather.outages
        moments = sorted((chance.uniform(0.0, weather.chaos), chance.random(), plan) for plan in plans)
        for at, _, plan in moments:
            self._passes(max(0.0, at - self.loop.time()))
            plan()
        self._passes(max(0.0, weather.chaos - self.loop.time()))

    def _doom(self) -> None:
        """One dies within its next steps, and is back after a while."""
        replica = self.sky.chance.choice(self.replicas)
        if replica.running:
            self._doomed[replica.owner] = self.sky.chance.choice((0, 1, 3, 10, 30, 100))
        self._soon(self._start_again, replica, replica.generation)

    def _restart(self) -> None:
        replica = self.sky.chance.choice(self.replicas)
        if replica.running:
            replica.leave()
        self._soon(self._start_again, replica, replica.generation)

    def _soon(self, callback: Callable[..., object], *args: object) -> None:
        self.loop.call_later(self.sky.chance.uniform(0.0, 20.0), callback, *args)

    def _start_again(self, replica: Replica, generation: int) -> None:
        if not replica.running and replica.generation == generation:
            replica.start()

    def _jump(self) -> None:
        replica = self.sky.chance.choice(self.replicas)
        seconds = self.sky.chance.choice((-3600.0, -30.0, 30.0, 3600.0, A_DAY_AND_MORE))
        replica.offset += seconds
        self.say(f"{replica.name}: its clock jumps by {seconds:g} s")

    def _outage(self) -> None:
        owners = [replica.owner for replica in self.replicas if self.sky.chance.random() < 0.7]
        self.say(f"the engine is away for {', '.join(owners)}")
        self.engine.away.update(owners)
        for listening in tuple(self.engine.listening):
            listening.lose()
        self._soon(self.engine.away.difference_update, owners)

    def _calm(self) -> None:
        """Nothing goes wrong any more, everybody is up, and ten minutes pass several times."""
        self.say("calm")
        self.sky.clear()
        self.engine.away.clear()
        self._doomed.clear()
        for replica in self.replicas:
            if self.weather.jumps or self.weather.skew:
                replica.offset = 0.0
            if not replica.running:
                replica.start()
        self._passes(150.0)
        for replica in self.replicas:
            if not replica.running:
                replica.start()
        self._passes(self.weather.slowest, lambda: self.service.running == 0)
        for _ in range(5):
            self._passes(30.0)
            self._jumped += 600.0
        self._passes(30.0)

    def _late(self) -> None:
        """A day later every deadline is over."""
        self._jumped += 5 * A_DAY_AND_MORE  # records may be dated ahead by clocks that had jumped
        self.say("days later")
        self._passes(120.0)
        consumed = 2.0 * self.weather.orders  # seconds: events are acknowledged one after the other
        self._passes(consumed, lambda: len(self.judge.acknowledged) >= len(self.judge.won))
        for replica in self.replicas:
            if replica.running:
                self.purse.at_the_end(self.judge, replica.owner, self._records())
            if replica.running and replica.waiting:
                self.judge.say(f"{replica.owner} still waits for {sorted(replica.waiting)}")

    def _closed(self) -> None:
        clients = [replica.client for replica in self.replicas if replica.running and replica.client is not None]
        openings = [client._opening for client in clients if client._opening is not None]
        for replica in self.replicas:
            replica.leave()
        self._passes(30.0)
        for opening in openings:
            if opening.waiters.awaited() or opening.supervisor.running:
                self.judge.say(f"a closed client still awaits {sorted(opening.waiters.awaited())}")
        for replica in self.replicas:
            if left := self.loop.tasks_of(replica.owner):
                self.judge.say(f"{replica.owner} has closed and left behind {left}")

    def _judged(self) -> None:
        self.judge.at_the_end(callbacks=self.weather.callbacks, events=True)
        if self.weather.fair:
            self.judge.fair(signed=self.weather.signed, callbacks=self.weather.callbacks, orders=self.weather.orders)
