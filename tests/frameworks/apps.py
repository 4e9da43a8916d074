"""One application per framework, each with the receiver as its users mount it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
from aiohttp import web
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.urls import path
from fastapi import FastAPI
from flask import Flask, Response, request
from litestar import Litestar, asgi
from starlette.applications import Starlette
from starlette.routing import Mount

from aivideo_async import WebhookReceiver, open_store
from aivideo_async.core.models import TaskEvent
from aivideo_async.django_view import callback_view

AsgiApp = Callable[..., Any]
PATH = "/webhooks/aivideo"


def receiver_of(store_url: str) -> WebhookReceiver:
    """A receiver whose handler leaves a file beside the store's, since it may run in another process."""
    receiver = WebhookReceiver(open_store(store_url))
    folder = Path(store_url.removeprefix("sqlite:///")).parent

    @receiver.on("task.completed")
    async def handled(event: TaskEvent) -> None:  # pyright: ignore[reportUnusedFunction] - registered
        (folder / f"handled-{event.record.id}").touch()

    return receiver


def _from_environment() -> WebhookReceiver:
    return receiver_of(os.environ["AIVIDEO_STORE"])


def bare_asgi(receiver: WebhookReceiver) -> AsgiApp:
    """No framework at all."""
    return receiver.asgi


def starlette_app(receiver: WebhookReceiver) -> AsgiApp:
    """Mounted in an application that is mounted in another."""
    inner = Starlette(routes=[Mount("/aivideo", receiver.asgi)])
    return Starlette(routes=[Mount("/webhooks", inner)])


def fastapi_app(receiver: WebhookReceiver) -> AsgiApp:
    """Mounted."""
    app = FastAPI()
    app.mount(PATH, receiver.asgi)
    return app


def litestar_app(receiver: WebhookReceiver) -> AsgiApp:
    """Mounted."""
    return Litestar([asgi(PATH, is_mount=True, copy_scope=True)(receiver.asgi)], logging_config=None)


def django_asgi(receiver: WebhookReceiver) -> AsgiApp:
    """An async view."""
    _configure_django(receiver)
    return get_asgi_application()


def _configure_django(receiver: WebhookReceiver) -> None:
    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"], LOGGING_CONFIG=None)
        django.setup()
    settings.MIDDLEWARE = _MIDDLEWARE
    settings.ROOT_URLCONF = (path("webhooks/aivideo/<id>/<token>", callback_view(receiver)),)


_MIDDLEWARE = [
    f"django.middleware.{name}Middleware" for name in ("security.Security", "common.Common", "csrf.CsrfView")
]


# For gunicorn


def django_wsgi() -> Callable[..., Any]:
    """The same view."""
    _configure_django(_from_environment())
    return get_wsgi_application()


def flask_app() -> Flask:
    """A view of three lines; the receiver is made before gunicorn forks, and first used after that."""
    receiver, app = _from_environment(), Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = receiver.body_limit

    @app.route(f"{PATH}/<id>/<token>", methods=["GET", "POST"])
    def callback(id: str, token: str) -> Response:  # noqa: ARG001  # pyright: ignore[reportUnusedFunction] - a route
        target = request.environ.get("RAW_URI", request.full_path)
        reply = receiver.handle_sync(request.method, target, list(request.headers), request.get_data())
        return Response(reply.body, reply.status, dict(reply.headers))

    return app


async def aiohttp_app() -> web.Application:
    """Routes in an application that somebody else's server runs."""
    app = web.Application(client_max_size=1024)
    app.add_routes(_from_environment().routes(PATH))
    return app
