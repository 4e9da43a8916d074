"""A Litestar application that receives callbacks, for a worker beside it that submits and awaits.

It needs no API key. Both sides are given the same AIVIDEO_STORE and AIVIDEO_CALLBACK_KEY; the worker's
AIVIDEO_CALLBACK_URL is the public address of this application and /webhooks/aivideo.
"""

import os

import uvicorn
from litestar import Litestar, asgi

from aivideo_async import WebhookReceiver, open_store

receiver = WebhookReceiver(open_store(os.environ.get("AIVIDEO_STORE", "sqlite:///shop.db")))

app = Litestar(
    [asgi("/webhooks/aivideo", is_mount=True, copy_scope=True)(receiver.asgi)], on_shutdown=[receiver.aclose]
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8080")), log_level="warning")
