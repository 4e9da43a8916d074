"""Answers as HTTP: the service's JSON, the object store's XML, and what faults make of them."""

from __future__ import annotations

import json

from aiohttp import web

from aivideo_async.sandbox.dialect import Answer, failure
from aivideo_async.sandbox.shelf import ShelfError

CUT = web.RequestKey("cut", bool)
"""A request whose connection was cut in place of an answer, or in the middle of it."""
HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "request_too_large"}
PAGE = "<!DOCTYPE html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1>"


def written(answer: Answer) -> web.Response:
    """An answer as HTTP."""
    body = json.dumps(answer.body, separators=(",", ":"), ensure_ascii=False).encode()
    return web.Response(
        status=answer.status, body=body, headers=answer.headers, content_type="application/json", charset="utf-8"
    )


def of_exception(error: web.HTTPException, request: web.Request) -> Answer:
    """What aiohttp answers by itself, in the service's words."""
    headers = (("Allow", error.headers["Allow"]),) if "Allow" in error.headers else ()
    message = f"{error.reason}: {request.method} {request.path[:200]}"
    return failure(HTTP_CODES.get(error.status, "invalid_request"), message, status=error.status, headers=headers)


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
