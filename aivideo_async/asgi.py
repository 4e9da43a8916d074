"""What our ASGI applications have in common: the types of messages, and what becomes of what is no request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping

Message = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def is_request(scope: Message, receive: Receive, send: Send) -> bool:
    """Whether an HTTP request is to be answered; else it is done: a lifespan in which nothing happens here is over, a
    websocket closed.
    """
    if scope["type"] == "lifespan":
        stage: object = None
        while stage != "lifespan.shutdown":
            stage = (await receive())["type"]
            await send({"type": f"{stage}.complete"})
    elif scope["type"] != "http":
        await send({"type": "websocket.close"})
    return scope["type"] == "http"
