"""A web server without the API key and a worker that has it: two processes of one host, over one SQLite file.

    PORT=8080 python two_processes_sqlite.py web
    python two_processes_sqlite.py worker

    POST /orders/42 {"prompt": "a kite over a harbour"}   ->   202
    GET  /orders/42                                       ->   {"status": "completed", "url": "https://…"}

Both need AIVIDEO_STORE (sqlite:///shop.db, not on a network file system) and AIVIDEO_CALLBACK_KEY, the worker also
AIVIDEO_API_KEY and AIVIDEO_CALLBACK_URL. Orders wait as files in a folder until their task is recorded. Kill either
process at any moment and start it again: an order is its task's key, so it is paid for once.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator

from aiohttp import web
from anyio import Path

from aivideo_async import (
    AIVideoError,
    APIConnectionError,
    Client,
    RateLimitError,
    StoreError,
    WebhookReceiver,
    open_store,
)
from aivideo_async.catalog import Sora2

ORDERS = Path("orders")


def make_app() -> web.Application:
    store = open_store(os.environ["AIVIDEO_STORE"])
    receiver = WebhookReceiver(store)

    async def connected(_app: web.Application) -> AsyncIterator[None]:
        async with store:
            await receiver.check_fingerprint()
            yield

    async def place_order(request: web.Request) -> web.Response:
        draft = ORDERS / f"{request.match_info['order']}.new"
        await ORDERS.mkdir(exist_ok=True)
        await draft.write_text((await request.json())["prompt"])
        await draft.replace(draft.with_suffix(".order"))
        return web.json_response({"order": draft.stem}, status=202)

    async def show_order(request: web.Request) -> web.Response:
        key = request.match_info["order"]
        record = (await store.get((key,))).get(key)
        if record is None:
            return web.json_response({"status": "unknown, or not taken by the worker yet"}, status=404)
        return web.json_response({"status": record.status, "url": record.output.url if record.output else None})

    app = web.Application()
    app.cleanup_ctx.append(connected)
    app.add_routes([web.post(r"/orders/{order:\w+}", place_order), web.get(r"/orders/{order:\w+}", show_order)])
    app.add_routes(receiver.routes("/webhooks/aivideo"))
    return app


async def take_orders(client: Client) -> None:
    while True:
        async for file in ORDERS.glob("*.order"):
            try:
                task = await client.submit(Sora2(prompt=await file.read_text(), duration=4), key=file.stem)
                print(f"{file.stem} is {task.id}", flush=True)
            except (StoreError, APIConnectionError, RateLimitError):
                raise  # nothing was sent, and the order is still in the folder
            except AIVideoError as error:  # refused; or in doubt, and then its callback settles it
                print(f"{file.stem}: {error}", flush=True)
            await file.unlink()
        await asyncio.sleep(0.5)


async def bill(client: Client) -> None:
    async for event in client.events(group="billing"):
        print(f"bill {event.record.key}: {event.name}", flush=True)


async def work() -> None:
    async with Client() as client, asyncio.TaskGroup() as group:
        async for task in client.unfinished():
            print(f"{task.record.key} goes on as {task.id}", flush=True)
        group.create_task(bill(client))
        group.create_task(take_orders(client))


if __name__ == "__main__":
    if sys.argv[1] == "web":
        web.run_app(make_app(), host="127.0.0.1", port=int(os.environ.get("PORT", "8080")))
    else:
        asyncio.run(work())
