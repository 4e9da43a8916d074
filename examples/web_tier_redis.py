"""A web tier without the API key, over a Redis that it shares with worker_redis.py. Run as many as you like.

    POST /orders/42 {"prompt": "a kite over a harbour"}   ->   202
    GET  /orders/42                                       ->   {"status": "completed", "url": "https://…"}

Whichever of them a callback reaches, it goes into the store. They need AIVIDEO_STORE (redis://host:6379/0),
AIVIDEO_CALLBACK_KEY (32 random bytes or more, the worker's) and, where callbacks are signed, AIVIDEO_WEBHOOK_SECRET.
Unsigned ones are only hints here, and the worker confirms them.
"""

import json
import os
from collections.abc import AsyncIterator

from aiohttp import web
from redis.asyncio import Redis

from aivideo_async import WebhookReceiver, open_store

URL = os.environ["AIVIDEO_STORE"]


def make_app() -> web.Application:
    store, orders = open_store(URL), Redis.from_url(URL)
    receiver = WebhookReceiver(store)

    async def connected(_app: web.Application) -> AsyncIterator[None]:
        async with store, orders:
            await receiver.check_fingerprint()
            yield

    async def place_order(request: web.Request) -> web.Response:
        order = {"order": request.match_info["order"], "prompt": (await request.json())["prompt"]}
        await orders.lpush("shop:orders", json.dumps(order))
        return web.json_response(order, status=202)

    async def show_order(request: web.Request) -> web.Response:
        key = request.match_info["order"]
        record = (await store.get((key,))).get(key)
        if record is None:
            return web.json_response({"status": "unknown, or not taken by a worker yet"}, status=404)
        return web.json_response({"status": record.status, "url": record.output.url if record.output else None})

    app = web.Application()
    app.cleanup_ctx.append(connected)
    app.add_routes([web.post("/orders/{order}", place_order), web.get("/orders/{order}", show_order)])
    app.add_routes(receiver.routes("/webhooks/aivideo"))
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int(os.environ.get("PORT", "8080")))
