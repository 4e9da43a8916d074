"""The stranger, in a process of its own: orders come as JSON on its standard input, what it saw goes out at the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections import Counter
from random import Random

from tests.attack.mutations import MUTATIONS
from tests.callbacks import PATH, Callback, Connection, callback, connected

PATIENCE = 30.0
CONNECTIONS = 16
STEPS = 100


class Attacker:
    """Sends ``count`` mutations of the callbacks of ``tasks`` to a port, and counts the answers of each kind."""

    def __init__(self, port: int, tasks: list[tuple[str, str]], *, count: int, seed: int) -> None:
        self._port = port
        self._sent = [callback(id, body.encode(), base=PATH) for id, body in tasks]
        self._draw = Random(seed)
        self._left = count
        self._count = count
        self.seen: Counter[str] = Counter()

    async def attack(self) -> None:
        """Send everything; a line for each hundredth of it."""
        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(self._work())

    async def _work(self) -> None:
        while self._left > 0:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                async with connected(self._port) as connection:
                    while self._left > 0 and await self._one(connection):
                        pass

    async def _one(self, connection: Connection) -> bool:
        """One request; whether the connection can be used for another. After a 400 nobody knows where that begins."""
        self._left -= 1
        if self._left % max(1, self._count // STEPS) == 0:
            sys.stdout.write("going on\n")
            sys.stdout.flush()
        mutation = self._draw.choice(MUTATIONS)
        sent, other = self._pair()
        raw = mutation(self._draw, sent, other)
        status = 0
        try:
            async with asyncio.timeout(PATIENCE):
                await connection.send(raw)
                if mutation.__name__ == "cut_off":
                    connection.say_no_more()
                status = await connection.status()
        except (OSError, asyncio.IncompleteReadError):
            pass  # hung up on, which is an answer too
        self.seen[f"{mutation.__name__} {status}"] += 1
        return status not in (0, 400) and b"connection: close" not in connection.head

    def _pair(self) -> tuple[Callback, Callback]:
        one, other = self._draw.sample(self._sent, 2)
        return one, other


async def main() -> None:
    """Do what is ordered."""
    order = json.loads(sys.stdin.readline())
    attacker = Attacker(order["port"], order["tasks"], count=order["count"], seed=order["seed"])
    await attacker.attack()
    sys.stdout.write(json.dumps(attacker.seen) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
