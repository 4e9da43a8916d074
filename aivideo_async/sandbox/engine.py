"""The service behind the sandbox: keys, credits, tasks over a clock, callbacks, the log. Pure.

No I/O, no asyncio, no clock: ``now`` (unix seconds) and the source of chance come in, and what is to be done comes out
as values. ``advance`` is called when ``next_due`` has come; somebody else makes the deliveries that it returns, and
tells ``delivered``. Files are made elsewhere too, and handed to ``finish``.
"""

from __future__ import annotations

import heapq
import json
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random
from uuid import UUID

from pydantic import JsonValue

from aivideo_async.catalog import PriceBook, estimate, usual_seconds
from aivideo_async.core.models import GenerationRequest, Kind
from aivideo_async.sandbox import accent
from aivideo_async.sandbox.checking import checked, refusal
from aivideo_async.sandbox.dialect import (
    AS_WRITTEN,
    Answer,
    BodyForms,
    Dialect,
    RefusedError,
    failure,
    number,
    read_create,
    success,
)
from aivideo_async.sandbox.files import FileDesk
from aivideo_async.sandbox.plan import Work, plan_of
from aivideo_async.sandbox.records import (
    Account,
    CallbackAttempt,
    Created,
    Delivery,
    Endpoint,
    RequestEntry,
    SandboxTask,
)
from aivideo_async.sandbox.scenarios import (
    NOTHING_SPECIAL,
    Course,
    DropConnection,
    DuplicateCallback,
    EarlyCallback,
    ForgeCallback,
    LoseCallback,
    Scenario,
    course_of,
)
from aivideo_async.sandbox.shelf import Shelf

SPREAD = (0.55, 0.9)
"""A task's share of its model's usual seconds; never all of them, so that nobody has to ask for a task in good time."""
QUEUED = 0.15
"""The share of its time that a task is pending."""
FORGED_URL = "https://forged.invalid/result.mp4"


