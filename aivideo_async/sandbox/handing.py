"""Result files as HTTP: what the desk hands out, read from the depot piece by piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from aiohttp import web

from aivideo_async.sandbox.answers import CUT, refused
from aivideo_async.sandbox.depot import Depot
from aivideo_async.sandbox.files import FileDesk, Handout
from aivideo_async.sandbox.shelf import ShelfError, no_such_key

PIECE = 256 * 1024
"""Bytes of a file that are in memory at once while it is handed out."""


async def handed_out(request: web.Request, desk: FileDesk, depot: Depot, now: float) -> web.StreamResponse:
    """The answer to a GET of a file at ``now`` (unix seconds), sent as far as it is to be sent."""
    wanted, if_range = request.headers.get("Range"), request.headers.get("If-Range")
    try:
        handout = desk.hand_out(request.path, dict(request.query), now, wanted=wanted, if_range=if_range)
        async with aclosing(pieces_of(handout, depot)) as pieces:
            first = await anext(pieces, b"")
            return await _sent(request, handout, first, pieces)
    except ShelfError as error:
        return refused(error)


async def _sent(
    request: web.Request, handout: Handout, first: bytes, pieces: AsyncGenerator[bytes]
) -> web.StreamResponse:  # fmt: skip
    response = web.StreamResponse(status=handout.status, headers=handout.headers)
    response.content_length, response.content_type = handout.length, handout.content_type
    if handout.modified is not None:
        response.last_modified = handout.modified
    sent = len(first)
    with suppress(ConnectionError):  # a browser that has seen enough of a clip hangs up
        await response.prepare(request)
        await response.write(first)
        async for piece in pieces:
            await response.write(piece)
            sent += len(piece)
    if sent < handout.length and request.transport is not None:
        request[CUT] = True
        request.transport.close()
    return response


async def pieces_of(handout: Handout, depot: Depot, most: int = PIECE) -> AsyncGenerator[bytes]:
    """The body of a handout, ``most`` bytes at a time; it ends early where the file was cut short or taken away.

    Raises ShelfError where it was gone before the first piece. Cancelling it changes nothing.
    """
    for number, (first, size) in enumerate(handout.pieces(most)):
        try:
            piece = b"" if handout.content is None else await depot.read(handout.content, first, size)
        except FileNotFoundError:
            if number == 0:
                raise no_such_key() from None
            return
        yield piece[::-1] if handout.mirrored else piece
        if len(piece) < size:
            return
