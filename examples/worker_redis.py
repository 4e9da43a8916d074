"""The worker behind web_tier_redis.py: it has the API key, takes orders from their queue, and bills what has ended.

Kill it at any moment and start it again, or run several. An order stays in the queue until its task is recorded, and it
is the task's key: submitted again, it is the same task, and paid for once.

It needs AIVIDEO_API_KEY, AIVIDEO_CALLBACK_URL (the public address of the web tier and /webhooks/aivideo), and
AIVIDEO_STORE and AIVIDEO_CALLBACK_KEY as the web tier has them.
"""

import asyncio
import json
import os

from redis.asyncio import Redis

from aivideo_async import AIVideoError, APIConnectionError, Client, RateLimitError, StoreError
from aivideo_async.catalog import Sora2


async def take_orders(client: Client, queue: Redis) -> None:
    # What was begun before a restart, or is by another worker right now: no matter.
    begun = await queue.lrange("shop:orders-begun", 0, -1)
    while True:
        order = begun.pop() if begun else await queue.blmove("shop:orders", "shop:orders-begun", 1)
        if order is not None:
            await submit(client, **json.loads(order))
            await queue.lrem("shop:orders-begun", 1, str(order))


async def submit(client: Client, order: str, prompt: str) -> None:
    try:
        task = await client.submit(Sora2(prompt=prompt, duration=4), key=order)
        print(f"{order} is {task.id}", flush=True)
    except (StoreError, APIConnectionError, RateLimitError):
        raise  # nothing was sent, and the order is still in the queue
    except AIVideoError as error:  # refused; or in doubt, and then its callback settles it
        print(f"{order}: {error}", flush=True)


async def bill(client: Client) -> None:
    async for event in client.events(group="billing"):
        print(f"bill {event.record.key}: {event.name}", flush=True)


async def main() -> None:
    queue = Redis.from_url(os.environ["AIVIDEO_STORE"], decode_responses=True)
    async with Client() as client, queue, asyncio.TaskGroup() as group:
        async for task in client.unfinished():
            print(f"{task.record.key} goes on as {task.id}", flush=True)
        group.create_task(bill(client))
        group.create_task(take_orders(client, queue))


asyncio.run(main())
