"""An event loop in virtual time whose order is drawn from a seed.

Time stands still while anything is ready and jumps to the next timer when nothing is. There is no I/O, no thread and no
clock. Every handle belongs to the owner that its context names, and the handles of an owner that was killed never run
again: it stops dead between two steps, without a ``finally``.

In a shuffled loop steps of tasks run in a drawn order; what is no step (callbacks of futures, timers) keeps its order
and goes first. That is an order in which a real loop could have run them, had the steps become ready at other times:
a future's own callbacks stay in their order, which asyncio promises and code relies on.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import random
import sys
import zlib
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import contextmanager, suppress
from typing import Any, TypeVarTuple, cast

Ts = TypeVarTuple("Ts")

WORLD = "world"
OWNER: contextvars.ContextVar[str] = contextvars.ContextVar("OWNER", default=WORLD)

_CANCEL_AT_MOST = 8
_CLOSE_WITHIN = 600.0
_CLOSING_STEPS = 5_000_000


class _Numbered:
    """What hashes by the order in which it was made: sets of tasks are walked in the same order in every run."""

    number: int

    def __hash__(self) -> int:
        return self.number


class SimulatedFuture(_Numbered, asyncio.Future[Any]):
    """A future that knows whose it is."""

    def __init__(self, number: int, loop: SimulatedLoop) -> None:
        self.number, self.owner = number, OWNER.get()
        super().__init__(loop=loop)


class SimulatedTask(_Numbered, asyncio.Task[Any]):
    """A task that knows whose it is."""

    def __init__(
        self,
        number: int,
        coro: Coroutine[Any, Any, Any],
        loop: SimulatedLoop,
        name: str | None,
        context: contextvars.Context | None,
    ) -> None:
        self.number = number
        self.owner = OWNER.get() if context is None else context.get(OWNER, WORLD)
        super().__init__(coro, loop=loop, name=name or f"{self.owner}-{number}", context=context)


class SimulatedLoop(asyncio.AbstractEventLoop):
    """Runs what is ready in the order that ``chance`` draws (or, not ``shuffled``, in that of arrival).

    ``after_step`` is called after every step with its owner. ``steps`` counts them, and ``digest`` sums up which owner
    ran what in which order. ``complaints`` is what asyncio had to say about owners that are alive.
    """

    def __init__(self, chance: random.Random, *, shuffled: bool = True) -> None:
        self._chance = chance
        self._shuffled = shuffled
        self._now = 0.0
        self._numbers = 0
        self._timers: list[tuple[float, float, int, asyncio.TimerHandle]] = []
        self._first: deque[asyncio.Handle] = deque()
        self._ready: list[asyncio.Handle] = []
        self._dead: set[str] = set()
        self._held: list[asyncio.Handle] = []
        self._tasks: dict[SimulatedTask, None] = {}
        self._generators: list[AsyncGenerator[object, object]] = []
        self._closed = False
        self.steps = 0
        self.digest = 0
        self.complaints: list[str] = []
        self.after_step: Callable[[str], None] = lambda _owner: None

    # What asyncio asks of a loop

    def time(self) -> float:
        return self._now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return not self._closed

    def is_closed(self) -> bool:
        return self._closed

    def create_future(self) -> SimulatedFuture:
        return SimulatedFuture(self._number(), self)

    def create_task(  # type: ignore[override]  # what typeshed says of a task's coroutine differs by version
        self,
        coro: Coroutine[Any, Any, Any],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> SimulatedTask:
        task = SimulatedTask(self._number(), coro, self, name, context)
        self._tasks[task] = None
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(cast("SimulatedTask", task), None)

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        is_step = isinstance(getattr(callback, "__self__", None), asyncio.Task)
        (self._ready if is_step and self._shuffled else self._first).append(handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        tie = self._chance.random() if self._shuffled else 0.0
        heapq.heappush(self._timers, (when, tie, self._number(), handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers leave when their time comes."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        source = context.get("task") or context.get("future")
        owner = getattr(source, "owner", WORLD)
        if not self._closed and owner not in self._dead:
            self.complaints.append(f"{owner}: {context.get('message')}: {context.get('exception')!r}")

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    # Owners

    @staticmethod
    def context_of(owner: str) -> contextvars.Context:
        """A context in which everything that begins belongs to ``owner``."""
        context = contextvars.Context()
        context.run(OWNER.set, owner)
        return context

    def kill(self, owner: str) -> None:
        """Nothing of this owner ever runs again."""
        self._dead.add(owner)

    def alive(self, owner: str) -> bool:
        """Whether it was not killed."""
        return owner not in self._dead

    def tasks_of(self, owner: str) -> list[str]:
        """What of an owner has not ended, by the names of the coroutines."""
        return [_name(task) for task in self._tasks if task.owner == owner]

    # Running

    @contextmanager
    def entered(self) -> Generator[None]:
        """Be the running loop while the block runs, and then close what was left behind, quietly."""
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(firstiter=self._generators.append, finalizer=None)
        asyncio._set_running_loop(self)  # how a loop says that it runs
        try:
            yield
        finally:
            try:
                self._close()
            finally:
                asyncio._set_running_loop(None)
                sys.set_asyncgen_hooks(*hooks)

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False, *, steps: int) -> bool:
        """Run for this much virtual time, or until it is so. Whether it is so. Raises RuntimeError after ``steps``."""
        end = self._now + seconds
        limit = self.steps + steps
        while not until():
            handle = self._next(end)
            if handle is None:
                self._now = end
                return until()
            self._run_one(handle)
            if self.steps > limit:
                message = f"still busy after {steps} steps, at {self._now:.3f} s"
                raise RuntimeError(message)
        return True

    def _next(self, end: float) -> asyncio.Handle | None:
        if not self._first and not self._ready:
            while self._timers and self._timers[0][-1].cancelled():
                heapq.heappop(self._timers)
            if not self._timers or self._timers[0][0] > end:
                return None
            self._now = max(self._now, self._timers[0][0])
        while self._timers and self._timers[0][0] <= self._now:
            handle = heapq.heappop(self._timers)[-1]
            if not handle.cancelled():
                self._first.append(handle)
        if self._first:
            return self._first.popleft()
        chosen = self._chance.randrange(len(self._ready)) if len(self._ready) > 1 else 0
        self._ready[chosen], self._ready[-1] = self._ready[-1], self._ready[chosen]
        return self._ready.pop()

    def _run_one(self, handle: asyncio.Handle) -> None:
        owner = handle._context.get(OWNER, WORLD)  # type: ignore[attr-defined]  # where asyncio keeps it
        if handle.cancelled():
            return
        if owner in self._dead:
            self._held.append(handle)
            return
        self.steps += 1
        task = getattr(handle._callback, "__self__", None)  # type: ignore[attr-defined]  # the same
        name = _name(task) if isinstance(task, SimulatedTask) else ""
        self.digest = zlib.crc32(f"{owner} {name}".encode(), self.digest)
        handle._run()
        self.after_step(owner)

    def _close(self) -> None:
        """Let everything that is left come to its end, the killed as well, so that no collector of garbage meets it."""
        self._closed, self._shuffled = True, False
        self.after_step = lambda _owner: None
        self._dead.clear()
        self._first.extend([*self._held, *self._ready])
        self._held.clear()
        self._ready.clear()
        for _ in range(_CANCEL_AT_MOST):
            for task in tuple(self._tasks):
                task.cancel()
            if self.run(_CLOSE_WITHIN, lambda: not self._tasks, steps=_CLOSING_STEPS):
                break
        for generator in self._generators:
            if getattr(generator, "ag_frame", None) is not None:
                self.create_task(_closed(generator))
        self.run(_CLOSE_WITHIN, lambda: not self._tasks, steps=_CLOSING_STEPS)
        self._generators.clear()


def simulated_loop(chance: random.Random, *, shuffled: bool = True) -> SimulatedLoop:
    """A loop of this kind. It has no I/O, and so not the half of what a loop has by typeshed."""
    return SimulatedLoop(chance, shuffled=shuffled)  # type: ignore[abstract]  # pyright: ignore[reportAbstractUsage]


def _name(task: SimulatedTask) -> str:
    return str(getattr(task.get_coro(), "__qualname__", ""))


async def _closed(generator: AsyncGenerator[object, object]) -> None:
    with suppress(Exception):
        await generator.aclose()
