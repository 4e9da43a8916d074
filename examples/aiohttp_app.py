"""An aiohttp application that answers a request when the callback has come.

    POST /videos {"prompt": "a kite over a harbour", "duration": 4}   ->   {"task": "av_…", "url": "https://…"}

The application receives the callbacks itself: AIVIDEO_CALLBACK_URL is its public address and /webhooks/aivideo.
"""

import os
from collections.abc import AsyncIterator

from aiohttp import web

from aivideo_async import Client, InvalidRequestError, TaskFailedError, parse_request

CLIENT = web.AppKey("client", Client)


async def make_video(request: web.Request) -> web.Response:
    try:
        wanted = parse_request({"model": "sora-2", **await request.json()})
        video = await request.app[CLIENT].run(wanted, timeout=1800)
    except InvalidRequestError as error:
        return web.json_response({"error": str(error)}, status=422)
    except TaskFailedError as error:
        return web.json_response({"error": str(error)}, status=502)
    return web.json_response({"task": video.task_id, "url": video.url})


async def client_while_running(app: web.Application) -> AsyncIterator[None]:
    async with app[CLIENT]:
        yield


def make_app() -> web.Application:
    app = web.Application()
    app[CLIENT] = client = Client()
    app.cleanup_ctx.append(client_while_running)
    app.add_routes([web.post("/videos", make_video), *client.receiver.routes("/webhooks/aivideo")])
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int(os.environ.get("PORT", "8080")))
