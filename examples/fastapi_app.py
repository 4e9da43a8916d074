"""A FastAPI application that answers a request when the callback has come.

    POST /videos {"prompt": "a kite over a harbour", "duration": 4}   ->   {"task": "av_…", "url": "https://…"}

A typed request is a pydantic model, so a wrong field answers 422 by itself. The callbacks arrive at the mounted
receiver: AIVIDEO_CALLBACK_URL is the public address of this application and /webhooks/aivideo.
"""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, HTTPException

from aivideo_async import Client, TaskFailedError
from aivideo_async.catalog import Sora2

client = Client()


@asynccontextmanager
async def client_while_running(_app: FastAPI) -> AsyncGenerator[None]:
    async with client:
        yield


app = FastAPI(lifespan=client_while_running)
app.mount("/webhooks/aivideo", client.receiver.asgi)


@app.post("/videos")
async def make_video(request: Sora2) -> dict[str, str]:
    try:
        video = await client.run(request, timeout=1800)
    except TaskFailedError as error:
        raise HTTPException(502, str(error)) from error
    return {"task": video.task_id, "url": video.url}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8080")), log_level="warning")
