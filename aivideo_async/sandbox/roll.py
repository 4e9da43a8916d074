"""The tasks of a sandbox, by id, the oldest first. Pure."""

from __future__ import annotations

from aivideo_async.sandbox.records import SandboxTask

MOST_TASKS = 50_000
"""Tasks that are remembered; of those that ended the oldest are forgotten."""


class Roll(dict[str, SandboxTask]):
    """``changed`` has the ids of what came, changed or went, for who keeps them; ``most`` are remembered."""

    def __init__(self, most: int = MOST_TASKS) -> None:
        super().__init__()
        self.most: int = most
        self.changed: set[str] = set()

    def put(self, task: SandboxTask) -> SandboxTask:
        """Have this task, or have it so, and give it."""
        self[task.id] = task
        self.changed.add(task.id)
        return task

    def forget(self) -> SandboxTask | None:
        """Take the oldest out that has ended, if there are more than are remembered."""
        oldest = None if len(self) <= self.most else next((task for task in self.values() if task.ended), None)
        if oldest is not None:
            del self[oldest.id]
            self.changed.add(oldest.id)
        return oldest
