"""The service: takes creates and money, ends tasks, calls back, answers, and keeps the ledger of the truth."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from aivideo_async.core.errors import APIConnectionError
from aivideo_async.core.keys import HmacKey
from aivideo_async.core.signing import sign
from aivideo_async.core.wire import HttpRequest, HttpResponse
from tests.doubles import accepted, answer, refused
from tests.simulation.ledger import CREDITS, Arrival, Callback, ServiceTask, Surroundings
from tests.simulation.loop import WORLD, SimulatedLoop
from tests.simulation.weather import DOUBTS, REFUSALS, Sky

DEADLINE = 120.0
PAUSES = (0.0, 180.0, 600.0)
"""Seconds after the ending at which a callback is tried (api.md §4)."""
REPLY_WITHIN = 30.0
STATUS_OF = {
    "invalid_request": 400,
    "insufficient_credits": 402,
    "model_not_found": 404,
    "spend_limit_exceeded": 429,
    "upstream_error": 503,
}


@dataclass(frozen=True)
class _Answer:
    """What the sender is told, an error of the way or a response, after how many seconds."""

    told: HttpResponse | APIConnectionError
    after: float = 0.0
    known: ServiceTask | None = None


class Service:
    """The other side of the wire, in memory. ``clock`` gives its unix seconds."""

    def __init__(
        self, loop: SimulatedLoop, sky: Sky, clock: Callable[[], float], world: Surroundings, *, secret: HmacKey | None
    ) -> None:
        self._loop, self._sky, self._clock, self._world, self._secret = loop, sky, clock, world, secret
        self._context = loop.context_of(WORLD)
        self.tasks: dict[str, ServiceTask] = {}
        self.arrivals: dict[str, list[Arrival]] = {}
        self.charged = 0
        self.refunded = 0
        self.running = 0
        self.creates = 0
        self.gets = 0

    # Requests

    async def send(self, request: HttpRequest, on_sent: Callable[[], None] | None) -> HttpResponse:
        """As ``Transport.send``, called by a replica: what has left goes on without it."""
        sky, weather = self._sky, self._sky.weather
        await asyncio.sleep(sky.latency())
        if sky.strikes(weather.unreachable):
            raise APIConnectionError("nobody there", sent="no")
        if on_sent is not None:
            on_sent()
        reply = self._loop.create_future()
        arrives_in = sky.latency()
        if sky.strikes(weather.break_off / 2):
            self._later(arrives_in, self._answered, reply, None, _Answer(_broken()))
        else:
            self._later(arrives_in, self._arrive, request, reply)
        told = await reply
        if isinstance(told, APIConnectionError):
            raise told
        return cast("HttpResponse", told)

    def _later(self, delay: float, callback: Callable[..., object], *args: object) -> None:
        self._loop.call_later(delay, callback, *args, context=self._context)

    def _arrive(self, request: HttpRequest, reply: asyncio.Future[object]) -> None:
        arrival = None
        if request.body is not None:
            arrival, told = self._create(json.loads(request.body))
        else:
            told = self._asked(request.path.rpartition("/")[2])
        sky, weather = self._sky, self._sky.weather
        if sky.strikes(weather.break_off):
            told = _Answer(_broken())
        if sky.strikes(weather.late):
            told = _Answer(_broken(), after=DEADLINE)
        self._later(told.after + sky.latency(), self._answered, reply, arrival, told)

    def _answered(self, reply: asyncio.Future[object], arrival: Arrival | None, answer: _Answer) -> None:
        listens = self._loop.alive(getattr(reply, "owner", WORLD)) and not reply.done()
        if arrival is not None and arrival.task is None and listens:
            arrival.settled = _is_certain_no(answer.told)
        if answer.known is not None and listens:
            answer.known.misses.clear()
        if not reply.done():
            reply.set_result(answer.told)

    # Creates

    def _create(self, body: Mapping[str, object]) -> tuple[Arrival, _Answer]:
        self.creates += 1
        prompt = str(cast("dict[str, object]", body.get("input", body))["prompt"])
        url = cast("str | None", body.get("callback_url"))
        arrival = Arrival(prompt, None if url is None else url.split("/")[-2])
        told = self._decided(arrival, url)
        self._world.say(f"service: {prompt} {'accepted' if arrival.task else 'not taken'}")
        self._world.arrived(arrival)
        self.arrivals.setdefault(prompt, []).append(arrival)
        return arrival, _Answer(told)

    def _decided(self, arrival: Arrival, url: str | None) -> HttpResponse:
        sky, weather = self._sky, self._sky.weather
        if sky.strikes(weather.limit):
            return refused(429, "rate_limit_exceeded")
        if sky.strikes(weather.locked_out):
            return refused(401, "invalid_api_key")
        if sky.strikes(weather.refuse):
            code = sky.chance.choice(REFUSALS)
            return refused(STATUS_OF[code], code)
        if sky.strikes(weather.doubt):
            if sky.chance.random() < 0.5:
                self._accept(arrival, url)
            return _nonsense(sky.chance.choice(DOUBTS))
        return accepted(self._accept(arrival, url).id)

    def _accept(self, arrival: Arrival, url: str | None) -> ServiceTask:
        sky, weather = self._sky, self._sky.weather
        early = sky.chance.random() < weather.early
        span = sky.chance.uniform(0.0, 0.5) if early else sky.chance.uniform(1.0, weather.slowest)
        ending = "failed" if sky.chance.random() < weather.fail else "completed"
        task = ServiceTask(f"svc-{len(self.tasks) + 1}", arrival.prompt, url, self._loop.time() + span, ending)
        arrival.task = self.tasks[task.id] = task
        self.charged += CREDITS
        self.running += 1
        self._later(span, self._end, task)
        if url is not None and self._sky.strikes(weather.forged):
            self._later(sky.chance.uniform(0.0, 1.5 * span + 1.0), self._forge, task)
        return task

    def _end(self, task: ServiceTask) -> None:
        task.declared = True
        self.running -= 1
        if task.ending == "failed":
            task.refunded = True
            self.refunded += CREDITS
        self._world.say(f"service: {task.id} {task.ending}")
        if task.callback_url is not None:
            self._later(0.0, self._call_back, task, 0)

    # Callbacks

    def _call_back(self, task: ServiceTask, attempt: int) -> None:
        sky, weather = self._sky, self._sky.weather
        done: list[bool] = []

        def answered(status: int) -> None:
            if not sky.strikes(weather.callback_lost / 2) and 200 <= status <= 299:
                done.append(True)

        def again() -> None:
            if not done and attempt + 1 < len(PAUSES):
                self._call_back(task, attempt + 1)

        for _ in range(2 if sky.strikes(weather.callback_doubled) else 1):
            if not sky.strikes(weather.callback_lost):
                self._later(sky.latency(), self._world.deliver, self._callback(task), answered)
        pause = PAUSES[attempt + 1] - PAUSES[attempt] if attempt + 1 < len(PAUSES) else REPLY_WITHIN
        self._later(pause, again)

    def _callback(self, task: ServiceTask) -> Callback:
        body = json.dumps(task.shown()).encode()
        headers = {"X-Task-Id": task.id, "X-Event": f"task.{task.ending}", "Content-Type": "application/json"}
        if self._secret is not None:
            stamp = int(self._clock())
            headers |= sign([self._secret], delivery_id=f"d-{task.id}", timestamp=stamp, body=body)
        return Callback(task, _path(task), _raw(headers), body)

    def _forge(self, task: ServiceTask) -> None:
        """What a stranger sends who has seen our callback URL in a log, or guesses it."""
        chance = self._sky.chance
        path = _path(task) if chance.random() < 0.8 else _path(task)[:-4] + "AAAA"
        body = json.dumps(task.shown(chance.choice(("completed", "failed")))).encode()
        headers = {"Content-Type": "application/json"}
        if self._secret is not None and chance.random() < 0.8:
            wrong = HmacKey(b"not the secret of the service at all")
            moment = int(self._clock()) - chance.choice((0, 600))
            headers |= sign([wrong], delivery_id="d-forged", timestamp=moment, body=body)
        self._world.say(f"service: forged callback for {task.id}")
        self._world.deliver(Callback(task, path, _raw(headers), body, genuine=False), lambda _status: None)

    # Questions

    def _asked(self, id: str) -> _Answer:
        self.gets += 1
        sky, weather = self._sky, self._sky.weather
        task = self.tasks.get(id)
        if task is not None:
            task.asked += 1
        if sky.strikes(weather.locked_out):
            return _Answer(refused(401, "invalid_api_key"))
        if sky.strikes(weather.ask_fails):
            return _Answer(_nonsense(sky.chance.choice(DOUBTS)))
        if task is None or sky.strikes(weather.forgets):
            if task is not None:
                task.misses.append(self._loop.time())
            return _Answer(refused(404, "task_not_found"))
        return _Answer(answer(200, task.shown()), known=task)


def _broken() -> APIConnectionError:
    return APIConnectionError("the connection broke", sent="maybe")


def _nonsense(kind: str) -> HttpResponse:
    return {
        "internal_error": refused(500, "internal_error"),
        "html": HttpResponse(502, {}, b"<html>bad gateway</html>"),
        "no_id": answer(200, {"code": 200, "msg": "success", "data": {}}),
        "wrong_code": answer(200, {"code": 500, "msg": "oops", "data": None}),
        "redirect": HttpResponse(302, {"location": "https://elsewhere.example.com"}, b""),
        "bare_429": HttpResponse(429, {}, b"slow down"),
    }[kind]


def _is_certain_no(told: HttpResponse | APIConnectionError) -> bool:
    """Whether the sender now knows that its create was not taken."""
    if isinstance(told, APIConnectionError):
        return False
    return told.status in {400, 401, 402, 404, 429} and b'"error"' in told.body


def _path(task: ServiceTask) -> str:
    return (task.callback_url or "").partition("example.com")[2]


def _raw(headers: Mapping[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.encode(), value.encode()) for name, value in headers.items())
