"""Many videos at once: each is submitted once, and resolved by its own callback.

``serve`` listens on PORT (8080); AIVIDEO_CALLBACK_URL says under which public address the service finds it. One failure
does not end the others: each task group member handles its own.
"""

import asyncio
import os

from aivideo_async import Client, TaskFailedError
from aivideo_async.catalog import Sora2

PROMPTS = ["a paper boat crosses a puddle", "a kite over a harbour", "rain on a greenhouse roof"]


async def one(client: Client, prompt: str) -> None:
    try:
        video = await client.run(Sora2(prompt=prompt, duration=4))
    except TaskFailedError as error:
        print(f"{prompt}: {error}")
        return
    (file,) = await client.download_all(video, "clips")
    print(f"{prompt}: {file.path}")


async def main() -> None:
    port = int(os.environ.get("PORT", "8080"))
    async with Client() as client, client.receiver.serve(port=port), asyncio.TaskGroup() as group:
        for prompt in PROMPTS:
            group.create_task(one(client, prompt))


asyncio.run(main())
