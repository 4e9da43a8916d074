"""One request to a URL that the user named: sent byte for byte, not repeated, not redirected, without any key of ours.

What forwards a callback, replays one, or looks at a receiver from outside goes out here.
"""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from multidict import CIMultiDict
from yarl import URL

from aivideo_async.core.errors import ClientClosedError, InvalidRequestError
from aivideo_async.core.signing import RawHeaders
from aivideo_async.core.wire import is_web_url
from aivideo_async.transport import FOREIGN_ERRORS, Timeouts, connection_error, open_session

if TYPE_CHECKING:
    import aiohttp

ANSWER_LIMIT = 64 * 2**10
"""So many bytes of an answer are read; what comes after them interests nobody here."""

_BY_HOP = frozenset(
    name.encode()
    for name in (
        *("host", "content-length", "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"),
        *("proxy-connection", "proxy-authenticate", "proxy-authorization", "expect"),
    )
)
"""Headers of one connection, not of what it carries: the next one has its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: ``headers`` with lower-case names, the beginning of the body, and how many seconds it took."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    seconds: float

    def header(self, name: str) -> str | None:
        """The first header of this lower-case name."""
        return next((value for found, value in self.headers if found == name), None)


class Poster:
    """Sends requests over a session of its own, open between entering and leaving.

    ``within`` bounds a whole request, in seconds. ``tls`` is whom to trust, by default whom the machine trusts.
    """

    def __init__(self, *, within: float, tls: ssl.SSLContext | None = None) -> None:
        self._within = within
        self._tls: ssl.SSLContext | bool = True if tls is None else tls
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeouts = Timeouts(connect=self._within, read=self._within, total=self._within)
        self._session = open_session(timeouts, total=self._within, decompress=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(self, url: str, headers: RawHeaders, body: bytes, *, method: str = "POST") -> Answer:
        """Send once. Headers that belong to one connection are left out, all others go as they are.

        Raises InvalidRequestError for what is no web URL, APIConnectionError when no answer came, which names neither
        path nor query. Cancelling it closes the connection; what was sent stays sent.
        """
        if self._session is None:
            raise ClientClosedError("the poster is not open")
        if not is_web_url(url):
            raise InvalidRequestError("not an http or https URL")
        began = time.perf_counter()
        try:
            async with self._session.request(
                method,
                URL(url, encoded=True),
                data=body if body or method == "POST" else None,
                headers=_passed_on(headers),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
                allow_redirects=False,
                ssl=self._tls,
            ) as response:
                found = tuple((name.lower(), value) for name, value in response.headers.items())
                start = await _beginning(response)
        except FOREIGN_ERRORS as error:
            failure = connection_error(error, sent=True)
        else:
            return Answer(status=response.status, headers=found, body=start, seconds=time.perf_counter() - began)
        failure.hint = None
        raise failure


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) >= ANSWER_LIMIT:
            break
    return bytes(body[:ANSWER_LIMIT])


def _passed_on(headers: RawHeaders) -> CIMultiDict[str]:
    kept = [(name, value) for name, value in headers if name.lower() not in _BY_HOP]
    # aiohttp writes headers as UTF-8; what is none would not arrive as it came, and no signature has such.
    return CIMultiDict((name.decode("latin-1"), value.decode("utf-8", "backslashreplace")) for name, value in kept)
