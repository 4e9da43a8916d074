"""The sandbox's API as an aiohttp app, and the timer that drives the engine.

There is one timer for all tasks and callbacks: it fires when the engine's next event is due. Handlers do no work of
their own beyond reading and writing HTTP.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Collection
from itertools import takewhile
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler

from aivideo_async.core.models import Kind
from aivideo_async.sandbox import accent
from aivideo_async.sandbox.answers import CUT, of_exception, spoilt, written
from aivideo_async.sandbox.delivery import Courier
from aivideo_async.sandbox.depot import Depot
from aivideo_async.sandbox.dialect import Answer, failure, success
from aivideo_async.sandbox.door import code_in, found_at, logged, stranger
from aivideo_async.sandbox.engine import Engine
from aivideo_async.sandbox.handing import handed_out
from aivideo_async.sandbox.keeping import Keeper
from aivideo_async.sandbox.making import Maker
from aivideo_async.sandbox.media import Studio
from aivideo_async.sandbox.openapi import description
from aivideo_async.sandbox.records import Created, Delivery, Endpoint, RequestEntry, SandboxTask
from aivideo_async.supervise import Supervisor

logger: logging.Logger = logging.getLogger(__name__)

BODY_LIMIT = 1024 * 1024
"""Bytes of a create's body; the service's own limit is unknown."""
CONSOLE = "/console"
"""Where the console is, if there is one."""
CREATES: dict[str, Kind] = {"videos": "video", "images": "image", "music": "music"}
TASK_ID = web.RequestKey("task_id", str)
BODY = web.RequestKey("body", str)


class Server:
    """Answers requests by the engine, has files made by the studio and callbacks delivered by the courier."""

    def __init__(
        self,
        engine: Engine,
        *,
        studio: Studio,
        courier: Courier,
        supervisor: Supervisor,
        clock: Callable[[], float],
        depot: Depot,
        keeper: Keeper | None = None,
        hosts: Collection[str] = (),
    ) -> None:
        self._engine, self._courier, self._depot = engine, courier, depot
        self._maker = Maker(engine, studio=studio, depot=depot, fetch=courier.fetch, clock=clock, keeper=keeper)
        self._supervisor, self._clock, self._keeper, self._hosts = supervisor, clock, keeper, hosts
        self._stopped = False
        self._timer: asyncio.TimerHandle | None = None
        self._held: dict[str, asyncio.Event] = {}
        self._closed = False

    def app(self) -> web.Application:
        """The routes of api.md §1, and the result files."""
        app = web.Application(client_max_size=BODY_LIMIT, middlewares=[self._outermost])
        app.add_routes(
            [
                *(web.post(f"/v1/{path}/generations", self._create, name=f"create-{path}") for path in CREATES),
                web.get("/v1/tasks/{task_id}", self._get_task, name="get_task", allow_head=False),
                web.get("/v1/credits", self._get_credits, name="get_credits", allow_head=False),
                web.get("/files/{name}", self._get_file, name="get_file", allow_head=False),
                web.head("/files/{name}", self._head_file),
                web.get("/openapi.json", self._get_openapi, name="get_openapi", allow_head=False),
            ]
        )
        app.add_routes([web.get(path, self._further) for path in self._engine.dialect.further])
        if self._engine.dialect.cancels:
            app.add_routes([web.post("/v1/tasks/{task_id}/cancel", self._cancel)])
        return app

    def wake(self) -> None:
        """Let the engine do what is due, send its callbacks off, and set the timer to what is due next."""
        if self._closed:
            return
        for delivery in self._engine.advance(self._clock()):
            self._supervisor.spawn(self._deliver, delivery)
        if self._engine.shelf.dropped:
            self._supervisor.spawn(self._maker.tidy)
        if self._timer is not None:
            self._timer.cancel()
        if self._keeper is not None:
            self._keeper.touch()
        else:
            for changed in self._engine.ids_changed():  # nobody is to write them down
                changed.clear()
        due = None if self._stopped else self._engine.next_due()
        if due is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, due - self._clock()), self.wake)

    def halt(self, *, stopped: bool) -> None:
        """Do what is due; while the clock is ``stopped``, nothing more comes by itself."""
        self._stopped = stopped
        self.wake()

    def take_up(self) -> None:
        """Go on with what an earlier run left: files of tasks that have not ended, callbacks that were not accepted."""
        self._engine.take_up()
        for task in [task for task in self._engine.tasks.values() if not task.ended]:
            self._make(task)

    def close(self) -> None:
        """Stop the timer and let go of the creates that wait for their early callback."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for held in self._held.values():
            held.set()

    async def _create(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        kind = CREATES[request.path.split("/")[2]]
        request[BODY] = logged(body)
        authorization, once = request.headers.get("Authorization"), request.headers.get("Idempotency-Key")
        created = await self._taken(
            kind, authorization, body, once=once, address=request.remote,
            found_at=found_at(request.scheme, request.host),
        )  # fmt: skip
        if created.task is not None:
            request[TASK_ID] = created.task.id
        return await self._given(request, created.answer)

    async def _given(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        """An answer on its way out, spoilt as it is to be."""
        if answer.after:
            await asyncio.sleep(answer.after)
        if answer.twist == "cut":
            request[CUT] = True
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return spoilt(self._written(answer), answer)

    async def _taken(
        self, kind: Kind, authorization: str | None, body: bytes, *, once: str | None = None, address: str | None,
        found_at: str = "",
    ) -> Created:  # fmt: skip
        created = self._engine.create(
            kind, authorization, body, self._clock(), once=once, address=address, found_at=found_at
        )
        if created.task is not None:
            await self._begin(created.task, held=created.held)
        return created

    async def create(self, kind: Kind, key: str, body: bytes) -> Created:
        """Create a task as a request with this key and body would, and write it down as one."""
        clock = asyncio.get_running_loop().time
        began, answer_to = clock(), f"Bearer {key}"
        created = await self._taken(kind, answer_to, body, address="127.0.0.1")
        path = next(f"/v1/{name}/generations" for name, made in CREATES.items() if made == kind)
        known, answer = self._engine.keys.recognised(answer_to), created.answer
        entry = RequestEntry(
            at=self._clock(), endpoint="create", method="POST", path=path,
            status=None if answer.twist == "cut" else answer.status,
            task_id=None if created.task is None else created.task.id,
            key="" if known is None else known.name, seconds=clock() - began, body=logged(body),
            code="" if answer.status < 400 else code_in(json.dumps(answer.body).encode()),
        )  # fmt: skip
        self._write_down(entry)
        return created

    def resend(self, task_id: str) -> bool:
        """Send the callback of a task that has ended once more; ``False`` where there is none to send."""
        due = self._engine.resend(task_id, self._clock())
        self.wake()
        return due

    async def _begin(self, task: SandboxTask, *, held: bool) -> None:
        """Have a task's files made; where the create is held, wait for the first attempt at its callback."""
        answered = asyncio.Event()
        if held:
            self._held[task.id] = answered
        self._make(task)
        if self._keeper is not None:
            await self._keeper.keep()
        self.wake()
        if held:
            await answered.wait()

    def _make(self, task: SandboxTask) -> None:
        if not self._maker.at_once(task):
            self._supervisor.spawn(self._render, task)

    async def _get_task(self, request: web.Request) -> web.StreamResponse:
        request[TASK_ID] = task_id = request.match_info["task_id"]
        task = self._engine.tasks.get(task_id)
        if self._keeper is not None and task is not None and task.ended:
            await self._keeper.written(task_id)  # what somebody was told must be so after a restart
        answer = self._engine.get_task(
            task_id, request.headers.get("Authorization"), self._clock(), address=request.remote
        )
        return await self._given(request, answer)

    async def _get_openapi(self, request: web.Request) -> web.StreamResponse:  # noqa: ARG002 - a handler takes it
        return web.json_response(description(self._engine.shelf.base_url))

    async def _get_credits(self, request: web.Request) -> web.StreamResponse:
        if self._too_many():
            after = self._engine.dialect.retry_after
            headers = () if after is None else (("Retry-After", f"{after:g}"),)
            return self._written(failure("rate_limit_exceeded", "Rate limit exceeded", headers=headers))
        answer = self._engine.get_credits(request.headers.get("Authorization"), address=request.remote)
        return await self._given(request, answer)

    def _too_many(self) -> bool:
        in_a_row = takewhile(lambda entry: entry.endpoint == "get_credits", reversed(self._engine.requests))
        most = self._engine.dialect.burst
        return most is not None and sum(1 for _ in in_a_row) >= most

    async def _further(self, request: web.Request) -> web.StreamResponse:  # noqa: ARG002 - a handler takes it
        return self._written(success({"items": []}))

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        return self._written(failure("task_not_found", f"Task {request.match_info['task_id'][:64]} not found"))

    def _written(self, answer: Answer) -> web.Response:
        return written(accent.spoken(self._engine.dialect, answer))

    async def _get_file(self, request: web.Request) -> web.StreamResponse:
        return await handed_out(request, self._engine.files, self._depot, self._clock())

    async def _head_file(self, request: web.Request) -> web.StreamResponse:  # noqa: ARG002 - a handler takes it
        """A presigned URL is signed for GET: HEAD does not work on it (api.md §3, observed)."""
        return web.Response(status=200 if self._engine.dialect.heads else 403)

    async def _render(self, task: SandboxTask) -> None:
        await self._maker.make(task)
        self.wake()

    async def _deliver(self, delivery: Delivery) -> None:
        clock = asyncio.get_running_loop().time
        if self._keeper is not None:
            await self._keeper.written(delivery.task_id)
        headers, began = self._courier.headers(delivery), clock()
        status, error = await self._courier.deliver(delivery, headers)
        took = clock() - began
        self._engine.delivered(delivery, self._clock(), status=status, error=error, headers=headers, seconds=took)
        held = None if delivery.forged else self._held.pop(delivery.task_id, None)
        if held is not None:
            held.set()
        self.wake()

    @web.middleware
    async def _outermost(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Errors in the service's own shape, whatever happens; and the log. The console is none of the service's."""
        if request.path.startswith(f"{CONSOLE}/") or request.path == CONSOLE:
            return await handler(request)
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            why = stranger(request.headers.get("Host"), request.headers.get("Origin"), hosts=self._hosts)
            if why is None:
                response = await handler(request)
            else:
                response = self._written(failure("host_not_allowed", why, status=403))
        except ConnectionError:  # nobody is left to be answered
            request[CUT], response = True, web.Response(status=400)
        except web.RequestPayloadError:
            response = self._written(failure("invalid_request", "The body of this request cannot be read"))
            response.force_close()
        except web.HTTPException as error:
            response = self._written(of_exception(error, request))
        except Exception:
            logger.exception("%s %s failed", request.method, request.path)
            response = self._written(failure("internal_error", "The service failed to handle the request"))
        self._log(request, response, clock() - began)
        return response

    def malformed(self, status: int, message: str) -> web.Response:
        """The answer to what is no HTTP, or with 500 to what failed outside of this service; it is written down."""
        code = "internal_error" if status >= 500 else "invalid_request"
        entry = RequestEntry(at=self._clock(), endpoint="unknown", method="?", path="?", status=status, code=code)
        self._write_down(entry)
        return self._written(failure(code, message, status=status))

    def _write_down(self, entry: RequestEntry) -> None:
        self._engine.log(entry)
        if self._keeper is not None:
            self._keeper.touch()

    def _log(self, request: web.Request, response: web.StreamResponse, seconds: float) -> None:
        name = (request.match_info.route.name or "unknown").partition("-")[0]
        key = self._engine.keys.recognised(request.headers.get("Authorization"))
        wrong = response.status >= 400 and isinstance(response, web.Response) and isinstance(response.body, bytes)
        entry = RequestEntry(
            at=self._clock(), endpoint=cast("Endpoint", name), method=request.method, path=request.path,
            status=None if CUT in request else response.status, task_id=request.get(TASK_ID),
            key="" if key is None else key.name, seconds=seconds, body=request.get(BODY, ""),
            code=code_in(cast("bytes", cast("web.Response", response).body)) if wrong else "",
        )  # fmt: skip
        self._write_down(entry)
