"""Small named doubles: a transport with canned answers, a clock that is set by hand."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from aivideo_async.core.errors import APIConnectionError
from aivideo_async.core.models import TaskRecord, TaskStatus, moment
from aivideo_async.core.wire import HttpRequest, HttpResponse

ORIGIN = "https://api.example.com"
NOW = 1_790_000_000.0


class ManualClock:
    """Unix seconds that move only when told."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def answer(status: int, body: object, **headers: str) -> HttpResponse:
    """A JSON answer; header names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(status, named, body if isinstance(body, bytes) else json.dumps(body).encode())


def accepted(service_id: str) -> HttpResponse:
    """The answer to a create that was taken (api.md §1)."""
    return answer(200, {"code": 200, "msg": "success", "data": {"taskId": service_id}})


def refused(status: int, code: str, kind: str = "invalid_request_error", **headers: str) -> HttpResponse:
    """An error in the service's shape (api.md §5)."""
    return answer(status, {"error": {"code": code, "message": f"{code} happened", "type": kind}}, **headers)


def task_answer(service_id: str, status: str, *, model: str = "sora-2", **more: object) -> HttpResponse:
    """The bare task object (api.md §3)."""
    return answer(200, {"id": service_id, "status": status, "model": model, "created_at": int(NOW), **more})


def completed(service_id: str, *, model: str = "sora-2") -> HttpResponse:
    """A completed task with one result."""
    output = {"urls": [f"https://cdn.example.com/{service_id}.mp4?X-Amz-Signature=abc"]}
    return task_answer(service_id, "completed", model=model, completed_at=int(NOW) + 5, output=output)


NOT_SENT = APIConnectionError("connection refused", sent="no")
BROKE_OFF = APIConnectionError("the connection broke", sent="maybe")


@dataclass
class Held:
    """An answer that comes when ``release`` is set; the first byte leaves at once, or only after the release."""

    then: HttpResponse
    first_byte: bool = True
    release: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)


Canned = HttpResponse | APIConnectionError | Held


class CannedTransport:
    """Answers creates from a queue, then accepts each with an id of its own; answers GETs from a table."""

    def __init__(self, *creates: Canned) -> None:
        self.creates = deque(creates)
        self.tasks: dict[str, Canned] = {}
        self.sent: list[HttpRequest] = []
        self.on_create: Callable[[HttpRequest], None] = lambda _request: None
        self._numbers = itertools.count(1)

    async def send(self, request: HttpRequest, *, on_sent: Callable[[], None] | None = None) -> HttpResponse:
        canned = self._canned(request)
        if isinstance(canned, Held):
            if canned.first_byte and on_sent is not None:
                on_sent()
            canned.arrived.set()
            await canned.release.wait()
            canned = canned.then
        if not (isinstance(canned, APIConnectionError) and canned.sent == "no") and on_sent is not None:
            on_sent()
        self.sent.append(request)
        if isinstance(canned, APIConnectionError):
            raise canned
        return canned

    def _canned(self, request: HttpRequest) -> Canned:
        if request.method == "POST":
            self.on_create(request)
            return self.creates.popleft() if self.creates else accepted(f"svc-{next(self._numbers)}")
        if request.path == "/v1/credits":
            data = {"balance": 9800, "total_purchased": 10000, "total_consumed": 200}
            return answer(200, {"code": 200, "msg": "success", "data": data})
        return self.tasks.get(request.path.rpartition("/")[2], refused(404, "task_not_found"))

    def bodies(self) -> list[dict[str, object]]:
        """The JSON of every create that was answered."""
        return [json.loads(request.body) for request in self.sent if request.body is not None]

    def asked(self) -> list[str]:
        """The service's ids that were asked for."""
        return [r.path.rpartition("/")[2] for r in self.sent if r.path.startswith("/v1/tasks/")]


def a_record(id: str = "av_1", status: TaskStatus = TaskStatus.PENDING, **more: object) -> TaskRecord:
    """A record with what most tests need."""
    made = {"origin": ORIGIN, "created_at": moment(NOW), "service_id": f"svc-{id}", "model": "sora-2", **more}
    return TaskRecord(id=id, status=status, **made)  # type: ignore[arg-type]  # fields by name, checked by the record


async def until(done: Callable[[], bool]) -> None:
    """Let others run until it is so; the suite's timeout bounds it."""
    while not done():
        await asyncio.sleep(0)
