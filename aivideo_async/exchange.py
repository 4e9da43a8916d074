"""One HTTP/1.1 exchange over aiohttp's connections: its pool, TLS, time-outs and parser, without its session.

A session makes a request, a response, cookies and a history of redirects for every exchange, which is most of what an
exchange costs, and none of it is needed here. The head is written once per origin instead, and the caller is told
exactly when the first byte may leave, for new and for reused connections alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from aivideo_async.core.errors import APIConnectionError
from aivideo_async.core.wire import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.streams import StreamReader

BODY_LIMIT = 8 * 2**20
"""No answer of the API comes near this many bytes; a longer one is not read to its end."""

_CHUNK = 64 * 2**10
_IDENTITY = ("", "identity")


class Exchanger:
    """Exchanges with one origin, each on a connection of ``connector`` for itself. Needs a running loop.

    ``headers`` go with every request, before what the origin needs (``Host``). Seconds: ``read`` between two pieces of
    an answer, ``timeout.connect`` for name, TCP and TLS.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        connector: aiohttp.BaseConnector,
        timeout: aiohttp.ClientTimeout,
    ) -> None:
        self._connector = connector
        self._timeout = timeout
        # Never sent: it says whom to connect to, and how aiohttp would write the host and its encodings.
        self._template = aiohttp.ClientRequest("GET", URL(base_url), headers=headers)
        self._path = self._template.url.raw_path.rstrip("/").encode()
        self._head = b" HTTP/1.1\r\n" + _fields(self._template.headers)

    async def exchange(self, request: HttpRequest, on_sent: Callable[[], None]) -> HttpResponse:
        """Send once and give the whole answer, whatever its status. Raises what aiohttp raises, and
        APIConnectionError for an answer that is too long. ``on_sent`` is called just before the first byte.

        Cancelling it closes the connection.
        """
        data = self._written(request)
        connection = await self._connected()
        try:
            protocol = connection.protocol
            assert protocol is not None and protocol.transport is not None  # noqa: S101, PT018 - just connected
            protocol.set_response_params(read_until_eof=True, read_timeout=self._timeout.sock_read)
            on_sent()
            protocol.transport.write(data)
            protocol.start_timeout()
            response = await _answer(protocol)
        except BaseException:
            connection.close()
            raise
        connection.release()
        return response

    def _written(self, request: HttpRequest) -> bytes:
        path = request.path.encode()
        if not path.isascii() or any(sign in path for sign in b" \r\n"):
            raise aiohttp.InvalidURL(request.path)
        parts = [request.method.encode(), b" ", self._path, path, self._head]
        if request.headers is not None:
            parts.append(_fields(request.headers))
        if request.body is not None:
            parts += [b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(request.body), request.body]
        else:
            parts.append(b"\r\n")
        return b"".join(parts)

    async def _connected(self) -> aiohttp.connector.Connection:
        try:
            return await self._connector.connect(self._template, [], self._timeout)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError("connecting took too long") from error


def _fields(headers: Mapping[str, str]) -> bytes:
    fields = [f"{name}: {value}" for name, value in headers.items()]
    if not all(field.isprintable() for field in fields):
        raise ValueError("a header with a line break or another sign that no header has")
    return "".join(f"{field}\r\n" for field in fields).encode()


async def _answer(protocol: ResponseHandler) -> HttpResponse:
    try:
        message, content = await protocol.read()
        while 100 <= message.code < 200 and message.code != 101:
            message, content = await protocol.read()
    except HttpProcessingError as error:
        raise aiohttp.ClientPayloadError("the answer is not HTTP") from error
    length = message.headers.get("Content-Length", "")
    plain = message.headers.get("Content-Encoding", "").lower() in _IDENTITY
    if plain and length.isdigit() and int(length) <= BODY_LIMIT:
        return HttpResponse(message.code, message.headers, await content.read())
    return HttpResponse(message.code, message.headers, await _bounded(content))


async def _bounded(content: StreamReader) -> bytes:
    body = bytearray()
    async for chunk in content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > BODY_LIMIT:
            raise APIConnectionError(f"the answer is longer than {BODY_LIMIT} bytes", sent="maybe")
    return bytes(body)
