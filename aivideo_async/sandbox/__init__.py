"""A local AI Video API with real media: the other side of the wire, for demos, development and tests.

::

    async with Sandbox() as sandbox:
        client = Client(api_key=sandbox.api_key, base_url=sandbox.base_url, webhook_secret=sandbox.webhook_secret,
                        time_scale=sandbox.time_scale)

It is written from api.md alone and shares no codec with the client.
"""

from __future__ import annotations

import asyncio
import base64
import math
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Literal, Self, get_args

from aiohttp import web

from aivideo_async.catalog import PRICES, PriceBook
from aivideo_async.core.addresses import host_names, is_loopback
from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox.clock import Clock
from aivideo_async.sandbox.controls import Controls
from aivideo_async.sandbox.delivery import Courier
from aivideo_async.sandbox.depot import Depot
from aivideo_async.sandbox.dialect import AS_WRITTEN, BodyForms, Dialect
from aivideo_async.sandbox.durations import Durations
from aivideo_async.sandbox.engine import Engine
from aivideo_async.sandbox.faults import Faults
from aivideo_async.sandbox.keeping import Secrets
from aivideo_async.sandbox.keys import DEFAULT_KEY, ApiKey
from aivideo_async.sandbox.ledger import Posting
from aivideo_async.sandbox.listening import bound, listening
from aivideo_async.sandbox.media import Render, Studio
from aivideo_async.sandbox.records import CallbackAttempt, RequestEntry, SandboxTask
from aivideo_async.sandbox.resuming import Resumption
from aivideo_async.sandbox.scenarios import (
    Changed,
    Delay,
    DropConnection,
    DuplicateCallback,
    EarlyCallback,
    ExpiredUrl,
    Fail,
    ForgeCallback,
    HtmlAnswer,
    LateCallback,
    LoseCallback,
    RateLimit,
    RedirectPrivate,
    ReorderCallback,
    Scenario,
    ServerError,
    ShortBody,
    SlowAnswer,
    StaleCallback,
    TruncatedAnswer,
)
from aivideo_async.sandbox.server import CONSOLE, Server
from aivideo_async.sandbox.shelf import Shelf
from aivideo_async.sandbox.state import FILES
from aivideo_async.supervise import Supervisor

__all__ = [
    "ApiKey",
    "CallbackAttempt",
    "Changed",
    "Clock",
    "Delay",
    "Dialect",
    "DropConnection",
    "DuplicateCallback",
    "EarlyCallback",
    "ExpiredUrl",
    "Fail",
    "Faults",
    "ForgeCallback",
    "HtmlAnswer",
    "LateCallback",
    "LoseCallback",
    "Posting",
    "RateLimit",
    "RedirectPrivate",
    "ReorderCallback",
    "RequestEntry",
    "Sandbox",
    "SandboxTask",
    "Scenario",
    "ServerError",
    "ShortBody",
    "SlowAnswer",
    "StaleCallback",
    "TruncatedAnswer",
]

Profile = Literal["signed", "documented"]
DAY = 86_400


