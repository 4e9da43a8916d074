"""Answers as HTTP: the service's JSON, the object store's XML, and what faults make of them."""

from __future__ import annotations

import json

from aiohttp import web

from aivideo_async.sandbox.dialect import Answer
from aivideo_async.sandbox.shelf import ShelfError

CUT = web.RequestKey("cut", bool)
"""A request whose connection was cut in place of an answer, or in the middle of it."""
PAGE = "<!DOCTYPE html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1>"


def written(answer: Answer) -> web.Response:
    """An answer as HTTP."""
    body = json.dumps(answer.body, separators=(",", ":"), ensure_ascii=False).encode()
    return web.Response(
        status=answer.status, body=body, headers=answer.headers, content_type="application/json", charset="utf-8"
    )


def spoilt(response: web.Response, answer: Answer) -> web.Response:
    """An answer that is none: a page, or JSON that ends in the middle."""
    if answer.twist == "html":
        return web.Response(text=PAGE, content_type="text/html")
    if answer.twist == "truncated" and isinstance(response.body, bytes):
        response.body = response.body[: len(response.body) // 2]
    return response


def refused(error: ShelfError) -> web.Response:
    """An object store's error, which is XML."""
    inner = f"<Code>{error.code}</Code><Message>{error.message}</Message>"
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'
    headers = {} if error.size is None else {"Content-Range": f"bytes */{error.size}"}
    return web.Response(status=error.status, text=text, headers=headers, content_type="application/xml")
