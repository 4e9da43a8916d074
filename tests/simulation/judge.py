"""What must hold, looked at whenever something happens, after every step, and at the end.

The truth is the service's ledger; what is judged is what the store holds, what the service was sent, what receivers
acknowledged and what awaiters were told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aivideo_async.core import lifecycle
from aivideo_async.core.errors import AIVideoError, SubmissionInDoubtError, TaskFailedError, TaskTimeoutError
from aivideo_async.core.models import Output, TaskRecord, TaskStatus
from aivideo_async.stores.base import Put
from tests.simulation.ledger import CREDITS, Arrival, Callback, ServiceTask
from tests.simulation.service import Service


class Violation(AssertionError):  # noqa: N818 - of what must hold; nobody raises it by mistake
    """Something that must hold does not."""


@dataclass(eq=False)
class Call:
    """One call of ``submit``: of which order, by whom, and what came out of it."""

    prompt: str
    key: str | None
    owner: str
    alone: bool = True
    said_no: bool = False


@dataclass
class Judge:
    """Everything that must hold. ``read`` gives what the engine holds of one of our ids.

    Where ``clocks_jump``, a task may expire before its time, and what is learnt of it afterwards may be lost.
    """

    service: Service
    read: Callable[[str], TaskRecord | None]
    records: Callable[[], Mapping[str, TaskRecord]]
    found: list[str] = field(default_factory=list[str])
    calls: dict[str, list[Call]] = field(default_factory=dict[str, list[Call]])
    handled: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    given: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    acknowledged: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    won: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    clocks_jump: bool = False

    def say(self, text: str) -> None:
        """Something does not hold."""
        self.found.append(text)

    # The store

    def stored(self, _report: TaskRecord, put: Put) -> None:
        """After every put: nothing forged is believed, nothing paid for is called free."""
        record = put.record
        if put.won:
            self.won.add((record.id, record.status.value))
        task = self._task_of(record)
        if record.status in lifecycle.SERVICE:
            self._ending_is_true(record, task)
        if record.service_id is not None and record.service_id not in self.service.tasks:
            self.say(f"{record.id} has the id {record.service_id}, which the service never gave")
        if task is not None and record.request is not None and record.request.fields()["prompt"] != task.prompt:
            self.say(f"{record.id} has the id of another order's task, {task.id}")
        if _says_free(record):
            for arrival in self.service.arrivals.get(_prompt(record), ()):
                if arrival.our_id == record.id and _is_charged(arrival.task):
                    self.say(f"{record.id} is {record.status.value}, charged no, and {arrival.task} was charged")
        if put.won and record.status is TaskStatus.EXPIRED:
            self._expiry_is_earned(record, task)

    def _task_of(self, record: TaskRecord) -> ServiceTask | None:
        return self.service.tasks.get(record.service_id or "")

    def _ending_is_true(self, record: TaskRecord, task: ServiceTask | None) -> None:
        if task is None or not task.declared or task.ending != record.status.value:
            self.say(f"{record.id} is {record.status.value}, and the service never said so: {task}")
        elif task.our_id not in (None, record.id):
            self.say(f"{record.id} has the ending of {task.our_id}")
        elif record.output is not None and record.output.urls != (task.url,):
            self.say(f"{record.id} has a forged result: {record.output}")

    def _expiry_is_earned(self, record: TaskRecord, task: ServiceTask | None) -> None:
        if record.failure is None or "does not know it" not in record.failure.message:
            return
        misses = [] if task is None else task.misses
        if task is not None and not self.clocks_jump and (len(misses) < 3 or misses[-1] - misses[0] < 600.0 - 1.0):
            self.say(f"{record.id} expired after {len(misses)} 404s in a row, over {misses}")

    # The service

    def arrived(self, arrival: Arrival) -> None:
        """At every create: recorded before it is sent, sent again only after a certain no, charged once."""
        earlier = self.service.arrivals.get(arrival.prompt, [])
        if any(not one.settled for one in earlier):
            self.say(f"{arrival.prompt} was sent again though nobody could know whether it had been taken")
        if arrival.task is not None and any(one.task is not None for one in earlier):
            self.say(f"{arrival.prompt} was charged twice")
        if arrival.our_id is not None:
            record = self.read(arrival.our_id)
            if record is None or record.sent_at is None or record.sender is None:
                self.say(f"{arrival.prompt} was sent before it was recorded: {record}")
            elif _says_free(record) and arrival.task is not None:
                self.say(f"{record.id} was sent after it had ended as refused, charged no")
        calls = self.calls.get(arrival.prompt, [])
        if arrival.task is not None and len(calls) == 1 and calls[0].said_no:
            self.say(f"{arrival.prompt} was sent after its submit had raised, charged no")

    # The receivers

    def replied(self, callback: Callback, status: int, *, signed: bool) -> None:
        """At every reply: a callback is acknowledged only when the store has it, a forged one never."""
        record = self.read(callback.task.our_id or "")
        if not 200 <= status <= 299:
            return
        if not callback.genuine:
            if signed:
                self.say(f"a forged callback for {callback.task.id} was acknowledged")
            return
        callback.task.delivered = True
        known = record is not None and (record.hinted_at is not None or record.status in lifecycle.SERVICE)
        believed = record is not None and record.status in lifecycle.SERVICE
        if not (believed if signed else known):
            self.say(f"the callback of {callback.task.id} was acknowledged and is not stored: {record}")

    def handled_event(self, record: TaskRecord) -> None:
        """At every handler: each ending is handled by one process at most, and only when it is stored."""
        self.handled[record.id, record.status.value] += 1
        if self.handled[record.id, record.status.value] > 1:
            self.say(f"{record.id} was handled twice as {record.status.value}")

    # The callers

    def called(self, call: Call) -> None:
        """A submit begins."""
        calls = self.calls.setdefault(call.prompt, [])
        calls.append(call)
        for one in calls:
            one.alone = len(calls) == 1

    def raised(self, call: Call, error: AIVideoError) -> None:
        """A submit raised: ``charged`` tells the truth."""
        tasks = [arrival.task for arrival in self.service.arrivals.get(call.prompt, [])]
        if isinstance(error, SubmissionInDoubtError) and error.charged == "no":
            self.say(f"{call.prompt} is in doubt and charged no")
        if error.charged == "no" and call.alone:
            call.said_no = True
            if any(_is_charged(task) for task in tasks):
                self.say(f"submit of {call.prompt} raised {error!r}, charged no, and {tasks} was charged")

    def gave(self, prompt: str, record: TaskRecord, outcome: Output | AIVideoError) -> None:
        """A wait for the task of ``record`` ended: what it was told is what the ledger says."""
        arrivals = [one for one in self.service.arrivals.get(prompt, []) if one.our_id == record.id]
        task = next((arrival.task for arrival in arrivals if arrival.task is not None), self._task_of(record))
        if isinstance(outcome, Output):
            if task is None or not task.declared or task.ending != "completed" or outcome.urls != (task.url,):
                self.say(f"{prompt} gave {outcome}, and the ledger says {task}")
        elif isinstance(outcome, TaskFailedError):
            charged = task is not None and not task.refunded
            if charged and outcome.charged == "no":
                self.say(f"{prompt} raised {outcome!r}, charged no, and the ledger says {task}")
        elif not isinstance(outcome, TaskTimeoutError) and outcome.charged == "no" and _is_charged(task):
            self.say(f"a wait for {prompt} raised {outcome!r}, charged no, and the ledger says {task}")

    # Events

    def event_given(self, _group: str, record: TaskRecord) -> None:
        """An ending is given to a group: never again once it was acknowledged."""
        event = (record.id, record.status.value)
        self.given.add(event)
        if event in self.acknowledged:
            self.say(f"the event of {event} was given again after it had been acknowledged")

    def event_acknowledged(self, _group: str, record: TaskRecord) -> None:
        """An ending was acknowledged."""
        self.acknowledged.add((record.id, record.status.value))

    # Always

    def after_step(self) -> None:
        """After every step."""
        if self.service.charged < self.service.refunded:
            self.say("more was given back than was taken")
        if self.found:
            raise Violation("; ".join(self.found))

    def at_the_end(self, *, callbacks: bool, events: bool) -> None:
        """When everything has come to rest: none lost, none charged twice, and the money adds up."""
        records = self.records()
        by_task = {record.service_id: record for record in records.values() if record.service_id is not None}
        kept = 0
        for task in self.service.tasks.values():
            record = self.read(task.our_id) if task.our_id is not None else by_task.get(task.id)
            if record is not None:
                kept += self._accounts_for(record, task)
            elif task.our_id is not None:
                self.say(f"{task.id} was charged and has no record")
            else:
                kept += 0 if task.refunded else CREDITS
        if kept != self.service.charged - self.service.refunded:
            self.say(f"{kept} credits are accounted for, {self.service.charged - self.service.refunded} were taken")
        if unfinished := [r for r in records.values() if r.status not in lifecycle.ENDED]:
            self.say(f"never ended: {unfinished}")
        if events and (missing := self.won - self.given):
            self.say(f"events never given: {sorted(missing)}")
        if events and (missing := self.won - self.acknowledged):
            self.say(f"events never acknowledged: {sorted(missing)}")
        self.after_step()

    def _accounts_for(self, record: TaskRecord, task: ServiceTask) -> int:
        """The credits that a record stands for; the ending must have been learnt where it could be."""
        if record.status.value == task.ending:
            return 0 if task.refunded else CREDITS
        learnable = record.service_id is not None or task.delivered
        by_404 = record.failure is not None and "does not know it" in record.failure.message
        if record.status is not TaskStatus.EXPIRED or (learnable and not by_404 and not self.clocks_jump):
            self.say(f"{task.id} ended as {task.ending} and its record is lost in {record}")
        return 0 if task.refunded else CREDITS

    def fair(self, *, signed: bool, callbacks: bool, orders: int) -> None:
        """Where nothing went wrong: one create per order, and one question per task where callbacks are unsigned."""
        if self.service.creates != orders or len(self.service.tasks) != orders:
            self.say(f"{self.service.creates} creates for {orders} orders")
        if callbacks:
            for task in self.service.tasks.values():
                if task.asked != (0 if signed else 1):
                    self.say(f"{task.id} was asked for {task.asked} times")
        self.after_step()


def _prompt(record: TaskRecord) -> str:
    return "" if record.request is None else str(record.request.fields()["prompt"])


def _says_free(record: TaskRecord) -> bool:
    refused = record.status is TaskStatus.REFUSED
    return refused and record.failure is not None and record.failure.charged == "no"


def _is_charged(task: ServiceTask | None) -> bool:
    return task is not None and not task.refunded