class Engine:
    """Everything that the sandbox knows and decides. ``speed`` divides every span of the service's time."""

    def __init__(
        self, *, shelf: Shelf, prices: PriceBook, draw: Random, speed: float = 1.0, forms: BodyForms = "both",
        dialect: Dialect = AS_WRITTEN,
    ) -> None:  # fmt: skip
        self.shelf = shelf
        self.dialect = dialect
        self.tasks: dict[str, SandboxTask] = {}
        self.files: FileDesk = FileDesk(shelf, self.tasks)
        self.accounts: dict[str, Account] = {}
        self.requests: list[RequestEntry] = []
        self.callbacks: list[CallbackAttempt] = []
        self._prices, self._draw, self._speed = prices, draw, speed
        self._forms: BodyForms = forms
        self._courses: deque[Course] = deque()
        self._agenda: list[tuple[float, int, str | Delivery]] = []
        self._entries = 0
        self._results: dict[str, Work | tuple[str, str]] = {}
        self._once: dict[tuple[str, str], Answer] = {}
        self._asked: Counter[str] = Counter()

    def open_account(self, key: str, credits: Decimal) -> None:  # noqa: A002 - credits is the word of this package
        """Let ``key`` in, with so many credits."""
        self.accounts[key] = Account(purchased=credits)

    def enqueue(self, scenarios: Sequence[Scenario | tuple[Scenario, ...]]) -> None:
        """One item for each of the next creates. Raises ConfigurationError, and then takes none of them."""
        self._courses.extend([course_of(item) for item in scenarios])

    def waiting(self) -> Sequence[Course]:
        """What the next creates have before them."""
        return tuple(self._courses)

    def create(
        self, kind: Kind, authorization: str | None, body: bytes, now: float, *, once: str | None = None
    ) -> Created:
        """``POST /v1/{kind}/generations``: check, charge, schedule. ``once`` is its ``Idempotency-Key``."""
        key = ""
        try:
            key = self._key(authorization)
            if self.dialect.idempotent and once is not None and (key, once) in self._once:
                return Created(self._once[key, once])
            wanted = read_create(body, self._forms)
            request = checked(kind, wanted, strict=self.dialect.strict_fields)
            price = self._affordable(key, request)
        except RefusedError as error:
            if error.code == "invalid_request":
                self._charge(key, self.dialect.refusal_cost)
            return Created(failure(error.code, error.message))
        course = self._courses.popleft() if self._courses else NOTHING_SPECIAL
        if course.refusal is not None:
            return Created(refusal(course.refusal))
        task = self._accept(key, request, wanted.callback_url, price, course, now)
        taken = accent.created(self.dialect, success({"taskId": task.id}))
        answer = taken if course.broken is None else refusal(course.broken)
        if once is not None:
            self._once[key, once] = answer
        held = course.has(EarlyCallback) and task.callback_url is not None and not course.has(LoseCallback)
        return Created(None if course.has(DropConnection) else answer, task, held)

    def get_task(self, task_id: str, authorization: str | None, now: float) -> Answer:
        """``GET /v1/tasks/{taskId}``: the bare task, to the key that created it."""
        try:
            key = self._key(authorization)
        except RefusedError as error:
            return failure(error.code, error.message)
        task = self.tasks.get(task_id)
        self._asked[task_id] += task is not None
        if task is None or task.key != key or self._asked[task_id] <= self.dialect.hidden_for:
            return failure("task_not_found", f"Task {task_id[:64]} not found")
        body = accent.task_body(self.dialect, task.body(), lambda url: self.shelf.again(url, now))
        return Answer(200, accent.wrapped(body) if self.dialect.wrapped_tasks else body)

    def get_credits(self, authorization: str | None) -> Answer:
        """``GET /v1/credits``."""
        try:
            account = self.accounts[self._key(authorization)]
        except RefusedError as error:
            return failure(error.code, error.message)
        amounts = {
            "balance": account.balance,
            "total_purchased": account.purchased,
            "total_consumed": account.consumed,
        }
        return success({name: number(amount) for name, amount in amounts.items()})

    def log(self, entry: RequestEntry) -> None:
        """Write one answered request down."""
        self.requests.append(entry)

    def count(self, endpoint: Endpoint) -> int:
        """How many requests this endpoint has answered, refusals included."""
        return sum(entry.endpoint == endpoint for entry in self.requests)

    def next_due(self) -> float | None:
        """When ``advance`` has something to do, unix seconds."""
        return self._agenda[0][0] if self._agenda else None

    def advance(self, now: float) -> list[Delivery]:
        """Let everything happen that is due, and return the callbacks to be delivered now."""
        deliveries: list[Delivery] = []
        while self._agenda and self._agenda[0][0] <= now:
            item = heapq.heappop(self._agenda)[2]
            if isinstance(item, Delivery):
                deliveries.append(item)
            else:
                self._step(self.tasks[item], now)
        return deliveries

    def finish(self, task_id: str, result: Work | tuple[str, str], now: float) -> None:
        """Hand in a task's files, or code and message of why there are none. It ends when its time is up."""
        self._results[task_id] = result
        task = self.tasks[task_id]
        if task.due_at <= now and not task.ended:
            self._schedule(now, task_id)

    def delivered(self, delivery: Delivery, now: float, *, status: int | None, error: str | None = None) -> None:
        """Say how a delivery went; what follows from it (the true one, a duplicate, another attempt) is scheduled."""
        attempt = CallbackAttempt(
            at=now, task_id=delivery.task_id, event=delivery.event, delivery_id=delivery.id, attempt=delivery.attempt,
            status=status, error=error, forged=delivery.forged, duplicate=delivery.duplicate,
        )  # fmt: skip
        self.callbacks.append(attempt)
        task = self.tasks[delivery.task_id]
        if delivery.forged:
            self._schedule(now, self._delivery(task, delivery.url, delivery.ended_at))
        elif delivery.duplicate:
            return
        elif attempt.accepted:
            if task.course.has(DuplicateCallback):
                self._schedule(now, replace(delivery, duplicate=True))
        elif delivery.attempt < len(self.dialect.attempts):
            again = delivery.ended_at + self.dialect.attempts[delivery.attempt] / self._speed
            self._schedule(max(now, again), replace(delivery, attempt=delivery.attempt + 1))

    def resend(self, task_id: str, now: float) -> bool:
        """Schedule the callback of a task that has ended once more; ``False`` where there is none to send."""
        task = self.tasks.get(task_id)
        if task is None or not task.ended or task.callback_url is None:
            return False
        self._schedule(now, self._delivery(task, task.callback_url, now))
        return True

    def _key(self, authorization: str | None) -> str:
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or key not in self.accounts:
            raise RefusedError("invalid_api_key", "Invalid API key")
        return key

    def _affordable(self, key: str, request: GenerationRequest) -> Decimal:
        guess = estimate(request, self._prices)
        price = guess.low if guess.high is None else guess.high
        balance = self.accounts[key].balance
        if balance < price:
            message = f"Insufficient credits: {number(price)} required, {number(balance)} available"
            raise RefusedError("insufficient_credits", message)
        return price

    def _accept(
        self, key: str, request: GenerationRequest, callback_url: str | None, price: Decimal, course: Course, now: float
    ) -> SandboxTask:
        early = course.has(EarlyCallback)
        seconds = usual_seconds(request) * self._draw.uniform(*SPREAD) + course.delay
        fields = request.fields()
        task = SandboxTask(
            id=self._uuid(),
            key=key,
            plan=plan_of(request.kind, request.model, fields, self._draw),
            price=price,
            course=course,
            callback_url=callback_url,
            created_at=now,
            due_at=now if early else now + seconds / self._speed,
            fields=fields,
        )
        self.tasks[task.id] = task
        self._charge(key, price)
        self._schedule(now if early else now + QUEUED * seconds / self._speed, task.id)
        if course.failure is not None:
            self._results[task.id] = course.failure.code, course.failure.message
        return task

    def _step(self, task: SandboxTask, now: float) -> None:
        """Take a task one step on: its queueing time is over, or its time is up, or its files are there."""
        if task.status == "pending":
            self.tasks[task.id] = task = replace(task, status="processing")
            self._schedule(task.due_at, task.id)
            if self.dialect.tells_processing and task.callback_url is not None:
                self._schedule(now, self._delivery(task, task.callback_url, now))
        elif not task.ended and task.due_at <= now and task.id in self._results:
            self._end(task, self._results.pop(task.id), now)

    def _end(self, task: SandboxTask, result: Work | tuple[str, str], now: float) -> None:
        if isinstance(result, Work):
            task = replace(task, status="completed", completed_at=now, output=self._output(task, result, now))
        else:
            code, message = result
            task = replace(task, status="failed", error=(code, f"{message} Request id: {self._uuid()}"))
            self._charge(task.key, Decimal(0) if self.dialect.keeps_credits else -task.price)
        self.tasks[task.id] = task
        if task.callback_url is None or task.course.has(LoseCallback):
            return
        first = self._forgery(task, task.callback_url, now) if task.course.has(ForgeCallback) else None
        self._schedule(now, first or self._delivery(task, task.callback_url, now))

    def _output(self, task: SandboxTask, work: Work, now: float) -> dict[str, JsonValue]:
        urls = [self.shelf.put(self._uuid(), made.suffix, made.data, now) for made in work.files]
        output: dict[str, JsonValue] = {"urls": [*self.files.told(task, urls, now)]}
        if work.last_frame is not None:
            output["last_frame_url"] = self.shelf.put(self._uuid(), work.last_frame.suffix, work.last_frame.data, now)
        metadata = task.plan.metadata(work.ratio)
        if task.plan.kind == "music":
            covers = [self.shelf.put(self._uuid(), cover.suffix, cover.data, now) for cover in work.covers]
            metadata["tracks"] = [
                {"title": made.title, "duration": made.seconds, "image_url": cover}
                for made, cover in zip(work.files, covers, strict=True)
            ]
        return {**output, "metadata": metadata}

    def _delivery(self, task: SandboxTask, url: str, ended_at: float) -> Delivery:
        told = accent.task_body(self.dialect, task.body())
        told = accent.wrapped(told) if self.dialect.wrapped_callbacks else told
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

    def _charge(self, key: str, credits: Decimal) -> None:  # noqa: A002 - credits is the word of this package
        account = self.accounts[key]
        self.accounts[key] = replace(account, consumed=account.consumed + credits)

    def _schedule(self, at: float, item: str | Delivery) -> None:
        self._entries += 1
        heapq.heappush(self._agenda, (at, self._entries, item))

    def _uuid(self) -> str:
        return str(UUID(int=self._draw.getrandbits(128), version=4))
