"""The sandbox's callbacks: which are sent when a task ends, what follows from each attempt, and the list of all. Pure.

``open`` has what is still to be sent, by delivery id, and when; whoever makes the attempts tells ``delivered``.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random

from aivideo_async.sandbox import accent
from aivideo_async.sandbox.dialect import Dialect
from aivideo_async.sandbox.records import CallbackAttempt, Delivery, SandboxTask
from aivideo_async.sandbox.scenarios import (
    DuplicateCallback,
    ForgeCallback,
    LateCallback,
    LoseCallback,
    ReorderCallback,
    StaleCallback,
)

FORGED_URL = "https://forged.invalid/result.mp4"
STALE_BY = 3600
"""Seconds by which the timestamp of a stale callback lies back; every receiver's tolerance is smaller."""
HELD_FOR = 600.0
"""Seconds after which a reordered callback is sent although no other came before it."""
MOST_ATTEMPTS = 50_000
"""Attempts that are remembered; the oldest are forgotten."""


class Outbox:
    """Decides about callbacks. ``schedule(moment, delivery)`` has one attempt made at its moment."""

    def __init__(
        self, *, dialect: Dialect, draw: Random, speed: float, schedule: Callable[[float, Delivery], None]
    ) -> None:
        self.attempts: deque[CallbackAttempt] = deque(maxlen=MOST_ATTEMPTS)
        self.made: int = 0
        self.open: dict[str, tuple[float, Delivery]] = {}
        self.changed: set[str] = set()
        self._dialect, self._draw, self._speed, self._schedule = dialect, draw, speed, schedule
        self._held: dict[str, str] = {}

    def due(self, at: float, delivery: Delivery) -> bool:
        """Whether what was scheduled for ``at`` is still to be sent then."""
        return self.open.get(delivery.id) == (at, delivery)

    def put(self, at: float, delivery: Delivery) -> None:
        """Have this attempt made at ``at``, and no other one of its delivery."""
        self.open[delivery.id] = at, delivery
        self.changed.add(delivery.id)
        self._schedule(at, delivery)

    def tell(self, task: SandboxTask, now: float) -> None:
        """Send a task as it stands."""
        if task.callback_url is not None:
            self.put(now, self._delivery(task, task.callback_url, now))

    def end(self, task: SandboxTask, now: float) -> None:
        """Send the callbacks of a task that has just ended, in the manner of its course."""
        course = task.course
        if task.callback_url is None or course.has(LoseCallback):
            return
        if course.has(ForgeCallback):
            self.put(now, self._forgery(task, task.callback_url, now))
        elif course.has(StaleCallback):
            self.put(now, replace(self._delivery(task, task.callback_url, now), stale=STALE_BY))
        else:
            self._true(task, task.callback_url, now, ended_at=now)

    def resend(self, task: SandboxTask, now: float) -> bool:
        """Send a task's callback once more, by hand; ``False`` where it has no URL or has not ended."""
        if task.callback_url is None or not task.ended:
            return False
        self.put(now, replace(self._delivery(task, task.callback_url, now), resent=True))
        return True

    def forget(self, delivery: Delivery) -> None:
        """Have nothing follow from this one: its task is forgotten."""
        if self.open.pop(delivery.id, None) is not None:
            self.changed.add(delivery.id)

    def delivered(
        self, task: SandboxTask, delivery: Delivery, now: float, *, status: int | None, error: str | None,
        headers: Mapping[str, str], seconds: float,
    ) -> CallbackAttempt:  # fmt: skip
        """Note how an attempt went and schedule what follows: the true one, a duplicate, another attempt."""
        accepted = status is not None and 200 <= status < 300
        next_at: float | None = None
        self.open.pop(delivery.id, None)
        self.changed.add(delivery.id)
        if (delivery.forged or delivery.stale) and not delivery.resent:
            self._true(task, delivery.url, now, ended_at=delivery.ended_at)
        elif accepted and task.course.has(DuplicateCallback) and not (delivery.duplicate or delivery.resent):
            self.put(now, replace(delivery, duplicate=True))
        elif not (accepted or delivery.duplicate or delivery.resent):
            next_at = self._again(delivery, now)
        attempt = CallbackAttempt(
            at=now, task_id=delivery.task_id, event=delivery.event, delivery_id=delivery.id, attempt=delivery.attempt,
            status=status, error=error, forged=delivery.forged, duplicate=delivery.duplicate, stale=delivery.stale > 0,
            resent=delivery.resent, headers=headers, seconds=seconds, next_at=next_at, body=delivery.body,
        )  # fmt: skip
        self.attempts.append(attempt)
        self.made += 1
        self._release(now, delivery.task_id)
        return attempt

    def _again(self, delivery: Delivery, now: float) -> float | None:
        if delivery.attempt >= len(self._dialect.attempts):
            return None
        at = max(now, delivery.ended_at + self._dialect.attempts[delivery.attempt] / self._speed)
        self.put(at, replace(delivery, attempt=delivery.attempt + 1))
        return at

    def _true(self, task: SandboxTask, url: str, now: float, *, ended_at: float) -> None:
        delivery = self._delivery(task, url, ended_at)
        at = now + task.course.seconds_of(LateCallback) / self._speed
        if task.course.has(ReorderCallback):
            self._held[delivery.id] = task.id
            at += HELD_FOR / self._speed
        self.put(at, delivery)

    def _release(self, now: float, task_id: str) -> None:
        """Send what waited for a callback of another task."""
        for id in [id for id, own in self._held.items() if own != task_id]:
            del self._held[id]
            if id in self.open:
                self.put(now, self.open[id][1])

    def _delivery(self, task: SandboxTask, url: str, ended_at: float) -> Delivery:
        told = accent.task_body(self._dialect, task.body())
        told = accent.wrapped(told) if self._dialect.wrapped_callbacks else told
        body = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
        return Delivery(
            id=f"msg_{self._draw.getrandbits(128):032x}", task_id=task.id, event=f"task.{task.status}", url=url,
            body=body, ended_at=ended_at,
        )  # fmt: skip

    def _forgery(self, task: SandboxTask, url: str, ended_at: float) -> Delivery:
        """The opposite of the truth, in the same words."""
        if task.status == "completed":
            lie = replace(task, status="failed", completed_at=None, output=None, error=("upstream_error", "forged"))
        else:
            lie = replace(task, status="completed", completed_at=ended_at, output={"urls": [FORGED_URL]}, error=None)
        return replace(self._delivery(lie, url, ended_at), forged=True)
