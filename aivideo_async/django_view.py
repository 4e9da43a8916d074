"""The receiver as a Django view, under ASGI and under WSGI.

::

    urlpatterns = [path("webhooks/aivideo/<id>/<token>", callback_view(receiver))]

Django reads the whole body before it calls a view, however long it is or takes: the server or proxy in front bounds it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Protocol

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from aivideo_async.core.headers import Headers, raw_headers
from aivideo_async.core.models import Reply
from aivideo_async.core.signing import RawHeaders
from aivideo_async.supervise import finish

View = Callable[..., Coroutine[object, object, HttpResponseBase]]


class Receiver(Protocol):
    """What a ``WebhookReceiver`` is to a view."""

    body_limit: int

    async def handle(self, method: str, raw_path: str | bytes, headers: RawHeaders, body: bytes) -> Reply:
        """Answer a callback."""
        ...

    async def after(self, reply: Reply) -> None:
        """What is done once the reply is out."""
        ...

    def handle_sync(self, method: str, raw_path: str | bytes, headers: Headers, body: bytes) -> Reply:
        """Answer a callback where no event loop runs."""
        ...


def callback_view(receiver: Receiver) -> View:
    """The view, for a URL that ends in id and token. It needs no CSRF token, since it checks the callback's own.

    Under WSGI, where Django gives each request an event loop that ends with it, ``receiver.handle_sync`` is used.
    """

    async def view(request: HttpRequest, **_named: str) -> HttpResponseBase:
        method, body = str(request.method), request.read(receiver.body_limit + 1)
        scope = getattr(request, "scope", None)
        if scope is None:
            target = request.META.get("RAW_URI") or request.META.get("REQUEST_URI") or request.get_full_path()
            reply = await asyncio.to_thread(receiver.handle_sync, method, target, list(request.headers.items()), body)
            return HttpResponse(reply.body, status=reply.status, headers=dict(reply.headers))
        target = scope.get("raw_path") or request.get_full_path()
        reply = await receiver.handle(method, target, raw_headers(scope["headers"]), body)
        headers = {**dict(reply.headers), "Content-Length": str(len(reply.body))}
        return StreamingHttpResponse(_then(receiver, reply), status=reply.status, headers=headers)

    view.csrf_exempt = True  # type: ignore[attr-defined]  # what Django's own decorator sets
    return view


async def _then(receiver: Receiver, reply: Reply) -> AsyncGenerator[bytes]:
    """The body, whose length is known to the sender, and then what comes after the reply."""
    yield reply.body
    await finish(receiver.after(reply))  # a sender that has its reply hangs up, and Django would cancel this
