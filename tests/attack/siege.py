"""A client with tasks that are awaited, its callback server, and the attack on it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aivideo_async import Client, GenerationTask, Output, TaskEvent
from aivideo_async.catalog import Sora2
from tests.callbacks import KEY, SECRET, callback, completed, connected
from tests.doubles import CannedTransport

ROOT = Path(__file__).parents[2]
NEVER = {"sora-2": 1e9}
"""Usual seconds, so that nothing but callbacks ends a task."""


class Awaited:
    """Tasks that are awaited, and the callbacks that end them."""

    def __init__(self, client: Client, port: int, tasks: Sequence[GenerationTask]) -> None:
        self.client = client
        self.port = port
        self.tasks = tasks
        self.waits = [asyncio.ensure_future(task.wait()) for task in tasks]
        self.handled: Counter[str] = Counter()

        @client.receiver.on("task.completed")
        async def handled(event: TaskEvent) -> None:  # pyright: ignore[reportUnusedFunction] - registered
            self.handled[event.record.id] += 1

    def bodies(self) -> list[tuple[str, str]]:
        """Our id and the body of every valid callback."""
        return [(task.id, self._body(task).decode()) for task in self.tasks]

    def request(self, task: GenerationTask) -> bytes:
        """The valid callback of a task."""
        return callback(task.id, self._body(task)).raw()

    def _body(self, task: GenerationTask) -> bytes:
        return completed(task.id, service_id=task.service_id)

    async def outputs(self) -> list[Output]:
        """What every wait came to."""
        return await asyncio.gather(*self.waits)


@asynccontextmanager
async def awaited(count: int) -> AsyncGenerator[Awaited]:
    """So many tasks, accepted by a service that says nothing else."""
    client = Client(
        "sk-test-0123456789",
        base_url="http://127.0.0.1:9",
        transport=CannedTransport(),
        callback_key=KEY,
        webhook_secret=SECRET,
        usual_seconds=NEVER,
    )
    async with client, client.receiver.serve() as server:
        clip = Sora2(prompt="a kite over a harbour", duration=4)
        yield Awaited(client, server.port, await asyncio.gather(*(client.submit(clip) for _ in range(count))))


@dataclass
class Outcome:
    """What came of an attack. ``answers`` counts "mutation status"; status 0 is a connection that was closed."""

    resolved: int = 0
    forged: int = 0
    handled_once: int = 0
    answers: Counter[str] = field(default_factory=Counter[str])
    latencies: list[float] = field(default_factory=list[float])
    memory: list[int] = field(default_factory=list[int])
    seconds: float = 0.0

    @property
    def hostile(self) -> int:
        """How many hostile requests were sent."""
        return self.answers.total()

    @property
    def accepted(self) -> int:
        """How many of them were answered as if they were right."""
        return sum(count for answer, count in self.answers.items() if answer.endswith(" 200"))

    @property
    def growth(self) -> int:
        """Bytes of memory gained after the first fifth of the attack."""
        return self.memory[-1] - self.memory[len(self.memory) // 5]

    def p99(self) -> float:
        """The 99th percentile of the seconds in which a valid callback was answered."""
        return sorted(self.latencies)[int(len(self.latencies) * 0.99)]


async def siege(*, valid: int, hostile: int, seed: int) -> Outcome:
    """Send the valid callbacks evenly among the hostile requests."""
    outcome = Outcome()
    async with awaited(valid) as waiting:
        left = list(waiting.tasks)
        began = time.monotonic()
        async with connected(waiting.port) as connection:
            async for line in _attack(waiting, hostile, seed):
                outcome.memory.append(_resident())
                due = left[: max(1, valid // 100 + 1)]
                del left[: len(due)]
                if line.startswith("{"):
                    outcome.answers.update(json.loads(line))
                    due += left
                for task in due:
                    sent = time.perf_counter()
                    assert await connection.asked(waiting.request(task)) == 200
                    outcome.latencies.append(time.perf_counter() - sent)
        outputs = await waiting.outputs()
        outcome.seconds = time.monotonic() - began
        genuine = {task.id: f"https://cdn.example.com/{task.service_id}.mp4" for task in waiting.tasks}
        outcome.forged = sum(output.url != genuine[output.task_id] for output in outputs)
        outcome.resolved = len({output.task_id for output in outputs})
        outcome.handled_once = sum(count == 1 for count in waiting.handled.values())
    return outcome


async def _attack(waiting: Awaited, count: int, seed: int) -> AsyncIterator[str]:
    """What the stranger says while it is at it."""
    order = {"port": waiting.port, "tasks": waiting.bodies(), "count": count, "seed": seed}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.attack.attacker"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**20,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(order).encode() + b"\n")
        while line := await process.stdout.readline():
            yield line.decode()
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
