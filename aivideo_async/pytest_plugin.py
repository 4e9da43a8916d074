"""Fixtures for tests of applications that use this package; pytest finds them by itself.

``aivideo_sandbox`` is a local AI Video API in a thread of its own, ``aivideo_client`` a client of it that is not open
yet::

    async def test_my_app(aivideo_sandbox, aivideo_client):
        aivideo_sandbox.enqueue(Fail(message="sensitive"))
        async with aivideo_client as client:
            ...

By default the sandbox hands out small cached files, which needs no extra, and an hour of the service is a second. The
marker ``aivideo_sandbox`` takes the keyword arguments of ``aivideo_async.sandbox.Sandbox``, among them real rendering::

    @pytest.mark.aivideo_sandbox(render="real", profile="documented", speed=60)

``aivideo_async.store_contract`` holds the tests of a store, for a store of your own.

This module is imported whenever pytest starts, so it imports the package inside of the fixtures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

import pytest

if TYPE_CHECKING:
    from aivideo_async.client import Client
    from aivideo_async.sandbox import Sandbox

pytest.register_assert_rewrite("aivideo_async.store_contract")  # by its name: whoever has a store imports it

MARKER = "aivideo_sandbox"
SPEED = 3600.0
SETTINGS = (
    *("AIVIDEO_CALLBACK_URL", "AIVIDEO_CALLBACK_KEY", "AIVIDEO_STORE"),
    *("AIVIDEO_WEBHOOK_SECRET", "AIVIDEO_WEBHOOK_SCHEME"),
)
"""Settings of the developer's own shell that must not reach a client of the sandbox."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    text = f"{MARKER}(**settings): keyword arguments of aivideo_async.sandbox.Sandbox for the fixture of that name"
    config.addinivalue_line("markers", text)


@pytest.fixture
def aivideo_sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A running sandbox. All of its attributes and ``enqueue`` may be used from the test's thread."""
    from anyio.from_thread import start_blocking_portal

    from aivideo_async.sandbox import Sandbox

    make = cast("Callable[..., Sandbox]", Sandbox)
    marker = request.node.get_closest_marker(MARKER)
    settings: dict[str, object] = {} if marker is None else dict(marker.kwargs)
    sandbox = make(**{"render": "cached", "speed": SPEED, **settings})
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(sandbox):
        yield sandbox


@pytest.fixture
def aivideo_client(aivideo_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client of the sandbox, with a store in memory: ``async with aivideo_client as client``."""
    from aivideo_async.client import Client

    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    return Client(
        api_key=aivideo_sandbox.api_key,
        base_url=aivideo_sandbox.base_url,
        webhook_secret=aivideo_sandbox.webhook_secret,
        time_scale=aivideo_sandbox.time_scale,
    )
