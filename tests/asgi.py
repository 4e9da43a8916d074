"""An ASGI server of a few lines."""

from __future__ import annotations

import asyncio

from aivideo_async.asgi import Message


class AsgiServer:
    """The server's side of one call: messages to be received, then silence, and what was sent."""

    def __init__(self, *messages: Message) -> None:
        self.messages = list(messages)
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        if not self.messages:
            await asyncio.Event().wait()
        return self.messages.pop(0)

    async def send(self, message: Message) -> None:
        self.sent.append(message)
