"""Each fault is one that a real server on loopback has, and nothing but it is found."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from email.utils import formatdate
from pathlib import Path

import pytest
from aiohttp import web

from aivideo_async import MemoryStore, WebhookReceiver
from aivideo_async.cli.diagnosis import Finding, diagnose
from aivideo_async.cli.examining import Means, Resolve, examine
from aivideo_async.core.keys import load_key
from aivideo_async.core.tokens import CallbackKeys
from aivideo_async.core.webhooks import BODY_LIMIT
from aivideo_async.settings import DEFAULT_PATH
from aivideo_async.stores import Query
from tests.cli.certificates import DAY, Authority
from tests.loopback import answering, http, refused_port, serving, silent
from tests.stores.contract import scanned
from tests.test_receiver import KEY, SECRET

OTHER = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
PUBLIC = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def a_receiver(secret: str | None = SECRET, *, ready: bool = True) -> WebhookReceiver:
    return WebhookReceiver(MemoryStore(), callback_key=KEY, webhook_secret=secret, ready=lambda: ready)


@asynccontextmanager
async def mounted(
    receiver: WebhookReceiver,
    *,
    before: Callable[[web.Request, Handler], Awaitable[web.StreamResponse]] | None = None,
    tls: ssl.SSLContext | None = None,
    off: int = 0,
) -> AsyncGenerator[str]:
    """A receiver in an application, with something that stands before it; gives the callback base.

    Its Date is ``off`` by so many seconds.
    """

    async def dated(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = formatdate(time.time() + off, usegmt=True)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await (handler(request) if before is None else before(request, handler))

    app = web.Application(middlewares=[middleware], client_max_size=2**20)
    app.on_response_prepare.append(dated)
    app.add_routes(receiver.routes(DEFAULT_PATH))
    runner = web.AppRunner(app, auto_decompress=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{runner.addresses[0][1]}{DEFAULT_PATH}"
    finally:
        await runner.cleanup()


async def found(
    url: str, *, key: str = KEY, secrets: Sequence[str] = (SECRET,), tls: ssl.SSLContext | None = None
) -> list[Finding]:
    means = Means(keys=CallbackKeys(key), secrets=[load_key(text) for text in secrets], tls=tls, within=5.0)
    return diagnose(await examine(url, means, must_be_public=False))


def leading_to(*addresses: str) -> Resolve:
    """A resolver to whom every name is these addresses."""

    async def resolve(*_: object) -> Sequence[str]:
        if not addresses:
            raise OSError(-2, "Name or service not known")
        return addresses

    return resolve


def worst(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    return [(finding.about, finding.level) for finding in findings if finding.level != "ok"]


def said(findings: Sequence[Finding]) -> str:
    return "\n".join(finding.message for finding in findings if finding.level != "ok")


async def test_nothing_is_wrong_with_a_healthy_receiver_and_it_is_left_as_it_was() -> None:
    receiver = a_receiver()
    async with mounted(receiver) as url:
        findings = await found(url)
        assert worst(findings) == []
    assert [finding.about for finding in findings] == ["dns", "mounting", "clock", "latency", "trust"]
    assert receiver.stats == {
        "received": 4,
        "rejected": 4,
        "rejected:method": 1,
        "rejected:bad_body": 2,
        "rejected:bad_signature": 1,
    }
    async with receiver._store:
        assert await scanned(receiver._store, Query()) == []


async def test_a_name_that_leads_nowhere() -> None:
    means = Means(keys=CallbackKeys(KEY), resolve=leading_to())
    (finding,) = diagnose(await examine("https://nowhere.example.com/a", means))
    assert (finding.about, finding.level) == ("dns", "fault")
    assert finding.message == "nowhere.example.com cannot be resolved: Name or service not known"


async def test_a_public_name_with_a_private_address() -> None:
    async with mounted(a_receiver()) as url:
        means = Means(keys=CallbackKeys(KEY), resolve=leading_to("127.0.0.1"))
        findings = diagnose(await examine(url.replace("127.0.0.1", "localhost"), means))
    assert worst(findings)[0] == ("dns", "fault")
    assert "which the service cannot reach from outside" in said(findings)


async def test_nobody_listens() -> None:
    findings = await found(f"http://127.0.0.1:{refused_port()}/a")
    assert worst(findings) == [("connection", "fault")]
    assert said(findings).startswith("no connection to 127.0.0.1: ")


async def test_one_of_two_addresses_is_dead() -> None:
    async with mounted(a_receiver(None)) as url:
        means = Means(keys=CallbackKeys(KEY), resolve=leading_to("127.0.0.1", "127.0.0.2"))
        findings = diagnose(await examine(url, means, must_be_public=False))
    assert worst(findings) == [("connection", "warning")]
    assert "127.0.0.2" in said(findings)


@pytest.mark.parametrize(
    ("faulty", "words"),
    [
        ({"begins": -90 * DAY, "ends": -DAY}, "the certificate has expired (it holds until "),
        ({"begins": DAY, "ends": 2 * DAY}, "the certificate does not hold yet"),
        ({"self_signed": True}, "the certificate is self-signed"),
        ({"whole_chain": False}, "an intermediate certificate is missing"),
        ({"host": "elsewhere.example.com"}, "it names elsewhere.example.com, not 127.0.0.1"),
    ],
)
async def test_a_certificate_that_no_sender_believes(faulty: dict[str, object], words: str, tmp_path: Path) -> None:
    authority, receiver = Authority(tmp_path), a_receiver()
    async with mounted(receiver, tls=authority.server(**faulty)) as url:  # type: ignore[arg-type]  # by name
        findings = await found(url, tls=authority.trusted())
    assert worst(findings) == [("tls", "fault")]
    assert words in said(findings)
    assert receiver.stats == {}


async def test_an_authority_that_nobody_knows(tmp_path: Path) -> None:
    async with mounted(a_receiver(), tls=Authority(tmp_path).server()) as url:
        findings = await found(url)
    assert worst(findings) == [("tls", "fault")]


@pytest.mark.parametrize(
    ("begins", "ends", "expected"),
    [
        (-80 * DAY, 10 * DAY, [("tls", "warning")]),
        (-DAY, 5 * DAY, []),
        (-10 * DAY, 80 * DAY, []),
    ],
)
async def test_a_certificate_that_ends_soon(
    begins: timedelta, ends: timedelta, expected: list[tuple[str, str]], tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    async with mounted(a_receiver(), tls=authority.server(begins=begins, ends=ends)) as url:
        findings = await found(url, tls=authority.trusted())
    assert worst(findings) == expected
    assert any("the certificate is believed, and holds until 20" in finding.message for finding in findings)


async def test_plain_http_where_tls_is_expected() -> None:
    async with mounted(a_receiver()) as url:
        findings = await found(url.replace("http:", "https:"))
    assert worst(findings) == [("tls", "fault")]
    assert "TLS could not be agreed on" in said(findings)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_a_lost_callback_and_shows_no_token(status: int) -> None:
    async def elsewhere(request: web.Request, _handler: Handler) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": f"https://u:p@example.com{request.path}/?key=1"})

    async with mounted(a_receiver(), before=elsewhere) as url:
        findings = await found(url)
    assert worst(findings) == [("redirect", "fault")]
    assert f"sends on to https://example.com{DEFAULT_PATH}/<id>/<token>/: a redirect is a lost" in said(findings)


@pytest.mark.parametrize("location", [None, "http://[::1"])
async def test_a_redirect_to_nowhere(location: str | None) -> None:
    headers = [] if location is None else [f"Location: {location}"]
    async with serving(answering(http(301, b"", *headers))) as url:
        findings = await found(url)
    assert worst(findings) == [("redirect", "fault")]


async def test_a_receiver_that_is_mounted_elsewhere() -> None:
    async with mounted(a_receiver()) as url:
        findings = await found(url + "/deeper/")
        nowhere = await found(url.replace(DEFAULT_PATH, "/other"))
    assert worst(nowhere) == worst(findings) == [("mounting", "fault")]
    assert "404, and not by our receiver" in said(nowhere)


@pytest.mark.parametrize(
    ("status", "about"),
    [(401, "access"), (403, "access"), (502, "proxy"), (503, "proxy"), (504, "proxy"), (200, "http"), (500, "http")],
)
async def test_something_else_answers(status: int, about: str) -> None:
    async def other(_request: web.Request, _handler: Handler) -> web.StreamResponse:
        return web.Response(status=status, text="something else")

    async with mounted(a_receiver(), before=other) as url:
        findings = await found(url)
    assert worst(findings) == [(about, "fault")]


@pytest.mark.parametrize(("status", "about"), [(413, "size"), (415, "media type"), (403, "access"), (404, "mounting")])
async def test_a_proxy_that_refuses_posts(status: int, about: str) -> None:
    async def proxy(request: web.Request, handler: Handler) -> web.StreamResponse:
        return web.Response(status=status) if request.method == "POST" else await handler(request)

    async with mounted(a_receiver(), before=proxy) as url:
        findings = await found(url)
    assert worst(findings) == [(about, "fault")]


async def test_a_proxy_that_takes_callbacks_for_itself() -> None:
    async def proxy(request: web.Request, handler: Handler) -> web.StreamResponse:
        return web.Response(text="thanks") if request.method == "POST" else await handler(request)

    async with mounted(a_receiver(), before=proxy) as url:
        findings = await found(url)
    assert worst(findings) == [("mounting", "fault")]
    assert "callbacks would be lost unseen" in said(findings)


async def test_a_proxy_that_refuses_large_bodies() -> None:
    async def proxy(request: web.Request, handler: Handler) -> web.StreamResponse:
        if (request.content_length or 0) >= BODY_LIMIT:
            return web.Response(status=413)
        return await handler(request)

    async with mounted(a_receiver(), before=proxy) as url:
        findings = await found(url)
    assert worst(findings) == [("size", "warning")]
    assert "does not come through (413)" in said(findings)


async def test_a_proxy_that_changes_the_media_type() -> None:
    async def proxy(request: web.Request, handler: Handler) -> web.StreamResponse:
        headers = request.headers.copy()
        headers["Content-Type"] = "application/octet-stream"
        return await handler(request.clone(headers=headers))

    async with mounted(a_receiver(), before=proxy) as url:
        findings = await found(url)
    assert worst(findings) == [("receiver", "fault")]
    assert "changes Content-Type" in said(findings)


@pytest.mark.parametrize(("off", "level"), [(100, "warning"), (-100, "warning"), (4_000, "fault"), (-4_000, "fault")])
async def test_a_clock_that_is_wrong(off: int, level: str) -> None:
    receiver = a_receiver()
    receiver._clock = lambda: time.time() + off
    async with mounted(receiver, off=off) as url:
        findings = await found(url)
        hints = await found(url, secrets=[])
    assert worst(findings)[0] == ("clock", level)
    assert worst(hints)[0] == ("clock", "warning")
    assert f"its clock is {abs(off)} s {'ahead of' if off > 0 else 'behind'} ours" in said(findings)
    assert ("right signatures are refused" in said(findings)) == (level == "fault")


@pytest.mark.parametrize("date", ["yesterday", "Tue, 99 Nov 2026 00:00:00 GMT", ""])
async def test_a_date_that_is_none_says_nothing(date: str) -> None:
    async with serving(answering(http(404, b"", f"Date: {date}"))) as url:
        assert [finding.about for finding in await found(url)] == ["dns", "mounting", "latency"]


async def test_another_callback_key() -> None:
    async with mounted(a_receiver()) as url:
        findings = await found(url, key="x" * 32)
    assert worst(findings) == [("receiver", "fault")]
    assert "its callback key is another one" in said(findings)


async def test_another_webhook_secret() -> None:
    async with mounted(a_receiver()) as url:
        findings = await found(url, secrets=[OTHER])
    assert worst(findings) == [("secret", "fault")]
    assert "its AIVIDEO_WEBHOOK_SECRET is another one" in said(findings)


@pytest.mark.parametrize(("secrets", "words"), [([], "is not set here"), ([PUBLIC], "a public key (whpk_) cannot")])
async def test_a_secret_that_cannot_be_checked(secrets: list[str], words: str) -> None:
    async with mounted(a_receiver()) as url:
        findings = await found(url, secrets=secrets)
    assert worst(findings) == [("secret", "warning")]
    assert words in said(findings)


async def test_a_receiver_that_does_not_look_at_signatures() -> None:
    async with mounted(a_receiver(None)) as url:
        findings = await found(url)
        assert worst(findings) == [("secret", "warning")]
        assert worst(await found(url, secrets=[])) == []


async def test_a_receiver_of_a_closed_client() -> None:
    async with mounted(a_receiver(ready=False)) as url:
        findings = await found(url)
    assert worst(findings) == [("receiver", "fault")]
    assert "its client is closed" in said(findings)


async def test_somebody_who_listens_and_says_nothing() -> None:
    async with serving(silent) as url:
        means = Means(keys=CallbackKeys(KEY), within=0.1)
        findings = diagnose(await examine(url, means, must_be_public=False))
        assert worst(findings) == [("http", "fault")]
        tls = diagnose(await examine(url.replace("http", "https"), means, must_be_public=False))
    assert worst(tls) == [("tls", "fault")]


async def test_cancelling_it_ends_it() -> None:
    async with serving(silent) as url:
        looking = asyncio.ensure_future(found(url))
        await asyncio.sleep(0.02)
        looking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looking
