"""FastAPI with standardwebhooks under uvicorn, as its documentation has people write it; without its access log."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Literal, cast

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.benchmarks.receiving import SECRET, BareReceiving, Receiving


@asynccontextmanager
async def fastapi_receiving(http: Literal["h11", "httptools"]) -> AsyncGenerator[Receiving]:
    """``h11`` is what ``pip install uvicorn`` brings, ``httptools`` with uvloop what ``uvicorn[standard]`` does."""
    for needed in ("httptools", "uvloop") if http == "httptools" else ():
        import_module(needed)
    bare = BareReceiving(signed=True)
    app, webhook = FastAPI(), Webhook(SECRET)

    async def hook(id: str, request: Request) -> dict[str, str]:
        body = await request.body()
        try:
            webhook.verify(body, dict(request.headers), json_parse=False)
        except WebhookVerificationError as error:
            raise HTTPException(401) from error
        bare.resolve(cast("dict[str, object]", json.loads(body)))
        return {"received": id}

    app.post("/hook/{id}")(hook)
    config = uvicorn.Config(app, http=http, access_log=False, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        bare.port = listener.getsockname()[1]
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        if serving.done():
            await serving
        try:
            yield bare
        finally:
            server.should_exit = True
            await serving
