"""What a test, or whoever runs a sandbox, looks at and turns: scenarios, faults, clock, keys, credits, the lists."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from pydantic import JsonValue

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox import asserting
from aivideo_async.sandbox.clock import Clock
from aivideo_async.sandbox.engine import Engine
from aivideo_async.sandbox.faults import Faults
from aivideo_async.sandbox.keys import DEFAULT_KEY, ApiKey
from aivideo_async.sandbox.ledger import Posting
from aivideo_async.sandbox.records import CallbackAttempt, Endpoint, RequestEntry, SandboxTask
from aivideo_async.sandbox.scenarios import Scenario


class Controls:
    """Everything of a sandbox that is not its socket."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.clock: Clock = clock
        self._engine = engine

    def enqueue(self, *scenarios: Scenario | tuple[Scenario, ...]) -> None:
        """Let something happen to the next creates, one argument for each; see ``aivideo_async.sandbox.scenarios``.

        May be called from any thread. Raises ConfigurationError for what is not a scenario.
        """
        self._engine.enqueue(scenarios)

    def count(self, endpoint: Endpoint) -> int:
        """How many requests ``"create"``, ``"get_task"``, … have been answered, refused ones included."""
        return self._engine.count(endpoint)

    @property
    def requests(self) -> Sequence[RequestEntry]:
        """Every request that was answered, in order."""
        return tuple(self._engine.requests)

    @property
    def callbacks(self) -> Sequence[CallbackAttempt]:
        """Every attempt at a callback that was made, in order."""
        return tuple(self._engine.callbacks)

    @property
    def tasks(self) -> Sequence[SandboxTask]:
        """Every task that was accepted, in order."""
        return tuple(self._engine.tasks.values())

    @property
    def balance(self) -> Decimal:
        """Credits that are left."""
        return self._engine.ledger.account(DEFAULT_KEY).balance

    @property
    def engine(self) -> Engine:
        """What it knows: keys, ledger, tasks, requests, callbacks, faults. To be used in its own thread only."""
        return self._engine

    @property
    def faults(self) -> Faults:
        """What is to go wrong: ``sandbox.faults.set("lose-callback", 0.1)``."""
        return self._engine.faults

    @property
    def keys(self) -> Sequence[ApiKey]:
        """The API keys, without themselves."""
        return tuple(self._engine.keys)

    @property
    def ledger(self) -> Sequence[Posting]:
        """Every movement of credits, oldest first."""
        return self._engine.ledger.postings

    def issue_key(
        self, name: str, *, addresses: Sequence[str] = (), hourly: Decimal | int | None = None,
        daily: Decimal | int | None = None, total: Decimal | int | None = None,
        credits: Decimal | int | None = None,  # noqa: A002
    ) -> str:  # fmt: skip
        """Make another key and return it, this once.

        It draws from the sandbox's credits, or where ``credits`` are given from an account of its own. ``addresses``
        are up to ten IPs or CIDRs, the caps are credits. Raises ConfigurationError for what makes no sense.
        """
        return self._engine.issue_key(
            name, account=DEFAULT_KEY, now=self.clock.now(), credits=credits, addresses=addresses, hourly=hourly,
            daily=daily, total=total,
        )  # fmt: skip

    def limit_key(
        self, name: str, *, addresses: Sequence[str] = (), hourly: Decimal | int | None = None,
        daily: Decimal | int | None = None, total: Decimal | int | None = None,
    ) -> None:  # fmt: skip
        """Give a key these addresses and caps instead of those that it has; what is left out it has no more.

        Raises ConfigurationError for what makes no sense, and where there is no key of this name.
        """
        self._engine.keys.limit(name, addresses=addresses, hourly=hourly, daily=daily, total=total)

    def disable_key(self, name: str) -> None:
        """Refuse a key from now on. Raises ConfigurationError where there is none of this name.

        The sandbox's own, ``default``, is let in again at the next start: the exports that it prints hold.
        """
        self._engine.keys.switch(name, on=False)

    def enable_key(self, name: str) -> None:
        """Let a disabled key in again. Raises ConfigurationError where there is none of this name."""
        self._engine.keys.switch(name, on=True)

    def delete_key(self, name: str) -> None:
        """Forget a key. Raises ConfigurationError where there is none of this name, and for the sandbox's own."""
        self._engine.keys.delete(name)

    def top_up(self, credits: int | Decimal, *, key: str = DEFAULT_KEY) -> None:  # noqa: A002 - the package's word
        """Buy so many credits more for a key's account. Raises ConfigurationError for none, and for no such key."""
        self._engine.top_up(self._engine.keys.named(key).account, Decimal(credits), self.clock.now())

    def resend(self, task_id: str) -> bool:
        """Send the callback of a task that ended once more; ``False`` where there is none to send."""
        sent = self._engine.resend(task_id, self.clock.now())
        self.clock.listener()
        return sent

    def afflict(self, task_id: str, *scenarios: Scenario) -> None:
        """Let something happen to a task that was accepted already. Raises ConfigurationError."""
        if task_id not in self._engine.tasks:
            raise ConfigurationError(f"there is no task {task_id[:64]!r}")
        self._engine.afflict(task_id, scenarios)

    def assert_created(self, *, times: int | None = None, **fields: JsonValue) -> Sequence[SandboxTask]:
        """The tasks that were created with these fields (``model="sora-2", duration=8``).

        Raises AssertionError where there is none, or not as many as ``times``; its message names the nearest.
        """
        return asserting.created(self.tasks, fields, times)

    def reset(self) -> None:
        """Forget tasks, files, callbacks and requests; there are as many credits as were bought. Keys, faults stay."""
        self._engine.reset(self.clock.now())
