"""Every framework gives the same answers to the same bytes, and stores the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from aivideo_async import WebhookReceiver, open_store
from aivideo_async.core.models import TaskStatus
from tests.callbacks import KEY, PATH, SECRET, callback, connected
from tests.doubles import a_record
from tests.frameworks import apps
from tests.frameworks.servers import under_gunicorn, under_hypercorn, under_uvicorn

pytestmark = [pytest.mark.crash, pytest.mark.timeout(120)]

ASGI_APPS = [apps.bare_asgi, apps.starlette_app, apps.fastapi_app, apps.litestar_app, apps.django_asgi]
UNDER_GUNICORN = {
    "flask": ["--preload", "-w", "2", "--threads", "4", "tests.frameworks.apps:flask_app()"],
    "django": ["tests.frameworks.apps:django_wsgi()"],
    "aiohttp": ["-k", "aiohttp.GunicornWebWorker", "tests.frameworks.apps:aiohttp_app"],
}
App = Callable[[WebhookReceiver], apps.AsgiApp]
Server = Callable[[apps.AsgiApp], AbstractAsyncContextManager[int]]


@pytest.fixture
async def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the application finds in its environment; the store holds one task."""
    made = {
        "AIVIDEO_STORE": f"sqlite:///{tmp_path / 'tasks.db'}",
        "AIVIDEO_CALLBACK_KEY": KEY,
        "AIVIDEO_WEBHOOK_SECRET": SECRET,
    }
    for name, value in made.items():
        monkeypatch.setenv(name, value)
    async with open_store(made["AIVIDEO_STORE"]) as store:
        await store.put(a_record())
    return made


@pytest.mark.parametrize("server", [under_uvicorn, under_hypercorn])
@pytest.mark.parametrize("app", ASGI_APPS)
async def test_on_asgi(
    app: Callable[[WebhookReceiver], apps.AsgiApp], server: Server, settings: dict[str, str]
) -> None:
    receiver = apps.receiver_of(settings["AIVIDEO_STORE"])
    async with server(app(receiver)) as port:
        await hold(port, settings["AIVIDEO_STORE"])
    await receiver.aclose()


@pytest.mark.parametrize("framework", UNDER_GUNICORN)
async def test_under_gunicorn(framework: str, settings: dict[str, str]) -> None:
    async with under_gunicorn(*UNDER_GUNICORN[framework], environment=settings) as port:
        await hold(port, settings["AIVIDEO_STORE"])


async def hold(port: int, store: str) -> None:
    """What every application must answer."""
    sent, other = callback("av_1"), callback("av_2")
    handled = Path(store.removeprefix("sqlite:///")).parent / "handled-av_1"
    alias = other.target.replace("av_2", "av%5F2")
    assert await answer(port, sent.raw()) == (200, b"ok\n")
    assert await answer(port, sent.raw(target=f"{sent.target}?a=%2F")) == (200, b"ok\n")
    refused = [
        await answer(port, other.raw(body=other.body + b" ")),
        await answer(port, other.raw(body=b"\xff\x00")),
        await answer(port, other.raw(b"webhook-id: msg_3")),
        await answer(port, other.raw(target=f"{PATH}/av_1/497223.{'A' * 43}")),
        await answer(port, other.raw(target=alias)),
        await answer(port, other.raw(method="GET")),
        await answer(port, other.raw(b"Content-Encoding: gzip")),
    ]
    assert [status for status, _ in refused] == [401, 401, 401, 404, 404, 405, 415]
    assert (await answer(port, callback("av_2", b" " * (256 * 1024 + 1)).raw()))[0] == 413
    while not handled.exists():
        await asyncio.sleep(0.01)
    async with open_store(store) as opened:
        records = await opened.get(("av_1", "av_2"))
    assert {id: record.status for id, record in records.items()} == {"av_1": TaskStatus.COMPLETED}


async def answer(port: int, raw: bytes) -> tuple[int, bytes]:
    """Status and body, on a connection of its own."""
    async with connected(port) as connection:
        status = await connection.asked(raw)
        return status, connection.body
