from __future__ import annotations

from collections.abc import Callable

import pytest

from aivideo_async.core.errors import APIConnectionError, AuthenticationError
from aivideo_async.core.wire import HttpRequest, HttpResponse
from aivideo_async.probe.findings import Exchange, Findings
from aivideo_async.probe.sending import Sender, balance_in, head
from tests.doubles import BROKE_OFF, NOT_SENT, CannedTransport, ManualClock
from tests.loopback import answering, http, refused_port, serving
from tests.probe.seeing import error, said

CREATE = HttpRequest("POST", "/v1/images/generations", b"{}", {"Idempotency-Key": "k"})


def a_sender(*canned: APIConnectionError) -> tuple[Sender, Findings, list[Exchange]]:
    found, noted = Findings(), list[Exchange]()

    async def note(exchange: Exchange) -> None:
        noted.append(exchange)

    return Sender(CannedTransport(*canned), found, note, clock=ManualClock()), found, noted


async def test_every_exchange_is_kept_and_noted() -> None:
    sender, found, noted = a_sender()
    exchange = await sender.send("image.create", CREATE)
    assert found.exchanges == noted == [exchange]
    assert exchange.outcome().service_id == "svc-1"
    assert dict(exchange.request_headers) == {
        "Authorization": "Bearer",
        "Content-Type": "application/json",
        "Idempotency-Key": "k",
    }


@pytest.mark.parametrize(("failure", "sent"), [(NOT_SENT, False), (BROKE_OFF, True)])
async def test_no_answer_is_an_exchange_too(failure: APIConnectionError, sent: bool) -> None:
    sender, _, noted = a_sender(failure)
    await sender.send("image.create", CREATE)
    assert [(one.status, one.error, one.sent) for one in noted] == [(None, failure.message, sent)]


async def test_the_balance_is_a_number_or_nothing() -> None:
    sender, _, _ = a_sender()
    assert await sender.balance("image") == 9800
    with pytest.raises(AuthenticationError):
        balance_in(error("start.credits", 401, "invalid_api_key"))
    with pytest.raises(APIConnectionError):
        balance_in(said("start.credits", None))


class Silence:
    """A transport on which no answer ever comes."""

    async def send(self, request: HttpRequest, *, on_sent: Callable[[], None] | None = None) -> HttpResponse:
        raise BROKE_OFF


async def test_a_balance_that_cannot_be_read_is_nothing() -> None:
    sender, found, _ = a_sender()
    assert (await sender.send("errors.key", CREATE, by=Silence())).status is None
    assert await Sender(Silence(), found, sender.add, clock=ManualClock()).balance("image") is None


async def test_head_takes_no_key_along_and_goes_to_public_hosts_only() -> None:
    seen: list[bytes] = []
    async with serving(answering(http(403), seen=seen)) as url:
        assert await head(f"{url}/a?sig=1", private=False) is None
        assert await head(f"{url}/a?sig=1", private=True) == 403
    assert seen[0].startswith(b"HEAD /a?sig=1")
    assert b"authorization" not in seen[0].lower()
    assert await head(f"http://127.0.0.1:{refused_port()}/", private=True) is None
