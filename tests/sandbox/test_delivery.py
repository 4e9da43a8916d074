from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from aivideo_async.sandbox.delivery import FETCH_LIMIT, Courier, FetchError, callback_headers, signed
from aivideo_async.sandbox.records import Delivery
from tests.loopback import Script, answering, http, refused_port, serving, silent

NOW = 1_790_000_000.9
SECRET = b"0123456789abcdef0123456789abcdef"
DELIVERY = Delivery(
    id="msg_1", task_id="t", event="task.completed", url="http://127.0.0.1/", body=b'{"id":"t"}', ended_at=NOW
)


@asynccontextmanager
async def courier_and(
    script: Script, *, timeout: float = 5.0, secret: bytes | None = SECRET
) -> AsyncGenerator[tuple[Courier, Delivery]]:
    """An open courier, and a delivery to a server that goes by the script."""
    async with serving(script) as url, Courier(secret=secret, clock=lambda: NOW, callback_timeout=timeout) as courier:
        yield courier, replace(DELIVERY, url=f"{url}/cb/token")


async def test_a_callback_is_a_post_with_the_documented_headers() -> None:
    seen: list[bytes] = []
    async with courier_and(answering(http(200), seen=seen), secret=None) as (courier, delivery):
        assert await courier.deliver(delivery) == (200, None)
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /cb/token HTTP/1.1")
    assert body == DELIVERY.body
    for line in (
        b"Content-Type: application/json",
        b"X-Event: task.completed",
        b"X-Task-Id: t",
        b"X-Timestamp: 1790000000",
    ):
        assert line in head
    assert b"webhook-" not in head.lower()


@pytest.mark.parametrize("status", [204, 302, 404, 503])
async def test_the_receivers_status_is_reported_and_no_redirect_followed(status: int) -> None:
    async with courier_and(answering(http(status, b"", "Location: /elsewhere"))) as (courier, delivery):
        assert await courier.deliver(delivery) == (status, None)


async def test_no_answer_is_reported_with_its_reason() -> None:
    async with courier_and(silent, timeout=0.05) as (courier, delivery):
        assert await courier.deliver(delivery) == (None, "TimeoutError")
        status, error = await courier.deliver(replace(delivery, url=f"http://127.0.0.1:{refused_port()}/"))
        assert status is None
        assert error is not None
        assert "ClientConnectorError" in error
        assert (await courier.deliver(replace(delivery, url="http://[broken")))[0] is None


def test_a_third_party_verifier_accepts_the_signature() -> None:
    now = int(time.time())
    headers = callback_headers(DELIVERY, SECRET, now)
    assert Webhook(SECRET).verify(DELIVERY.body, headers) == json.loads(DELIVERY.body)
    forged = callback_headers(replace(DELIVERY, forged=True), SECRET, now)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(DELIVERY.body, forged)


def test_the_signature_is_the_one_of_the_specification() -> None:
    key = b"\x0b" * 24
    assert signed(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}').startswith("v1,")


async def test_a_picture_is_fetched() -> None:
    async with courier_and(answering(http(200, b"picture"))) as (courier, delivery):
        assert await courier.fetch(delivery.url) == b"picture"


async def test_a_picture_that_cannot_be_had_is_an_error_with_a_reason() -> None:
    async with courier_and(answering(http(404))) as (courier, delivery):
        with pytest.raises(FetchError, match="404"):
            await courier.fetch(delivery.url)
        with pytest.raises(FetchError, match="it cannot be fetched"):
            await courier.fetch(f"http://127.0.0.1:{refused_port()}/")


@pytest.mark.parametrize("place", ["http://10.0.0.1/a.png", "http://169.254.169.254/", "file:///etc/passwd"])
async def test_a_redirect_leads_to_no_private_address(place: str) -> None:
    async with courier_and(answering(http(302, b"", f"Location: {place}"))) as (courier, delivery):
        with pytest.raises(FetchError, match="no public"):
            await courier.fetch(delivery.url)


async def test_redirects_are_followed_and_those_in_a_circle_end() -> None:
    async with courier_and(answering(http(302, b"", "Location: /again"))) as (courier, delivery):
        with pytest.raises(FetchError, match="more than 5 times"):
            await courier.fetch(delivery.url)


async def test_a_picture_that_is_too_large_is_not_read_to_its_end() -> None:
    async with courier_and(answering(http(200, bytes(FETCH_LIMIT + 1)))) as (courier, delivery):
        with pytest.raises(FetchError, match="more than"):
            await courier.fetch(delivery.url)


async def test_a_closed_courier_says_so() -> None:
    courier = Courier(secret=None, clock=lambda: NOW)
    await courier.__aexit__(None, None, None)
    with pytest.raises(RuntimeError):
        await courier.fetch("http://127.0.0.1/")


def test_headers_may_have_another_prefix() -> None:
    names = callback_headers(DELIVERY, None, 1, prefix="Aivideo-")
    assert {"Aivideo-Event", "Aivideo-Task-Id", "Aivideo-Timestamp"} <= names.keys()