class Sandbox(Controls):
    """A local AI Video API on ``base_url``, an async context manager.

    - ``profile``: ``"signed"`` signs callbacks by Standard Webhooks v1, ``"documented"`` signs nothing, as the hosted
      service today.
    - ``speed``: every span of the service's time is divided by it; moments, URL lifetimes and ``Retry-After`` are real.
    - ``port``: 0 takes a free one. ``credits``: the balance to begin with. ``api_key``: drawn where it is ``None``.
    - ``seed``: makes ids, keys, durations and pictures the same in every run; give it no durable store then.
    - ``render``: ``"cached"`` hands out small files of another size and length, at once and without the ``sandbox``
      extra, and does not fetch input images; metadata still say what was asked for.
    - ``body_forms``: which create bodies are taken, to try a client's second choice.
    - ``dialect``: where its answers are otherwise than we read the pages of the hosted service.
    - ``console``: a page at ``console_url`` that shows tasks, callbacks, requests and credits, and tries requests.
    - ``url_lifetime``: seconds until a result's URL dies. ``clock``: unix seconds.
    - ``durations``: ``"prompt"`` tasks never take longer than is usual, ``"realistic"`` ones take as long as the
      service's, stragglers included.
    - ``host``: whatever is not loopback has a ``token`` that the console asks for, drawn where it is ``None``.
      ``hosts``: names that lead here, besides addresses and ``localhost``; any other ``Host`` is refused. Where it
      listens on every address the first of them is in the URLs of results.
    - ``state``: a folder where everything is kept, for the next sandbox that is given it; ``credits`` is for the first,
      and faults that are set before entering are set over those that were kept. ``reset_state`` empties it first.

    Its state stays readable after leaving, and it may be entered again; its files are gone then unless it has a
    ``state``, since they are in a temporary folder. Raises ConfigurationError for settings that
    make no sense, and on entering when ``render="real"`` lacks the extra, or the state cannot be had.
    """

    def __init__(
        self,
        *,
        profile: Profile = "signed",
        speed: float = 60.0,
        host: str = "127.0.0.1",
        port: int = 0,
        credits: int | Decimal = 10_000,  # noqa: A002 - credits is the word of this package
        api_key: str | None = None,
        seed: int | None = None,
        render: Render = "real",
        body_forms: BodyForms = "both",
        dialect: Dialect = AS_WRITTEN,
        console: bool = False,
        url_lifetime: int = DAY,
        prices: PriceBook = PRICES,
        clock: Callable[[], float] = time.time,
        durations: Durations = "prompt",
        token: str | None = None,
        hosts: Sequence[str] = (),
        state: str | Path | None = None,
        reset_state: bool = False,
    ) -> None:
        if not (math.isfinite(speed) and speed > 0 and url_lifetime > 0 and credits >= 0):
            raise ConfigurationError("speed and url_lifetime must be above zero, credits not below")
        for value, allowed in ((profile, Profile), (render, Render), (body_forms, BodyForms), (durations, Durations)):
            if value not in get_args(allowed):
                raise ConfigurationError(f"{value!r} must be one of {', '.join(get_args(allowed))}")
        draw = Random(secrets.randbits(128) if seed is None else seed)  # noqa: S311 - a local service's ids and keys
        self.api_key: str = api_key or f"sk-{draw.randbytes(24).hex()}"
        self._secret = draw.randbytes(32) if profile == "signed" else None
        self.time_scale = speed
        self._base_url: str | None = None
        self._host, self._port, self._wall = host, port, clock
        self._hosts = host_names(hosts)
        self.token: str | None = token or (None if is_loopback(host) else secrets.token_urlsafe())
        self._render: Render = render
        self._console, self._forms = console, body_forms
        shelf = Shelf(draw.randbytes(32), lifetime=url_lifetime)
        engine = Engine(
            shelf=shelf, prices=prices, draw=draw, speed=speed, forms=body_forms, dialect=dialect, lasting=durations
        )
        super().__init__(engine, Clock(clock, speed=speed))
        self._engine.open_account(self.api_key, Decimal(credits), name=DEFAULT_KEY, now=clock())
        self._stack: AsyncExitStack | None = None
        self._state = None if state is None else Resumption(Path(state), reset=reset_state, seed=seed)
        self._depot = Depot(None if state is None else Path(state) / FILES)
        self._own_key = api_key is not None

    async def __aenter__(self) -> Self:
        """Bind, load, serve. Cancelling it leaves nothing running."""
        async with AsyncExitStack() as stack:
            listener, self._base_url = bound(self._host, self._port)
            self._engine.shelf.base_url = self._base_url
            stack.enter_context(listener)
            keeper = None if self._state is None else await self._state.begin(self, stack)
            await self._have_files(stack)
            studio = Studio(self._render, self._depot)
            await studio.open()
            prefix = self._engine.dialect.callback_prefix
            courier = await stack.enter_async_context(Courier(secret=self._secret, clock=self._wall, prefix=prefix))
            supervisor = Supervisor("aivideo-sandbox")
            await supervisor.start()
            stack.push_async_callback(supervisor.stop)
            server = Server(
                self._engine, studio=studio, courier=courier, supervisor=supervisor, clock=self.clock.now,
                hosts=self._hosts, keeper=keeper, depot=self._depot,
            )  # fmt: skip
            app = server.app()
            if self._console:
                app.add_subapp(CONSOLE, self._pages(server))
            await stack.enter_async_context(listening(app, listener, server.malformed))
            stack.callback(server.close)
            self._listen_to_clock(server, stack)
            server.take_up()
            if keeper is not None:
                supervisor.spawn(keeper.run)
            server.halt(stopped=self.clock.paused)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop at once: what is being rendered or delivered is dropped."""
        stack, self._stack = self._stack, None
        if stack is not None:
            await stack.aclose()

    @property
    def base_url(self) -> str:
        """Where it is served, without a slash at the end. Raises ConfigurationError before it was entered."""
        if self._base_url is None:
            raise ConfigurationError("the sandbox has no address before it is entered")
        return self._base_url

    @property
    def console_url(self) -> str | None:
        """Where the console is, if there is one; off loopback with the token that it needs.

        Raises ConfigurationError before it was entered.
        """
        token = "" if self.token is None else f"?token={self.token}"
        return f"{self.base_url}{CONSOLE}/{token}" if self._console else None

    @property
    def webhook_secret(self) -> str | None:
        """The secret of its signatures (``whsec_…``); ``None`` in the documented profile."""
        return None if self._secret is None else f"whsec_{base64.b64encode(self._secret).decode()}"

    def environment(self) -> dict[str, str]:
        """The settings with which a client finds this sandbox, by the names of their environment variables."""
        settings = {
            "AIVIDEO_API_KEY": self.api_key,
            "AIVIDEO_BASE_URL": self.base_url,
            "AIVIDEO_TIME_SCALE": f"{self.time_scale:g}",
        }
        secret = self.webhook_secret
        return settings if secret is None else {**settings, "AIVIDEO_WEBHOOK_SECRET": secret}

    def identity(self) -> Secrets:
        """What it needs to go on as itself elsewhere; all of it is secret."""
        webhook = "" if self._secret is None else self._secret.hex()
        shelf = self._engine.shelf
        return Secrets(api_key=self.api_key, webhook=webhook, shelf=shelf.secret.hex(), base_url=shelf.base_url)

    def resume_as(self, found: Secrets) -> None:
        """Go on as the sandbox that this was; an ``api_key`` that was given stays, and is the default key's now.

        That key is let in, also if it was disabled before: it is what the exports name.
        """
        self._engine.keys.switch(DEFAULT_KEY, on=True)
        if self._own_key and found.api_key != self.api_key:
            self._engine.keys.replace(DEFAULT_KEY, self.api_key)
        else:
            self.api_key = found.api_key
        if self._secret is not None and found.webhook:
            self._secret = bytes.fromhex(found.webhook)
        self._engine.shelf.secret = bytes.fromhex(found.shelf)

    def _listen_to_clock(self, server: Server, stack: AsyncExitStack) -> None:
        loop = asyncio.get_running_loop()
        for told in self.clock, self._engine.faults:
            told.listener = lambda: _call(loop, lambda: server.halt(stopped=self.clock.paused))
            stack.callback(setattr, told, "listener", lambda: None)

    async def _have_files(self, stack: AsyncExitStack) -> None:
        if self._state is None:
            stack.callback(self._engine.lose_files)
        held = [*self._engine.shelf.contents(), *self._engine.results.contents()]
        await stack.enter_async_context(self._depot.opened(held))

    def _pages(self, server: Server) -> web.Application:
        from aivideo_async.console import Console, subapp
        from aivideo_async.console.engine_source import Doer, EngineSource
        from aivideo_async.console.guard import ANY_HOST

        doer = Doer(create=server.create, resend=server.resend, wake=server.wake)
        source = EngineSource(
            self._engine, key=lambda: self.api_key, account=DEFAULT_KEY, clock=self.clock, doer=doer, forms=self._forms
        )
        return subapp(Console(source, hosts=() if self.token is None else (ANY_HOST,), token=self.token))


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    """Run it in the loop, whichever thread this is; not at all when the loop has ended meanwhile."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(function)
