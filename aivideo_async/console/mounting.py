"""Ways to mount the console: an aiohttp sub-application, an ASGI application, a server of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import cast
from urllib.parse import quote

from aiohttp import web

from aivideo_async.asgi import Message, Receive, Send, is_request
from aivideo_async.console.http import BODY_LIMIT, Answer, Ask, read_form, read_query
from aivideo_async.console.pages import Console
from aivideo_async.supervise import together

BODY_WITHIN = 10.0
SHUTDOWN_WITHIN = 1.0


def subapp(console: Console) -> web.Application:
    """For ``app.add_subapp("/console", subapp(console))``; shutting down ends the pages that are open."""
    app = web.Application()
    streaming: set[asyncio.Task[object]] = set()

    async def handle(request: web.Request) -> web.StreamResponse:
        resource = request.match_info.route.resource
        prefix = "" if resource is None else resource.canonical.removesuffix("/{tail}")
        body = await _aiohttp_body(request) if request.method == "POST" else b""
        if body is None:
            return web.Response(status=413)
        ask = Ask(
            method=request.method, path=request.rel_url.raw_path.removeprefix(prefix), base=prefix,
            scheme=request.scheme, query=read_query(request.rel_url.raw_query_string),
            headers={name.lower(): value for name, value in request.headers.items()}, form=read_form(body),
        )  # fmt: skip
        answer = await console.answer(ask)
        if answer.stream is None:
            body = b"" if request.method == "HEAD" else answer.body
            return web.Response(status=answer.status, headers=answer.headers, body=body)
        return await _streamed(request, answer, streaming)

    async def hang_up(_: web.Application) -> None:
        for task in tuple(streaming):
            task.cancel()

    app.add_routes([web.route("*", "", _slash), web.route("*", "/{tail:.*}", handle)])
    app.on_shutdown.append(hang_up)
    return app


async def _aiohttp_body(request: web.Request) -> bytes | None:
    """The body, or ``None`` where it is too long or does not come. An outer application's limit plays no part."""
    body = bytearray()
    with suppress(TimeoutError):
        async with asyncio.timeout(BODY_WITHIN):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > BODY_LIMIT:
                    return None
            return bytes(body)
    return None


async def _slash(request: web.Request) -> web.StreamResponse:
    query = request.rel_url.raw_query_string
    raise web.HTTPFound(f"{request.rel_url.raw_path}/{f'?{query}' if query else ''}")


async def _streamed(
    request: web.Request, answer: Answer, streaming: set[asyncio.Task[object]]
) -> web.StreamResponse:  # fmt: skip
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    task = cast("asyncio.Task[object]", asyncio.current_task())
    streaming.add(task)
    try:
        await response.prepare(request)
        if answer.stream is not None:
            async with aclosing(answer.stream()) as chunks:
                async for chunk in chunks:
                    await response.write(chunk)
    except ConnectionError:
        pass
    finally:
        streaming.discard(task)
    return response


class AsgiConsole:
    """The console as an ASGI application: ``app.mount("/console", AsgiConsole(console))``."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request, or the server's lifespan."""
        if await is_request(scope, receive, send):
            await self._request(scope, receive, send)

    async def _request(self, scope: Message, receive: Receive, send: Send) -> None:
        method = str(scope["method"])
        body = await _body(receive) if method == "POST" else b""
        if body is None:
            await self._write(Answer(status=413), method, receive, send)
            return
        base = str(scope.get("root_path") or "").rstrip("/")
        raw = cast("bytes", scope.get("raw_path") or quote(str(scope["path"])).encode()).partition(b"?")[0]
        pairs = cast("Sequence[tuple[bytes, bytes]]", scope["headers"])
        ask = Ask(
            method=method, path=raw.decode("latin-1").removeprefix(quote(base, safe="/")) or "/",
            base=quote(base, safe="/"), scheme=str(scope.get("scheme", "http")),
            query=read_query(cast("bytes", scope.get("query_string", b"")).decode("latin-1")),
            headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in pairs},
            form=read_form(body),
        )  # fmt: skip
        await self._write(await self._console.answer(ask), method, receive, send)

    async def _write(self, answer: Answer, method: str, receive: Receive, send: Send) -> None:
        headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers]
        body = b"" if method == "HEAD" or answer.stream is not None else answer.body
        if answer.stream is None:
            headers.append((b"content-length", str(len(body)).encode()))
        with suppress(OSError):  # what servers raise when nobody is left to read
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            if answer.stream is None:
                await send({"type": "http.response.body", "body": body})
            else:
                await _sent(answer.stream(), receive, send)


async def _body(receive: Receive) -> bytes | None:
    """The body, or ``None`` where it is too long or does not come."""
    body = bytearray()
    with suppress(TimeoutError):
        async with asyncio.timeout(BODY_WITHIN):
            more: object = True
            while more and len(body) <= BODY_LIMIT:
                message = await receive()
                if message["type"] != "http.request":
                    return None
                body += cast("bytes", message.get("body", b""))
                more = message.get("more_body")
            return bytes(body) if len(body) <= BODY_LIMIT else None
    return None


async def _sent(chunks: AsyncGenerator[bytes], receive: Receive, send: Send) -> None:
    """Send until the reader hangs up."""

    async def write() -> None:
        async with aclosing(chunks):
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def hung_up() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        raise _GoneError

    with suppress(_GoneError):
        await together(write(), hung_up())


class _GoneError(Exception):
    """Nobody reads any more."""


@asynccontextmanager
async def serving(console: Console, host: str, port: int, *, prefix: str = "/console") -> AsyncGenerator[int]:
    """Listen while the block runs, and give the port. Raises OSError when it cannot listen."""
    app = web.Application()
    app.add_subapp(prefix, subapp(console))
    app.add_routes([web.get("/", _to(f"{prefix}/"))])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_WITHIN)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        taken: int = runner.addresses[0][1]
        yield taken
    finally:
        await runner.cleanup()


def _to(where: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def move(request: web.Request) -> web.StreamResponse:
        query = request.rel_url.raw_query_string
        raise web.HTTPFound(f"{where}?{query}" if query else where)

    return move
