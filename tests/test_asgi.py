from __future__ import annotations

from aivideo_async.asgi import is_request
from tests.asgi import AsgiServer


async def test_a_request_is_left_to_the_application() -> None:
    server = AsgiServer()
    assert await is_request({"type": "http"}, server.receive, server.send)
    assert server.sent == []


async def test_a_lifespan_is_answered_from_its_start_to_its_shutdown() -> None:
    server = AsgiServer({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    assert not await is_request({"type": "lifespan"}, server.receive, server.send)
    assert [message["type"] for message in server.sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_websocket_is_closed() -> None:
    server = AsgiServer()
    assert not await is_request({"type": "websocket"}, server.receive, server.send)
    assert server.sent == [{"type": "websocket.close"}]
