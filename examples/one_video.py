"""One video: submit, await, download.

Settings come from the environment: AIVIDEO_API_KEY, and AIVIDEO_CALLBACK_URL where callbacks can reach you. Without one
the same ``await`` polls adaptively, which is what a laptop behind a router needs.
"""

import asyncio

from aivideo_async import Client
from aivideo_async.catalog import Sora2


async def main() -> None:
    request = Sora2(prompt="A realistic handheld shot of a city cafe at sunrise", duration=8)
    async with Client() as client:
        print(f"estimated: {client.estimate(request).high} credits")
        video = await client.run(request)
        file = await client.download(video, "cafe.mp4")
        print(f"{file.path}: {file.bytes} bytes")


asyncio.run(main())
