"""What people use today to create a task, as installed and in its fastest documented configuration.

Loaded by name, so that the checkers need none of them. None has telemetry; retries stay as they are, since nothing
fails here.

- httpx: a pool of 100 connections of which 20 are kept; faster: no limits, over aiohttp (``httpx-aiohttp``, from the
  third-party packages that its documentation lists).
- openai: over its own HTTP client; faster: ``openai[aiohttp]`` with ``DefaultAioHttpClient``.
- replicate: ``base_url`` and arguments for its httpx client are documented; faster: ``httpx-aiohttp`` as its transport.
- fal-client: has no setting for its scheme, so its module's constant is set; nothing faster is documented.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from typing import Protocol, cast

import aiohttp

from tests.benchmarks.sending import API_KEY, CALLBACK_URL, MOST_IN_FLIGHT, PROMPT, Sending

Create = Callable[[], Awaitable[object]]
Host = Callable[[str], AbstractAsyncContextManager[Sending]]

CREATE_PATH = "/v1/videos/generations"
HEADERS = {"Authorization": f"Bearer {API_KEY}"}


def create_body() -> dict[str, object]:
    """The body of a create as people write it by hand."""
    return {"model": "sora-2", "prompt": PROMPT, "duration": 8, "size": "1280x720", "callback_url": CALLBACK_URL}


class Peer(Sending):
    """A contender by what it does for one create."""

    may_fail = True

    def __init__(self, create: Create) -> None:
        super().__init__()
        self._create = create

    async def create(self) -> object:
        return await self._create()


@asynccontextmanager
async def bare_aiohttp(url: str) -> AsyncGenerator[Sending]:
    """``aiohttp.ClientSession.post`` with JSON; as many connections as creates in flight, so that all of them are."""
    connector = aiohttp.TCPConnector(limit=MOST_IN_FLIGHT)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as session:

        async def create() -> object:
            async with session.post(url + CREATE_PATH, json=create_body()) as response:
                response.raise_for_status()
                return (await response.json())["data"]["taskId"]

        yield Peer(create)


class _HttpxResponse(Protocol):
    def raise_for_status(self) -> object: ...
    def json(self) -> dict[str, dict[str, object]]: ...


class _Httpx(Protocol):
    async def post(self, url: str, *, json: Mapping[str, object], headers: Mapping[str, str]) -> _HttpxResponse: ...


class _Videos(Protocol):
    async def create(self, *, model: str, prompt: str, seconds: str, size: str) -> object: ...


class _OpenAI(Protocol):
    @property
    def videos(self) -> _Videos: ...


class _Predictions(Protocol):
    async def async_create(
        self,
        *,
        model: str,
        input: Mapping[str, object],  # noqa: A002 - its name there
        webhook: str,
        webhook_events_filter: Sequence[str],
    ) -> object: ...


class _Replicate(Protocol):
    @property
    def predictions(self) -> _Predictions: ...


class _Transport(Protocol):
    async def aclose(self) -> None: ...


class _Fal(Protocol):
    async def submit(self, application: str, arguments: Mapping[str, object], *, webhook_url: str) -> object: ...


def over_aiohttp() -> _Transport:
    """The transport of ``httpx-aiohttp``, without a limit of its own."""
    httpx, bridge = import_module("httpx"), import_module("httpx_aiohttp")
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    return cast("_Transport", bridge.AiohttpTransport(limits=limits))


@asynccontextmanager
async def httpx_default(url: str) -> AsyncGenerator[Sending]:
    """``httpx.AsyncClient()``."""
    async with import_module("httpx").AsyncClient() as client:
        yield _httpx_peer(cast("_Httpx", client), url)


@asynccontextmanager
async def httpx_fast(url: str) -> AsyncGenerator[Sending]:
    """``httpx.AsyncClient`` over aiohttp."""
    async with import_module("httpx").AsyncClient(transport=over_aiohttp()) as client:
        yield _httpx_peer(cast("_Httpx", client), url)


def _httpx_peer(client: _Httpx, url: str) -> Peer:
    async def create() -> object:
        response = await client.post(url + CREATE_PATH, json=create_body(), headers=HEADERS)
        response.raise_for_status()
        return response.json()["data"]["taskId"]

    return Peer(create)


@asynccontextmanager
async def openai_default(url: str) -> AsyncGenerator[Sending]:
    """``AsyncOpenAI().videos.create``."""
    async with import_module("openai").AsyncOpenAI(api_key=API_KEY, base_url=f"{url}/v1") as client:
        yield _openai_peer(cast("_OpenAI", client))


@asynccontextmanager
async def openai_fast(url: str) -> AsyncGenerator[Sending]:
    """``openai[aiohttp]``."""
    openai = import_module("openai")
    transport = openai.DefaultAioHttpClient()
    async with openai.AsyncOpenAI(api_key=API_KEY, base_url=f"{url}/v1", http_client=transport) as client:
        yield _openai_peer(cast("_OpenAI", client))


def _openai_peer(client: _OpenAI) -> Peer:
    return Peer(lambda: client.videos.create(model="sora-2", prompt=PROMPT, seconds="8", size="1280x720"))


@asynccontextmanager
async def replicate_default(url: str) -> AsyncGenerator[Sending]:
    """``replicate.Client().predictions.async_create``."""
    client = import_module("replicate").Client(api_token=API_KEY, base_url=url)
    yield _replicate_peer(cast("_Replicate", client))


@asynccontextmanager
async def replicate_fast(url: str) -> AsyncGenerator[Sending]:
    """The same over aiohttp."""
    transport = over_aiohttp()
    client = import_module("replicate").Client(api_token=API_KEY, base_url=url, transport=transport)
    try:
        yield _replicate_peer(cast("_Replicate", client))
    finally:
        await transport.aclose()  # the client itself has no way to be closed


def _replicate_peer(client: _Replicate) -> Peer:
    wanted = {"prompt": PROMPT, "seconds": 8, "aspect_ratio": "landscape"}
    return Peer(
        lambda: client.predictions.async_create(
            model="openai/sora-2", input=dict(wanted), webhook=CALLBACK_URL, webhook_events_filter=["completed"]
        )
    )


@asynccontextmanager
async def fal(url: str) -> AsyncGenerator[Sending]:
    """``fal_client.AsyncClient().submit``."""
    module = import_module("fal_client.client")
    vars(module)["QUEUE_URL_FORMAT"] = f"{url}/"
    client = cast("_Fal", module.AsyncClient(key="of:the-benchmarks"))
    wanted = {"prompt": PROMPT, "duration": 8, "aspect_ratio": "16:9"}
    yield Peer(lambda: client.submit("fal-ai/sora-2/text-to-video", dict(wanted), webhook_url=CALLBACK_URL))


DEFAULT: Mapping[str, Host] = {
    "httpx": httpx_default,
    "openai": openai_default,
    "fal-client": fal,
    "replicate": replicate_default,
}
FASTEST: Mapping[str, Host] = {
    "httpx over aiohttp": httpx_fast,
    "openai[aiohttp]": openai_fast,
    "replicate over aiohttp": replicate_fast,
}
