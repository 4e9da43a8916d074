"""Functions of the user's that run when a task ends, in the process whose ``put`` won."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.core.models import TaskEvent

logger: logging.Logger = logging.getLogger(__name__)

NAMES = ("task.completed", "task.failed", "task.expired")

Handler = Callable[[TaskEvent], Awaitable[None]]


class Handlers:
    """Handlers by the name of an event, in the order in which they were added."""

    def __init__(self) -> None:
        self._by_name: dict[str, list[Handler]] = {name: [] for name in NAMES}

    def add(self, name: str, handler: Handler) -> None:
        """Let ``handler`` run for events of this name. Raises ConfigurationError for a name that is none."""
        if name not in self._by_name:
            raise ConfigurationError(f"no event is called {name!r}", hint=", ".join(NAMES))
        self._by_name[name].append(handler)

    def wanted(self, event: TaskEvent) -> bool:
        """Whether anybody handles such an event."""
        return bool(self._by_name.get(event.name))

    async def run(self, event: TaskEvent) -> None:
        """Run every handler of the event, one after the other. An error in one is logged and touches nothing else."""
        for handler in self._by_name.get(event.name, ()):
            try:
                await handler(event)
            except Exception:
                logger.exception("a handler of %s failed for %s", event.name, event.record.id)
