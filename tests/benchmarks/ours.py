"""This package as a contender of the submit rows."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aivideo_async import Client
from aivideo_async.catalog import Sora2
from tests.benchmarks.sending import API_KEY, CALLBACK_URL, MOST_IN_FLIGHT, PROMPT, Sending


class Ours(Sending):
    """``client.submit``: checks, estimate, token, record, and the handle that is awaited later."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client

    async def create(self) -> object:
        return await self._client.submit(Sora2(prompt=PROMPT, duration=8, size="1280x720"))


@asynccontextmanager
async def ours(url: str, store: str = "memory:") -> AsyncGenerator[Ours]:
    """A client with a callback URL, as in production."""
    client = Client(API_KEY, base_url=url, callback_url=CALLBACK_URL, store=store, max_concurrency=MOST_IN_FLIGHT)
    async with client:
        yield Ours(client)
