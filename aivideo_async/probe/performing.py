"""A whole probe: settings checked, ways opened, steps taken, everything written down, whatever ends it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import SecretStr

from aivideo_async import mounting, settings
from aivideo_async.catalog import PRICES, PriceBook
from aivideo_async.core.errors import InvalidRequestError
from aivideo_async.probe.findings import Findings
from aivideo_async.probe.folder import Folder
from aivideo_async.probe.journal import Journal
from aivideo_async.probe.listening import Listener
from aivideo_async.probe.orders import Order, orders
from aivideo_async.probe.purse import Purse
from aivideo_async.probe.redaction import CALLBACK_HOST, Redactor
from aivideo_async.probe.running import Pace, Run, Wiring
from aivideo_async.probe.sending import Sender, head
from aivideo_async.transport import AiohttpTransport

NOBODYS_KEY = "sk-aivideo-probe-no-such-key"
BURST_CONNECTIONS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a probe was told, checked. ``listen_on`` is where callbacks are received: host and port."""

    base_url: settings.BaseUrl
    api_key: SecretStr
    callback_base: str | None
    limit: Decimal
    listen_on: tuple[str, int]
    orders: Sequence[Order]
    book: PriceBook
    pace: Pace = field(default_factory=Pace)

    @classmethod
    def from_environment(
        cls, *, limit: Decimal, host: str = "127.0.0.1", port: int = 8080, book: PriceBook = PRICES
    ) -> Self:
        """By AIVIDEO_API_KEY, AIVIDEO_BASE_URL, AIVIDEO_CALLBACK_URL and AIVIDEO_TIME_SCALE.

        Raises ConfigurationError, and InvalidRequestError for a limit that is none.
        """
        if not limit.is_finite() or limit < 0:
            raise InvalidRequestError("--max-credits must be a number from 0 on")
        base_url = settings.BaseUrl.parse(None)
        return cls(
            base_url=base_url,
            api_key=settings.required_api_key(None),
            callback_base=settings.callback_base(None, service=base_url, allow_insecure=False),
            limit=limit,
            listen_on=(host, port),
            orders=orders(book),
            book=book,
            pace=Pace(scale=settings.time_scale(None)),
        )

    @property
    def listens(self) -> bool:
        """Whether callbacks can come: to the setting, or on this machine where the service is on it too."""
        return self.callback_base is not None or self.base_url.loopback

    def plan(self) -> list[tuple[Order, bool]]:
        """Every order, and whether it will fit if all before it cost what the price book says."""
        left, planned = self.limit, list[tuple[Order, bool]]()
        for order in self.orders:
            fits = order.worst * order.times <= left
            planned.append((order, fits))
            left -= order.price * order.times if fits else 0
        return planned

    def journal(self, path: Path) -> Journal:
        """A journal in a new or empty folder. Blocks. Raises InvalidRequestError and OSError."""
        redactor = Redactor([self.api_key.get_secret_value(), NOBODYS_KEY])
        if self.callback_base is not None:
            redactor.hide(urlsplit(self.callback_base).netloc, CALLBACK_HOST)
        models = {order.step: order.request.model for order in self.orders}
        found = Findings(time_scale=self.pace.scale)
        return Journal(Folder.ready(path), found=found, purse=Purse(self.limit), redactor=redactor, models=models)


async def perform(
    setup: Setup, journal: Journal, *, say: Callable[[str], None], clock: Callable[[], float] = time.time
) -> None:
    """Take every step. Raises the error that the first answer is where the key is refused, and OSError when it cannot
    listen or write. Cancelled, it writes down what was seen and spent, and then is cancelled.
    """
    state = "failed"
    try:
        async with AsyncExitStack() as stack:
            ways = partial(AiohttpTransport, setup.base_url.url, connections=BURST_CONNECTIONS)
            transport = await stack.enter_async_context(ways(setup.api_key))
            stranger = await stack.enter_async_context(ways(SecretStr(NOBODYS_KEY)))
            listener, base = await stack.enter_async_context(_listening(setup, journal, clock))
            wiring = Wiring(
                sender=Sender(transport, journal.found, journal.exchanged, clock=clock),
                stranger=stranger,
                head=partial(head, private=setup.base_url.loopback),
                listener=listener,
                callback_url=lambda step: None if listener is None else f"{base}/{listener.target(step)}",
                checkpoint=journal.checkpoint,
                say=say,
                clock=clock,
            )
            await Run(wiring, setup.orders, found=journal.found, purse=journal.purse, pace=setup.pace).run()
            state = "done"
    except asyncio.CancelledError:
        state = "interrupted"
        raise
    finally:
        await journal.close(state)


@asynccontextmanager
async def _listening(
    setup: Setup, journal: Journal, clock: Callable[[], float]
) -> AsyncGenerator[tuple[Listener | None, str]]:
    if not setup.listens:
        yield None, ""
        return
    listener = Listener(journal.arrived, clock=clock)
    host, port = setup.listen_on if setup.callback_base is not None else ("127.0.0.1", 0)
    path = urlsplit(setup.callback_base).path if setup.callback_base is not None else settings.DEFAULT_PATH
    async with mounting.listening(listener, host, port, path) as server:
        yield listener, setup.callback_base or server.url
