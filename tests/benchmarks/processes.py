"""Child processes, each pinned to a core, that host one contender and do what they are asked.

A host is an async context manager; its methods are called by ``Child.ask(Host.method, …)``. Every child ends when its
pipe closes, so also when this process is killed, and ``Crew`` ends those that do not by their own id.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from importlib.util import find_spec
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, cast

H_co = TypeVar("H_co", covariant=True)
T = TypeVar("T")
P = ParamSpec("P")
Q = ParamSpec("Q")

PATIENCE = 600.0
"""Seconds within which a child must answer."""
TICKS = os.sysconf("SC_CLK_TCK")

CORES: tuple[int, ...] = tuple(sorted(os.sched_getaffinity(0)))
MEASURED = CORES[0]
OTHER = CORES[-1]
"""Where what is measured runs, and where its other side does: two cores, or one where there is only one."""


class PeerMissingError(Exception):
    """A package that is measured against is not installed."""


class ChildError(Exception):
    """A child failed or gave no answer; carries its traceback."""


class Answer(Generic[T]):
    """What a child was asked and has not said yet."""

    def __init__(self, child: Child[object]) -> None:
        self._child = child

    def result(self) -> T:
        """Wait for it. Raises ChildError."""
        return cast("T", self._child.receive("done"))


class Child(Generic[H_co]):
    """The parent's end of one child process."""

    def __init__(self, name: str, process: BaseProcess, pipe: Connection) -> None:
        self.name = name
        self.process = process
        self.pipe = pipe

    def ready(self) -> Self:
        """Wait until its host is open. Raises PeerMissingError, ChildError."""
        self.receive("ready")
        return self

    def begin(
        self, method: Callable[Concatenate[H_co, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> Answer[T]:
        """Ask, and do something else until the answer is wanted."""
        name = method.__name__
        self.pipe.send((name, args, kwargs))
        return Answer(self)

    def ask(self, method: Callable[Concatenate[H_co, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Have a method of the host run, and give what it returns. Raises ChildError."""
        return self.begin(method, *args, **kwargs).result()

    def receive(self, expected: str) -> object:
        """The next message, which must be of this kind. Raises PeerMissingError, ChildError."""
        if not self.pipe.poll(PATIENCE):
            raise ChildError(f"{self.name} gave no answer within {PATIENCE:g} s")
        try:
            kind, value = cast("tuple[str, object]", self.pipe.recv())
        except EOFError:
            raise ChildError(f"{self.name} ended with {self.process.exitcode}") from None
        if kind == "missing":
            raise PeerMissingError(str(value))
        if kind != expected:
            raise ChildError(f"{self.name}: {value}")
        return value

    def cpu_seconds(self) -> float:
        """What it has used so far, user and system, in steps of the kernel's clock tick."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


class Crew:
    """Starts children and ends all of them on leaving, also when it is left by Ctrl-C."""

    def __init__(self) -> None:
        self._children: list[Child[object]] = []
        self._spawn = multiprocessing.get_context("spawn")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in self._children:
            child.pipe.close()
        for child in self._children:
            _end(child.process, patience=5.0 if kind is None else 0.2)

    def start(
        self,
        name: str,
        host: Callable[Q, AbstractAsyncContextManager[H_co]],
        *args: Q.args,
        **kwargs: Q.kwargs,
    ) -> Child[H_co]:
        """Start a child on the core of what is measured; ``ready`` waits for it."""
        return self._start(name, MEASURED, False, host, args, kwargs)

    def start_other(
        self,
        name: str,
        host: Callable[Q, AbstractAsyncContextManager[H_co]],
        *args: Q.args,
        **kwargs: Q.kwargs,
    ) -> Child[H_co]:
        """Start a child on the other core, over uvloop where that is installed, and wait for it."""
        return self._start(name, OTHER, True, host, args, kwargs).ready()

    def start_over_uvloop(
        self,
        name: str,
        host: Callable[Q, AbstractAsyncContextManager[H_co]],
        *args: Q.args,
        **kwargs: Q.kwargs,
    ) -> Child[H_co]:
        """As ``start``, over uvloop where that is installed."""
        return self._start(name, MEASURED, True, host, args, kwargs)

    def _start(
        self,
        name: str,
        core: int,
        over_uvloop: bool,
        host: Callable[..., AbstractAsyncContextManager[H_co]],
        args: tuple[object, ...],
        kwargs: dict[str, object],
    ) -> Child[H_co]:
        ours, theirs = self._spawn.Pipe()
        process = self._spawn.Process(
            target=_main, args=(theirs, core, over_uvloop, host, args, kwargs), name=name, daemon=True
        )
        process.start()
        theirs.close()
        child = Child[H_co](name, process, ours)
        self._children.append(child)
        return child


def settled(children: dict[str, Child[H_co]], *, may_miss: bool) -> tuple[dict[str, Child[H_co]], list[str]]:
    """Those that are ready, and what is missing for the others where that is allowed. Raises PeerMissingError."""
    ready: dict[str, Child[H_co]] = {}
    missing: list[str] = []
    for name, child in children.items():
        try:
            ready[name] = child.ready()
        except PeerMissingError as error:
            if not may_miss:
                raise PeerMissingError(f"{error} is not installed: pip install '.[bench]'") from error
            missing.append(f"{name} ({error} is not installed)")
    return ready, missing


class Pinned(Protocol):
    """A child, whatever it hosts."""

    def cpu_seconds(self) -> float:
        """What it has used so far."""
        ...


class Load:
    """How busy some children are: ``share`` is their CPU seconds per second since it was made."""

    def __init__(self, children: Iterable[Pinned]) -> None:
        self._cpu = [child.cpu_seconds for child in children]
        self._before = sum(cpu() for cpu in self._cpu)
        self._since = time.perf_counter()

    def share(self) -> float:
        """A share of one core."""
        return (sum(cpu() for cpu in self._cpu) - self._before) / (time.perf_counter() - self._since)


def _end(process: BaseProcess, patience: float) -> None:
    process.join(patience)
    if process.is_alive():
        process.terminate()
        process.join(1.0)
    if process.is_alive():
        process.kill()
        process.join()


def _main(
    pipe: Connection,
    core: int,
    over_uvloop: bool,
    host: Callable[..., AbstractAsyncContextManager[object]],
    args: tuple[object, ...],
    kwargs: dict[str, object],
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides, and ends us
    os.sched_setaffinity(0, {core})
    logging.getLogger("aivideo_async").setLevel(logging.ERROR)  # closing with unfinished tasks names each of them
    with asyncio.Runner(loop_factory=_uvloop() if over_uvloop else None) as runner:
        runner.run(_hosted(pipe, host, args, kwargs))


def _uvloop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if find_spec("uvloop") is None:
        return None
    return cast("Callable[[], asyncio.AbstractEventLoop]", import_module("uvloop").new_event_loop)


async def _hosted(
    pipe: Connection,
    host: Callable[..., AbstractAsyncContextManager[object]],
    args: tuple[object, ...],
    kwargs: dict[str, object],
) -> None:
    try:
        async with host(*args, **kwargs) as hosted:
            pipe.send(("ready", None))
            while (order := await asyncio.to_thread(_next, pipe)) is not None:
                name, arguments, named = order
                method = cast("Callable[..., Awaitable[object]]", getattr(hosted, name))
                pipe.send(("done", await method(*arguments, **named)))
    except ModuleNotFoundError as error:
        pipe.send(("missing", error.name))
    except BrokenPipeError:
        return
    except Exception:
        pipe.send(("failed", traceback.format_exc()))


def _next(pipe: Connection) -> tuple[str, tuple[object, ...], dict[str, object]] | None:
    try:
        return cast("tuple[str, tuple[object, ...], dict[str, object]]", pipe.recv())
    except (EOFError, OSError):
        return None
