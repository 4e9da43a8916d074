"""What a handle asks of its client while that is open: the ``TaskOwner`` of ``aivideo_async.task``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from aivideo_async.core import lifecycle, wire
from aivideo_async.core.errors import AIVideoError
from aivideo_async.core.models import TaskRecord, TaskStatus, moment
from aivideo_async.opening import Opening
from aivideo_async.task import GenerationTask, doubt
from aivideo_async.waiters import Waiters


class Owner:
    """Over what ``usable`` gives: the client's opening, or ClientClosedError. ``create_deadline`` is in seconds."""

    def __init__(self, usable: Callable[[], Opening], *, clock: Callable[[], float], create_deadline: float) -> None:
        self._usable = usable
        self._clock = clock
        self._create_deadline = create_deadline

    def waiters(self) -> Waiters:
        """The waiters of the open client. Raises ClientClosedError."""
        return self._usable().waiters

    def waiting_is_hopeless(self, record: TaskRecord) -> AIVideoError | None:
        """Why nothing can end this wait, if so."""
        opening = self._usable()
        if opening.expects_callbacks():
            return None
        if opening.reconciler.refusal is not None:
            error = wire.error_from(wire.failure_of(opening.reconciler.refusal))
            # The question was free, and this is about the task.
            error.charged, error.task_id = "unknown" if record.service_id is None else "yes", record.id
            return error
        unknown = record.service_id is None and record.hinted_id is None
        if unknown and self.status_of(record) is TaskStatus.IN_DOUBT:
            return doubt(GenerationTask(self, record), "and without a callback URL nothing will tell")
        return None

    def status_of(self, record: TaskRecord) -> TaskStatus:
        """The status as it reads now."""
        return lifecycle.status_at(record, moment(self._clock()), self._create_deadline)

    async def ask(self, record: TaskRecord) -> TaskRecord:
        """Ask the service once and store the answer."""
        opening = self._usable()
        record = (await opening.store.get((record.id,))).get(record.id, record)
        put = await opening.reconciler.ask(record, lambda id: opening.fetch_task(id, opening.settings.retry))
        return put.record

    async def store_again(self, record: TaskRecord) -> TaskRecord:
        """Store what only the handle still knows; what can be asked for is due now."""
        due = moment(self._clock()) if record.service_id is not None else record.next_check
        put = await self._usable().store.put(replace(record, next_check=due))
        return put.record

    def doubtful_in(self, record: TaskRecord) -> float | None:
        """Seconds until a create without an answer reads as in doubt."""
        since = lifecycle.doubtful_from(record, self._create_deadline)
        left = -1.0 if since is None else since.timestamp() - self._clock()
        return None if left < 0.0 else left + 0.001

    def doubt_lasts(self, record: TaskRecord) -> float | None:
        """Seconds until the last callback of a create without an answer would have come; ``None`` for every other."""
        if record.service_id is not None or record.hinted_id is not None:
            return None
        sent_at = self._clock() if record.sent_at is None else record.sent_at.timestamp()
        left = sent_at + self._usable().last_callback_after(record) - self._clock()
        return max(left, self.doubtful_in(record) or 0.0, 0.0)
