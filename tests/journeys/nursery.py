"""Processes that start at once: a nursery has imported everything, and forks.

A kill needs a process of its own, and a journey needs dozens of them; to start Python and to import aiohttp would take
most of its time. ``python -m tests.journeys.nursery FD`` reads orders from the socket ``FD``, forks for each, and ends
with all of its children when the socket closes, so that nothing is left however the tests end.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn, ParamSpec, Self

ROOT = Path(__file__).parents[2]
ORDER_LIMIT = 200_000
LINE_LIMIT = 2**20
IMPORTED = "tests.journeys.roles"

P = ParamSpec("P")


class Nursery:
    """Starts processes. A context manager; leaving it kills them all."""

    def __init__(self) -> None:
        self._control, self._far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._far:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", __name__, str(self._far.fileno())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                pass_fds=[self._far.fileno()],
            )
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._control.close()
        if self._process is not None:
            self._process.wait()

    @asynccontextmanager
    async def process(
        self,
        role: Callable[P, Coroutine[object, object, None]],
        environment: Mapping[str, str],
        *arguments: P.args,
        **named: P.kwargs,
    ) -> AsyncGenerator[Process]:
        """A process that awaits ``role(…)``, found by its name, until that or the block ends. Arguments go as JSON."""
        order = {
            "role": (role.__module__, role.__name__),
            "environment": dict(environment),
            "arguments": arguments,
            "named": named,
        }
        process = Process(self._fork(order))
        try:
            yield await process.connected()
        finally:
            await process.kill()

    def _fork(self, order: Mapping[str, object]) -> tuple[int, int]:
        """The new process's id and where its lines can be read."""
        readable, writable = os.pipe()
        try:
            socket.send_fds(self._control, [json.dumps(order).encode()], [writable])
            return int(self._control.recv(20)), readable
        finally:
            os.close(writable)


class Process:
    """One process of a nursery, and the lines that it says."""

    def __init__(self, forked: tuple[int, int]) -> None:
        self.pid, self._readable = forked
        self._lines = asyncio.StreamReader(limit=LINE_LIMIT)
        self._transport: asyncio.ReadTransport | None = None

    async def connected(self) -> Self:
        """Ready to be read."""
        protocol = asyncio.StreamReaderProtocol(self._lines)
        pipe = os.fdopen(self._readable, "rb", buffering=0)
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
        return self

    async def line(self) -> list[str]:
        """The words of the next line; none at all once it has ended."""
        line = await self._lines.readline()
        return line.decode().split() if line.endswith(b"\n") else []

    async def until(self, word: str) -> list[str]:
        """The words of the next line that begins with ``word``. Fails when the process ends before."""
        while words := await self.line():
            if words[0] == word:
                return words
        raise AssertionError(f"the process has ended without saying {word!r}")

    async def kill(self) -> list[list[str]]:
        """SIGKILL, and what it had said by then. Its nursery keeps its id from being used again."""
        os.kill(self.pid, signal.SIGKILL)
        said: list[list[str]] = []
        while words := await self.line():
            said.append(words)
        if self._transport is not None:
            self._transport.close()
        return said


def serve(control: socket.socket) -> None:
    """Fork for every order, until nobody orders any more."""
    importlib.import_module(IMPORTED)
    children: list[int] = []
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, ORDER_LIMIT, 1)
        if not message:
            break
        child = os.fork()
        if child == 0:
            control.close()
            os.dup2(descriptors[0], sys.stdout.fileno())
            play(json.loads(message))
        os.close(descriptors[0])
        children.append(child)
        control.send(str(child).encode())
    for child in children:
        os.kill(child, signal.SIGKILL)  # those that have ended were not waited for: no id has another owner by now
        os.waitpid(child, 0)


def play(order: dict[str, Any]) -> NoReturn:
    """Be the process that was ordered, to its end."""
    code = 1
    try:
        for name in [name for name in os.environ if name.startswith("AIVIDEO_")]:
            del os.environ[name]
        os.environ.update(order["environment"])
        module, name = order["role"]
        role = getattr(importlib.import_module(module), name)
        asyncio.run(role(*order["arguments"], **order["named"]))
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it was, this process must not return into the nursery's loop
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
