"""What a probe has seen, as plain values: exchanges, callbacks, balances, and why steps did not happen. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from pydantic import JsonValue

from aivideo_async.core.models import JsonObject
from aivideo_async.core.refusals import HttpResponse, json_object
from aivideo_async.core.wire import CreateOutcome, read_create

NOTHING: JsonObject = {}
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its whole answer; ``status`` is ``None`` and ``error`` says why where there was none.

    ``label`` is the step and what was done in it: ``image.create``. ``at`` is unix seconds. ``sent`` is whether the
    request may have left.
    """

    label: str
    at: float
    method: str
    path: str
    request_headers: Pairs = ()
    request_body: bytes | None = field(default=None, repr=False)
    status: int | None = None
    headers: Pairs = ()
    body: bytes = field(default=b"", repr=False)
    error: str | None = None
    sent: bool = True

    @property
    def json(self) -> JsonObject:
        """The answer's JSON object, or an empty one."""
        return json_object(self.body) or NOTHING

    @property
    def task(self) -> JsonObject:
        """The task in the answer, bare or in an envelope."""
        return task_in(self.json)

    @property
    def code(self) -> str | None:
        """The ``code`` of an error in the service's shape."""
        error = self.json.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        return code if isinstance(code, str) else None

    @property
    def said(self) -> str:
        """Status and code in a word: ``400 invalid_request``."""
        return f"no answer: {self.error}" if self.status is None else f"{self.status} {self.code or ''}".strip()

    def header(self, name: str) -> str | None:
        """An answer's header, by any spelling of its name."""
        return next((value for found, value in self.headers if found.lower() == name.lower()), None)

    def outcome(self) -> CreateOutcome:
        """What it means as the answer to a create."""
        headers = {name.lower(): value for name, value in self.headers}
        return read_create(HttpResponse(self.status or 0, headers, self.body), now=self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One callback: ``step`` whose URL it came to, raw headers as text, and the status that it was answered."""

    step: str
    at: float
    headers: Pairs
    body: bytes = field(repr=False)
    answered: int

    @property
    def json(self) -> JsonObject:
        """The body's JSON object, or an empty one."""
        return json_object(self.body) or NOTHING


@dataclass(slots=True)
class Findings:
    """Everything that was seen so far; the runner adds, the questions only read.

    ``charges`` are credits by which the balance fell with a create, ``refunds`` those that came back with a failure,
    ``ended`` how many of the service's seconds a task took. ``left_out`` says why a step was not taken, or not to its
    end.
    """

    exchanges: list[Exchange] = field(default_factory=list[Exchange])
    arrivals: list[Arrival] = field(default_factory=list[Arrival])
    charges: dict[str, Decimal] = field(default_factory=dict[str, Decimal])
    expected: dict[str, Decimal] = field(default_factory=dict[str, Decimal])
    refunds: dict[str, Decimal] = field(default_factory=dict[str, Decimal])
    ended: dict[str, tuple[str, float]] = field(default_factory=dict[str, tuple[str, float]])
    left_out: dict[str, str] = field(default_factory=dict[str, str])
    listened: float = 0.0
    time_scale: float = 1.0

    def all(self, label: str) -> list[Exchange]:
        """Every answered exchange under a label."""
        return [exchange for exchange in self.exchanges if exchange.label == label and exchange.status is not None]

    def first(self, label: str) -> Exchange | None:
        """The first answered exchange under a label."""
        return next(iter(self.all(label)), None)

    def tasks(self) -> list[tuple[str, str]]:
        """Step and service id of every task that was accepted."""
        creates = [exchange for exchange in self.exchanges if exchange.label.endswith(".create")]
        return [(e.label.partition(".")[0], id) for e in creates if (id := e.outcome().service_id) is not None]

    def endings(self) -> list[Arrival]:
        """The callbacks of tasks that have ended, as far as their words can be read."""
        return [arrival for arrival in self.arrivals if ended_in(task_in(arrival.json))]

    def result(self, step: str) -> Exchange | None:
        """The last answer about a step's task that holds results."""
        found = [exchange for exchange in self.all(f"{step}.task") if urls_in(exchange.task)]
        return found[-1] if found else None


def task_in(body: JsonObject) -> JsonObject:
    """The task in a body, bare or in an envelope."""
    inner = body.get("data")
    return inner if "status" not in body and isinstance(inner, dict) else body


def ended_in(task: JsonObject) -> bool:
    """Whether a task object is about an ending, whatever its status is called."""
    return bool(urls_in(task)) or task.get("error") is not None or "completed_at" in task


def urls_in(task: JsonObject) -> tuple[str, ...]:
    """The result URLs of a task object."""
    output: JsonValue = task.get("output")
    urls = output.get("urls") if isinstance(output, Mapping) else None
    return tuple(url for url in urls if isinstance(url, str)) if isinstance(urls, list) else ()
