"""The service behind the sandbox: tasks over a clock, for whoever has a key and credits. Pure.

No I/O, no asyncio, no clock: ``now`` (unix seconds) and the source of chance come in, and what is to be done comes out
as values. ``advance`` is called when ``next_due`` has come; somebody else makes the deliveries that it returns, and
tells ``delivered``. Files are made elsewhere too, and handed to ``finish``.

Its rooms: ``keys`` who may ask, ``ledger`` the credits, ``outbox`` the callbacks, ``faults`` what is to go wrong,
``shelf`` the files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random
from uuid import UUID

from aivideo_async.catalog import PriceBook, usual_seconds
from aivideo_async.core.models import GenerationRequest, Kind
from aivideo_async.sandbox import accent, durations
from aivideo_async.sandbox.affording import affordable
from aivideo_async.sandbox.agenda import Agenda
from aivideo_async.sandbox.books import Books
from aivideo_async.sandbox.checking import checked, refusal
from aivideo_async.sandbox.dialect import (
    AS_WRITTEN,
    Answer,
    BodyForms,
    Dialect,
    RefusedError,
    Wanted,
    failure,
    read_create,
    success,
)
from aivideo_async.sandbox.faults import Faults, twisted
from aivideo_async.sandbox.files import FileDesk
from aivideo_async.sandbox.inputs import check_inputs
from aivideo_async.sandbox.keys import ApiKey
from aivideo_async.sandbox.outbox import Outbox
from aivideo_async.sandbox.plan import Work, plan_of
from aivideo_async.sandbox.records import (
    CallbackAttempt,
    Created,
    Delivery,
    SandboxTask,
)
from aivideo_async.sandbox.results import Result, Results, output_of
from aivideo_async.sandbox.roll import Roll
from aivideo_async.sandbox.scenarios import Course, EarlyCallback, LoseCallback, Scenario, course_of
from aivideo_async.sandbox.shelf import Shelf

QUEUED = 0.15
"""The share of its time that a task is pending."""


class Engine(Books):
    """Everything that the sandbox knows and decides. ``speed`` divides every span of the service's time."""

    def __init__(
        self, *, shelf: Shelf, prices: PriceBook, draw: Random, speed: float = 1.0, forms: BodyForms = "both",
        dialect: Dialect = AS_WRITTEN, lasting: durations.Durations = "prompt",
    ) -> None:  # fmt: skip
        super().__init__(draw)
        self.shelf = shelf
        self.dialect = dialect
        self.tasks: Roll = Roll()
        self.files: FileDesk = FileDesk(shelf, self.tasks, self.tasks.put)
        self.resets: int = 0
        self.faults: Faults = Faults(Random(draw.getrandbits(64)))  # noqa: S311 - which requests fail
        self._agenda: Agenda = Agenda()
        self.outbox: Outbox = Outbox(dialect=dialect, draw=draw, speed=speed, schedule=self._agenda.put)
        self.draw: Random = draw
        self._prices, self._speed = prices, speed
        self._lasting: durations.Durations = lasting
        self._forms: BodyForms = forms
        self.results: Results = Results(shelf)
        self._once: dict[tuple[str, str], Answer] = {}
        self._asked: Counter[str] = Counter()

    @property
    def callbacks(self) -> Sequence[CallbackAttempt]:
        """Every attempt at a callback that is remembered, in order."""
        return self.outbox.attempts

    def waiting(self) -> Sequence[Course]:
        """What the next creates have before them."""
        return tuple(self.faults.queue)

    def enqueue(self, scenarios: Sequence[Scenario | tuple[Scenario, ...]]) -> None:
        """One item for each of the next creates. Raises ConfigurationError, and then takes none of them."""
        self.faults.enqueue(scenarios)

    def afflict(self, task_id: str, scenarios: tuple[Scenario, ...]) -> None:
        """Let something happen to a task that was accepted. Raises ConfigurationError, KeyError for no such task."""
        task = self.tasks[task_id]
        course = Course((*course_of(scenarios).scenarios, *task.course.scenarios))
        self._doom(self.tasks.put(replace(task, course=course)))

    def create(
        self, kind: Kind, authorization: str | None, body: bytes, now: float, *, once: str | None = None,
        address: str | None = None, found_at: str = "",
    ) -> Created:  # fmt: skip
        """``POST /v1/{kind}/generations``: check, charge, schedule. ``once`` is its ``Idempotency-Key``, ``found_at``
        scheme and host at which the sender found the service, where these are others than its own.
        """
        key: ApiKey | None = None
        try:
            key = self.keys.admitted(authorization, address)
            if self.dialect.idempotent and once is not None and (key.id, once) in self._once:
                return Created(self._once[key.id, once])
            wanted = read_create(body, self._forms)
            request = checked(kind, wanted, strict=self.dialect.strict_fields)
            check_inputs(request.fields())
            price = affordable(request, key, self.ledger, self._prices, now)
        except RefusedError as error:
            if error.code == "invalid_request" and key is not None and self.dialect.refusal_cost:
                self.charge(key.account, key.id, "fee", -self.dialect.refusal_cost, now)
            return Created(failure(error.code, error.message))
        course = self.faults.next_course(request.model, key.name)
        if course.refusal is not None:
            return Created(twisted(refusal(course.refusal), course.scenarios, self._speed))
        task = self._accept(key, request, wanted, price, course, now, found_at)
        taken = accent.created(self.dialect, success({"taskId": task.id}))
        answer = taken if course.broken is None else refusal(course.broken)
        if once is not None and self.dialect.idempotent:
            self._once[key.id, once] = answer
        held = course.has(EarlyCallback) and task.callback_url is not None and not course.has(LoseCallback)
        return Created(twisted(answer, course.scenarios, self._speed), task, held)

    def get_task(self, task_id: str, authorization: str | None, now: float, *, address: str | None = None) -> Answer:
        """``GET /v1/tasks/{taskId}``: the bare task, to the keys of the account that it belongs to."""
        try:
            key = self.keys.admitted(authorization, address)
        except RefusedError as error:
            return failure(error.code, error.message)
        task = self.tasks.get(task_id)
        if task is None or self._hidden(task_id) or task.account != key.account:
            return self._read(key, None, failure("task_not_found", f"Task {task_id[:64]} not found"))
        body = accent.task_body(self.dialect, task.body(), lambda url: self.shelf.again(url, now))
        return self._read(key, task.model, Answer(200, accent.wrapped(body) if self.dialect.wrapped_tasks else body))

    def get_credits(self, authorization: str | None, *, address: str | None = None) -> Answer:
        """``GET /v1/credits``."""
        try:
            key = self.keys.admitted(authorization, address)
        except RefusedError as error:
            return failure(error.code, error.message)
        return self._read(key, None, success(self.money(key.account)))

    def next_due(self) -> float | None:
        """When ``advance`` has something to do, unix seconds."""
        return self._agenda.next_due

    def advance(self, now: float) -> list[Delivery]:
        """Let everything happen that is due, and return the callbacks to be delivered now."""
        deliveries: list[Delivery] = []
        for at, item in self._agenda.due(now):
            if isinstance(item, Delivery):
                deliveries += [item] if self.outbox.due(at, item) else []
            elif item in self.tasks:
                self._step(self.tasks[item], now)
        return deliveries

    def finish(self, task_id: str, result: Result, now: float) -> None:
        """Hand in a task's files, or code and message of why there are none. It ends when its time is up."""
        task = self.tasks.get(task_id)
        if task is None or task.ended or task.course.failure is not None:
            self.results.drop(result)
            return
        self.results.put(task_id, result)
        if task.due_at <= now:
            self._agenda.put(now, task_id)

    def delivered(
        self, delivery: Delivery, now: float, *, status: int | None, error: str | None = None,
        headers: Mapping[str, str] | None = None, seconds: float = 0.0,
    ) -> None:  # fmt: skip
        """Say how a delivery went; what follows from it (the true one, a duplicate, another attempt) is scheduled."""
        task = self.tasks.get(delivery.task_id)
        if task is None:
            self.outbox.forget(delivery)
        else:
            self.outbox.delivered(
                task, delivery, now, status=status, error=error, headers=headers or {}, seconds=seconds
            )

    def resend(self, task_id: str, now: float) -> bool:
        """Send the callback of a task that has ended once more; ``False`` where there is none to send."""
        task = self.tasks.get(task_id)
        return task is not None and self.outbox.resend(task, now)

    def reset(self, now: float) -> None:
        """Forget every task, file, callback and request; what was bought is what there is. Keys and faults stay."""
        self.resets += 1
        self.logged = self.outbox.made = 0
        for forgotten in (
            self.tasks, self.requests, self.answered, self.outbox.open, self.outbox.attempts, self.faults.queue,
            self._agenda, self.results, self._once, self._asked, self.shelf,
        ):  # fmt: skip
            forgotten.clear()
        self.begin_anew(now)

    def restore(self, tasks: Sequence[SandboxTask], open_deliveries: Sequence[tuple[float, Delivery]]) -> None:
        """Go on with these tasks and deliveries; the files of tasks that have not ended are to be handed in again."""
        for task in tasks:
            self.tasks[task.id] = task
            self.files.take_up(task)
            if not task.ended:
                self._agenda.put(task.created_at if task.status == "pending" else task.due_at, task.id)
                self._doom(task)
        self.outbox.open.update({delivery.id: (at, delivery) for at, delivery in open_deliveries})

    def ids_changed(self) -> tuple[set[str], ...]:
        """The ids of tasks, deliveries and keys, and the paths of files, that are other than they were written down."""
        return self.tasks.changed, self.outbox.changed, self.keys.changed, self.shelf.changed

    def take_up(self) -> None:
        """Schedule every open delivery anew, also those that were under way when somebody stopped making them."""
        self._agenda.replan(tuple(self.outbox.open.values()))

    def lose_files(self) -> None:
        """Have no file any more, and hear of those that were handed in anew."""
        self.shelf.clear()
        self.results.clear(files=True)
        self.shelf.dropped.clear()

    def _hidden(self, task_id: str) -> bool:
        if not self.dialect.hidden_for:
            return False
        self._asked[task_id] += 1
        return self._asked[task_id] <= self.dialect.hidden_for

    def _read(self, key: ApiKey, model: str | None, answer: Answer) -> Answer:
        course = Course(self.faults.of_read(model, key.name))
        hindrance = course.refusal or course.broken
        return twisted(answer if hindrance is None else refusal(hindrance), course.scenarios, self._speed)

    def _accept(
        self, key: ApiKey, request: GenerationRequest, wanted: Wanted, price: Decimal, course: Course, now: float,
        found_at: str,
    ) -> SandboxTask:  # fmt: skip
        early = course.has(EarlyCallback)
        seconds = usual_seconds(request) * durations.share(self._lasting, self.draw) + course.delay
        fields = request.fields()
        task = SandboxTask(
            id=self._uuid(),
            key=key.id,
            account=key.account,
            plan=plan_of(request.kind, request.model, fields, self.draw),
            price=price,
            course=course,
            callback_url=wanted.callback_url,
            created_at=now,
            due_at=now if early else now + seconds / self._speed,
            fields=fields,
            found_at=found_at,
        )
        self.tasks.put(task)
        forgotten = self.tasks.forget()
        if forgotten is not None:
            self.files.forget(forgotten)
            self._asked.pop(forgotten.id, None)
        self.charge(key.account, key.id, "charge", -price, now, task)
        self._agenda.put(now if early else now + QUEUED * seconds / self._speed, task.id)
        self._doom(task)
        return task

    def _doom(self, task: SandboxTask) -> None:
        """Have a task fail, if that is its course."""
        if task.course.failure is not None and not task.ended:
            self.results.put(task.id, (task.course.failure.code, task.course.failure.message))

    def _step(self, task: SandboxTask, now: float) -> None:
        """Take a task one step on: its queueing time is over, or its time is up, or its files are there."""
        if task.status == "pending":
            task = self.tasks.put(replace(task, status="processing"))
            self._agenda.put(task.due_at, task.id)
            if self.dialect.tells_processing:
                self.outbox.tell(task, now)
        elif not task.ended and task.due_at <= now and task.id in self.results:
            self._end(task, self.results.pop(task.id), now)

    def _end(self, task: SandboxTask, result: Result, now: float) -> None:
        if isinstance(result, Work):
            output = output_of(task, result, self.shelf, self.files, self._uuid, now)
            task = replace(task, status="completed", completed_at=now, ended_at=now, output=output)
        else:
            code, message = result
            error = code, f"{message} Request id: {self._uuid()}"
            task = replace(task, status="failed", ended_at=now, error=error)
            if not self.dialect.keeps_credits:
                self.charge(task.account, task.key, "refund", task.price, now, task)
        self.outbox.end(self.tasks.put(task), now)

    def _uuid(self) -> str:
        return str(UUID(int=self.draw.getrandbits(128), version=4))
