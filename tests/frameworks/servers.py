"""Real servers: uvicorn and hypercorn in this loop, gunicorn with workers of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from hypercorn.asyncio import serve  # pyright: ignore[reportUnknownVariableType] - it names no parameters of a dict
from hypercorn.config import Config

from tests.callbacks import answers
from tests.engines.launching import free_port
from tests.frameworks.apps import AsgiApp

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def under_uvicorn(app: AsgiApp) -> AsyncGenerator[int]:
    """The port on which uvicorn serves an ASGI application."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            assert not serving.done()
            await asyncio.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def under_hypercorn(app: AsgiApp) -> AsyncGenerator[int]:
    """The port on which hypercorn serves an ASGI application."""
    port, stopping, config = free_port(), asyncio.Event(), Config()
    config.bind, config.loglevel, config.graceful_timeout = [f"127.0.0.1:{port}"], "error", 1.0
    serving = asyncio.create_task(serve(app, config, shutdown_trigger=stopping.wait, mode="asgi"))
    try:
        await answers(port)
        yield port
    finally:
        stopping.set()
        await serving


@asynccontextmanager
async def under_gunicorn(*arguments: str, environment: Mapping[str, str]) -> AsyncGenerator[int]:
    """The port on which gunicorn serves what the arguments name."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--graceful-timeout", "2", *arguments),
        cwd=ROOT,
        env={**os.environ, **environment},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        await answers(port, process)
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()
