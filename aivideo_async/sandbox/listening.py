"""Listens for HTTP, and answers what is none in the words of whoever serves: aiohttp would do so in its own.

What strangers send is no failure of ours, so it leaves no traceback.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import cast

from aiohttp import http_exceptions, web

SHUTDOWN_SECONDS = 1.0
SHOWN = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is listened on, not a bind

Malformed = Callable[[int, str], web.Response]
"""The answer to a request that cannot be read: of a status and a sentence, or of 500 and why nobody knows."""


class Handler(web.RequestHandler):
    """One connection; ``malformed`` makes its errors."""

    __slots__ = ("_malformed",)

    def __init__(self, manager: web.Server, malformed: Malformed) -> None:
        no_log = cast("logging.Logger", None)  # which is how aiohttp is told, whatever its annotation says
        super().__init__(manager, loop=asyncio.get_running_loop(), access_log=no_log)
        self._malformed = malformed

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp's own words
    ) -> web.StreamResponse:
        """The answer to what is no request, or to one at which a handler failed. The connection is closed after it.

        Raises ConnectionError where an answer is half sent already.
        """
        self.log_exception("a request failed", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("a part of an answer was sent already")
        response = self._malformed(status, in_words(exc))
        response.force_close()
        return response

    def log_exception(self, *args: object, **named: object) -> None:
        """Only what we did wrong is logged as an exception."""
        if isinstance(named.get("exc_info"), (http_exceptions.HttpProcessingError, web.RequestPayloadError)):
            self.log_debug(*args, **named)
        else:
            super().log_exception(*args, **named)


def in_words(error: BaseException | None) -> str:
    """What is wrong with a request, without the bytes that a stranger sent."""
    if isinstance(error, http_exceptions.InvalidURLError):
        return "The request is malformed: its URL is none"
    if isinstance(error, http_exceptions.HttpProcessingError):
        return f"The request is malformed: {error.message.partition(':')[0].partition(chr(10))[0].rstrip('.')}"
    return "The service failed to handle the request"


def bound(host: str, port: int) -> tuple[socket.socket, str]:
    """A socket that listens, 0 takes a free port, and the URL at which this machine finds it. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=1024)
    taken: int = listener.getsockname()[1]
    shown = SHOWN.get(host, host)
    local = f"http://[{shown}]:{taken}" if ":" in shown else f"http://{shown}:{taken}"
    return listener, local


@asynccontextmanager
async def listening(app: web.Application, listener: socket.socket, malformed: Malformed) -> AsyncGenerator[None]:
    """Serve an application on a socket while the block runs. Cancelling it leaves nothing running."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        manager = runner.server
        if manager is None:
            raise RuntimeError("the runner has no server")
        serving = await asyncio.get_running_loop().create_server(lambda: Handler(manager, malformed), sock=listener)
        try:
            yield
        finally:
            serving.close()
    finally:
        await runner.cleanup()
