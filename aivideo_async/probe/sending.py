"""One request of a probe at a time: sent once, kept whole, written down at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from urllib.parse import urlsplit

from aivideo_async.core import wire
from aivideo_async.core.addresses import is_public
from aivideo_async.core.errors import AIVideoError, APIConnectionError
from aivideo_async.core.refusals import HttpResponse
from aivideo_async.core.wire import HttpRequest
from aivideo_async.probe.findings import Exchange, Findings
from aivideo_async.transport import FOREIGN_ERRORS, Timeouts, Transport, open_session

Note = Callable[[Exchange], Awaitable[None]]
Head = Callable[[str], Awaitable[int | None]]

HEAD_SECONDS = 20.0


class Sender:
    """Sends by a transport and adds every exchange to the findings; ``note`` writes it down."""

    def __init__(self, transport: Transport, found: Findings, note: Note, *, clock: Callable[[], float]) -> None:
        self._transport = transport
        self._found = found
        self._note = note
        self._clock = clock

    async def send(self, label: str, request: HttpRequest, *, by: Transport | None = None) -> Exchange:
        """Send once and never again; what came of it, an answer or none. Raises OSError when it cannot be noted."""
        at, own = self._clock(), [] if request.body is None else [("Content-Type", "application/json")]
        headers = [("Authorization", "Bearer"), *own, *(request.headers or {}).items()]
        status, answered, body, error, sent = None, [], b"", None, True
        try:
            response = await (by or self._transport).send(request)
            status, answered, body = response.status, list(response.headers.items()), response.body
        except APIConnectionError as failure:
            error, sent = failure.message, failure.sent != "no"
        exchange = Exchange(
            label=label, at=at, method=request.method, path=request.path, request_headers=headers,
            request_body=request.body, status=status, headers=answered, body=body, error=error, sent=sent,
        )  # fmt: skip
        await self.add(exchange)
        return exchange

    async def add(self, exchange: Exchange) -> None:
        """Keep an exchange and write it down."""
        self._found.exchanges.append(exchange)
        await self._note(exchange)

    async def balance(self, label: str) -> Decimal | None:
        """The balance, or ``None`` where it cannot be read."""
        exchange = await self.send(f"{label}.credits", wire.credits_request())
        try:
            return balance_in(exchange)
        except AIVideoError:
            return None


def balance_in(exchange: Exchange) -> Decimal:
    """The balance that an answer tells. Raises the error that it is."""
    if exchange.status is None:
        raise APIConnectionError(exchange.error or "no answer", sent="maybe")
    headers = {name.lower(): value for name, value in exchange.headers}
    return wire.read_credits(HttpResponse(exchange.status, headers, exchange.body), now=exchange.at).balance


async def head(url: str, *, private: bool) -> int | None:
    """The status of a HEAD request without any key; ``None`` where there is no answer, or its host is not public.

    ``private`` lets hosts pass that are not public: for a service on loopback.
    """
    if not private and not is_public(urlsplit(url).hostname or ""):
        return None
    try:
        async with (
            open_session(Timeouts(), total=HEAD_SECONDS) as session,
            session.head(url, allow_redirects=False) as response,
        ):
            return response.status
    except FOREIGN_ERRORS:
        return None
