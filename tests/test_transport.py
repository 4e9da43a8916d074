from __future__ import annotations

import asyncio
import gzip
import logging
import socket
from collections.abc import Callable, Iterator

import aiohttp
import pytest
from aiohttp.client_reqrep import RequestInfo
from multidict import CIMultiDict, CIMultiDictProxy
from pydantic import SecretStr
from yarl import URL

from aivideo_async.core.errors import (
    AIVideoError,
    APIConnectionError,
    ClientClosedError,
    ConfigurationError,
    InternalServerError,
    InvalidRequestError,
    RateLimitError,
)
from aivideo_async.core.retry import RetryPolicy
from aivideo_async.core.wire import HttpRequest, HttpResponse
from aivideo_async.exchange import BODY_LIMIT
from aivideo_async.transport import (
    FOREIGN_ERRORS,
    USER_AGENT,
    AiohttpTransport,
    PauseGate,
    Timeouts,
    connection_error,
    fetch,
    safe_cause,
)
from tests.loopback import Script, answering, http, read_request, refused_port, serving, silent

KEY = "sk-made-up-key-1234567890"
GET = HttpRequest("GET", "/v1/credits")
POST = HttpRequest("POST", "/v1/videos/generations", b'{"model":"sora-2"}')
HASTY = Timeouts(connect=0.2, read=0.05, total=2)


def transport_to(base_url: str, timeouts: Timeouts | None = None, connections: int = 100) -> AiohttpTransport:
    return AiohttpTransport(base_url, SecretStr(KEY), timeouts=timeouts, connections=connections)


async def failure_against(script: Script, request: HttpRequest = POST) -> tuple[APIConnectionError, list[str]]:
    """The error of one send, and what ``on_sent`` said."""
    sent: list[str] = []
    async with serving(script) as url, transport_to(url, HASTY) as transport:
        with pytest.raises(APIConnectionError) as caught:
            await transport.send(request, on_sent=lambda: sent.append("sent"))
    return caught.value, sent


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


# One request


async def test_a_create_arrives_with_key_body_and_version() -> None:
    seen: list[bytes] = []
    async with serving(answering(http(200, b"{}"), seen=seen)) as url, transport_to(url) as transport:
        await transport.send(POST)

    head, _, body = seen[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /v1/videos/generations HTTP/1.1"
    assert {f"Authorization: Bearer {KEY}", "Content-Type: application/json", f"User-Agent: {USER_AGENT}"} <= {*lines}
    assert body == POST.body


async def test_an_answer_comes_whole_with_lower_case_headers() -> None:
    answer = http(503, b'{"error":{}}', "Retry-After: 7", "X-Request-Id: r-1")
    async with serving(answering(answer)) as url, transport_to(url) as transport:
        response = await transport.send(GET)

    assert (response.status, response.body) == (503, b'{"error":{}}')
    assert (response.headers["retry-after"], response.headers["x-request-id"]) == ("7", "r-1")


async def test_a_base_url_may_have_a_path() -> None:
    seen: list[bytes] = []
    async with serving(answering(http(200), seen=seen)) as url, transport_to(f"{url}/relay/") as transport:
        await transport.send(GET)

    assert seen[0].startswith(b"GET /relay/v1/credits HTTP/1.1\r\n")


async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    seen: list[bytes] = []
    script = answering(http(307, b"", "Location: /elsewhere"), http(200), seen=seen)
    async with serving(script) as url, transport_to(url) as transport:
        assert (await transport.send(POST)).status == 307

    assert len(seen) == 1


async def test_on_sent_is_called_once_for_new_and_for_reused_connections() -> None:
    sent: list[int] = []
    async with serving(answering(http(200), http(200))) as url, transport_to(url) as transport:
        await transport.send(POST, on_sent=lambda: sent.append(1))
        await transport.send(POST, on_sent=lambda: sent.append(2))

    assert sent == [1, 2]


async def test_on_sent_comes_before_the_first_byte() -> None:
    order: list[str] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        order.append("arrived")
        writer.write(http(200))

    async with serving(script) as url, transport_to(url) as transport:
        await transport.send(POST, on_sent=lambda: order.append("sent"))

    assert order == ["sent", "arrived"]


async def test_a_get_on_a_connection_that_went_stale_is_sent_again_and_says_sent_once() -> None:
    sent: list[int] = []
    seen: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(http(200))
        seen.append(await read_request(reader))

    async with serving(script) as url, transport_to(url) as transport:
        await transport.send(GET)
        await transport.send(GET, on_sent=lambda: sent.append(1))

    assert len(seen) == 3
    assert sent == [1]


async def test_no_more_than_the_allowed_connections_are_open() -> None:
    now, most = 0, 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await read_request(reader)
        for _ in range(3):
            await asyncio.sleep(0)
        now -= 1
        writer.write(http(200, b"", "Connection: close"))

    async with serving(script) as url, transport_to(url, connections=2) as transport:
        await asyncio.gather(*(transport.send(POST) for _ in range(8)))

    assert most == 2


# What failed, and whether it may have arrived


async def test_a_refused_connection_was_not_sent() -> None:
    sent: list[int] = []
    async with transport_to(f"http://127.0.0.1:{refused_port()}") as transport:
        with pytest.raises(APIConnectionError) as caught:
            await transport.send(POST, on_sent=lambda: sent.append(1))

    assert (caught.value.sent, caught.value.charged, caught.value.retryable) == ("no", "no", True)
    assert sent == []
    assert isinstance(caught.value.__cause__, aiohttp.ClientConnectorError)


async def test_a_name_that_does_not_resolve_was_not_sent() -> None:
    async with transport_to(f"http://{'a' * 64}.invalid") as transport:
        with pytest.raises(APIConnectionError, match="host name") as caught:
            await transport.send(POST)

    assert caught.value.sent == "no"


async def test_a_server_that_speaks_no_tls_got_nothing() -> None:
    async def plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(http(400))

    async with serving(plain) as url, transport_to(url.replace("http:", "https:")) as transport:
        with pytest.raises(APIConnectionError, match="TLS") as caught:
            await transport.send(POST)

    assert caught.value.sent == "no"


async def test_a_connection_that_is_never_accepted_was_not_sent() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        async with transport_to(f"http://127.0.0.1:{full.getsockname()[1]}", HASTY) as transport:
            with pytest.raises(APIConnectionError, match="connecting took too long") as caught:
                await transport.send(POST)
        for filler in fillers:
            filler.close()

    assert caught.value.sent == "no"


async def closes_at_once(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await read_request(reader)


def breaks_off(answer: bytes) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()

    return script


def stalls_after(answer: bytes) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await breaks_off(answer)(reader, writer)
        await asyncio.Event().wait()

    return script


AFTER_THE_FIRST_BYTE: dict[str, Script] = {
    "closed before an answer": closes_at_once,
    "no answer": silent,
    "half a header": breaks_off(b"HTTP/1.1 200 OK\r\nContent-"),
    "half a body": breaks_off(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
    "a body that stalls": stalls_after(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
    "half a chunk": breaks_off(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"),
    "a wrong chunk": breaks_off(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{"),
    "no HTTP": breaks_off(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "endless headers": breaks_off(b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"a" * 100_000),
    "broken gzip": breaks_off(http(200, b"not gzip", "Content-Encoding: gzip")),
}


@pytest.mark.parametrize("what", AFTER_THE_FIRST_BYTE)
@pytest.mark.parametrize("request_", [GET, POST], ids=["GET", "POST"])
async def test_after_the_first_byte_it_may_have_arrived(what: str, request_: HttpRequest) -> None:
    error, sent = await failure_against(AFTER_THE_FIRST_BYTE[what], request_)

    assert (error.sent, error.charged) == ("maybe", "unknown")
    assert sent == ["sent"]


async def test_an_answer_that_takes_too_long_in_all_may_have_arrived() -> None:
    async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.005)

    async with serving(drips) as url, transport_to(url, Timeouts(connect=1, read=1, total=0.1)) as transport:
        with pytest.raises(APIConnectionError, match="no whole answer in time") as caught:
            await transport.send(POST)

    assert caught.value.sent == "maybe"


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_an_answer_without_end_is_not_read_to_its_end(encoding: str) -> None:
    body = b" " * (BODY_LIMIT + 1)
    answer = http(200, gzip.compress(body, 1) if encoding == "gzip" else body, f"Content-Encoding: {encoding}")
    async with serving(breaks_off(answer)) as url, transport_to(url) as transport:
        with pytest.raises(APIConnectionError, match="longer than") as caught:
            await transport.send(GET)

    assert caught.value.sent == "maybe"


async def test_cancelling_a_send_closes_its_connection() -> None:
    sent, gone = asyncio.Event(), asyncio.Event()

    async def script(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        assert await reader.read() == b""
        gone.set()

    async with serving(script) as url, transport_to(url) as transport:
        task = asyncio.create_task(transport.send(POST, on_sent=sent.set))
        await sent.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await gone.wait()


@pytest.mark.parametrize("request_", [GET, POST], ids=["GET", "POST"])
async def test_closing_while_a_request_is_out_gives_our_error(request_: HttpRequest) -> None:
    arrived = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        arrived.set()
        await silent(reader, writer)

    async with serving(script) as url:
        async with transport_to(url) as transport:
            task = asyncio.create_task(transport.send(request_))
            await arrived.wait()
        with pytest.raises(APIConnectionError) as caught:
            await task

    assert caught.value.sent == "maybe"


# aiohttp's errors


def all_subclasses(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    for sub in kind.__subclasses__():
        yield sub
        yield from all_subclasses(sub)


AIOHTTP_ERRORS = sorted(
    {kind for kind in all_subclasses(aiohttp.ClientError) if kind.__module__.startswith("aiohttp.")},
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", AIOHTTP_ERRORS, ids=lambda kind: kind.__name__)
def test_each_error_of_aiohttp_is_mapped(kind: type[BaseException]) -> None:
    error = kind.__new__(kind)

    assert isinstance(error, FOREIGN_ERRORS)
    assert kind.__name__ in connection_error(error, sent=True).message


def test_a_refused_proxy_was_not_passed_on() -> None:
    error = aiohttp.ClientHttpProxyError.__new__(aiohttp.ClientHttpProxyError)

    assert connection_error(error, sent=True).sent == "no"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "no whole answer in time"),
        (ConnectionResetError(), "the connection broke"),
        (aiohttp.SocketTimeoutError(), "no whole answer in time"),
        (aiohttp.ClientPayloadError("x"), "the answer broke off"),
        (aiohttp.ServerDisconnectedError(), "closed before an answer"),
    ],
)
def test_the_message_says_what_happened(error: BaseException, words: str) -> None:
    assert words in connection_error(error, sent=True).message


# Secrets


async def test_the_key_is_in_no_error_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for script in AFTER_THE_FIRST_BYTE.values():
        error, _ = await failure_against(script)
        for link in chain(error):
            assert KEY not in f"{link!r} {link!s} {link.args!r}"

    assert KEY not in caplog.text


def test_the_key_is_in_no_repr() -> None:
    transport = transport_to("https://api.example.com")

    assert KEY not in repr(transport)
    assert KEY not in f"{vars(transport)}"


def response_error() -> aiohttp.ClientResponseError:
    headers = CIMultiDictProxy(CIMultiDict({"Authorization": f"Bearer {KEY}"}))
    info = RequestInfo(URL("https://api.example.com"), "GET", headers, URL("https://api.example.com"))
    return aiohttp.ClientResponseError(info, ())


def test_a_cause_that_shows_the_secret_gives_way_to_its_own_cause() -> None:
    shows, root = response_error(), ValueError("bad status line")
    shows.__cause__ = root

    assert safe_cause(shows, KEY) is root
    assert safe_cause(root, KEY) is root
    assert safe_cause(response_error(), KEY) is None


# Opening and closing


async def test_a_transport_that_is_not_open_says_so() -> None:
    with pytest.raises(ClientClosedError, match="not open"):
        await transport_to("http://127.0.0.1:9").send(GET)


def test_it_opens_again_in_another_loop() -> None:
    transport: list[AiohttpTransport] = []

    async def use() -> int:
        async with serving(answering(http(204))) as url:
            transport.append(transport_to(url))
            async with transport[0]:
                return (await transport[0].send(GET)).status

    async def use_again() -> None:
        async with transport[0]:
            with pytest.raises(APIConnectionError):
                await transport[0].send(GET)

    assert asyncio.run(use()) == 204
    asyncio.run(use_again())


async def test_leaving_one_that_was_never_entered_does_nothing() -> None:
    await transport_to("http://127.0.0.1:9").__aexit__(None, None, None)


@pytest.mark.parametrize(
    "base",
    ["", "api.example.com", "ftp://a.example", "https://", "https://u:p@a.example", "https://a.example/?q=1",
     "https://a.example/#f", "https://a.example:99999", "https://a.example:0", "https://[::1", "https://a.example/\n"],
)  # fmt: skip
def test_a_base_url_that_cannot_be_used_is_refused(base: str) -> None:
    with pytest.raises(ConfigurationError, match="base URL"):
        transport_to(base)


@pytest.mark.parametrize("key", ["", "sk-with space", "sk-line\nbreak", "sk-schlüssel"])
def test_a_key_that_cannot_be_one_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        AiohttpTransport("https://api.example.com", SecretStr(key))

    assert not key or key not in str(caught.value)


# The gate


class Clock:
    """Time that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


async def test_an_open_gate_lets_everybody_pass() -> None:
    clock = Clock()

    await PauseGate(clock=clock, sleep=clock.sleep).wait()

    assert clock.slept == []


async def test_a_pause_is_extended_and_never_shortened() -> None:
    clock = Clock()
    gate = PauseGate(clock=clock, sleep=clock.sleep)
    gate.pause(5)
    gate.pause(2)

    await gate.wait()

    assert clock.slept == [5]


async def test_a_pause_that_is_extended_while_waiting_is_waited_for() -> None:
    clock = Clock()

    async def sleep(seconds: float) -> None:
        if not clock.slept:
            gate.pause(8)
        await clock.sleep(seconds)

    gate = PauseGate(clock=clock, sleep=sleep)
    gate.pause(5)

    await gate.wait()

    assert clock.slept == [5, 3]


# Requests that may be repeated


class CannedTransport:
    """Gives what it was handed, in order: raises errors, returns answers."""

    def __init__(self, *script: APIConnectionError | HttpResponse) -> None:
        self._script = list(script)
        self.requests: list[HttpRequest] = []

    async def send(self, request: HttpRequest, *, on_sent: Callable[[], None] | None = None) -> HttpResponse:
        del on_sent
        self.requests.append(request)
        step = self._script.pop(0)
        if isinstance(step, APIConnectionError):
            raise step
        return step


OK, LIMITED, BROKEN = (HttpResponse(status, {}, b"") for status in (200, 429, 500))
LOST = APIConnectionError("lost", sent="maybe")


def read(response: HttpResponse) -> str:
    errors: dict[int, AIVideoError] = {
        429: RateLimitError("429", status=429, retryable=True, retry_after=6.0),
        500: InternalServerError("500", status=500, retryable=True),
        400: InvalidRequestError("400", status=400),
    }
    if response.status in errors:
        raise errors[response.status]
    return "value"


async def fetched(transport: CannedTransport, clock: Clock, gate: PauseGate | None = None) -> str:
    gate = gate or PauseGate(clock=clock, sleep=clock.sleep)
    policy = RetryPolicy(attempts=3, base=1, cap=8, patience=60)
    return await fetch(transport, GET, read, policy=policy, gate=gate, draw=lambda: 0.5, sleep=clock.sleep)


async def test_a_get_is_repeated_until_it_is_answered() -> None:
    transport, clock = CannedTransport(LOST, BROKEN, OK), Clock()

    assert await fetched(transport, clock) == "value"
    assert transport.requests == [GET, GET, GET]
    assert clock.slept == [0.5, 1.0]


async def test_the_last_error_is_raised() -> None:
    with pytest.raises(InternalServerError):
        await fetched(CannedTransport(LOST, LOST, BROKEN), Clock())


async def test_what_is_not_retryable_is_raised_at_once() -> None:
    transport = CannedTransport(HttpResponse(400, {}, b""), OK)

    with pytest.raises(InvalidRequestError):
        await fetched(transport, Clock())

    assert len(transport.requests) == 1


async def test_a_429_pauses_everybody() -> None:
    clock = Clock()
    gate = PauseGate(clock=clock, sleep=clock.sleep)

    await fetched(CannedTransport(LIMITED, OK), clock, gate)

    assert clock.slept == [6.0]


async def test_a_429_that_is_not_repeated_pauses_the_others_all_the_same() -> None:
    clock = Clock()
    gate = PauseGate(clock=clock, sleep=clock.sleep)
    with pytest.raises(RateLimitError):
        await fetch(CannedTransport(LIMITED), GET, read, policy=RetryPolicy(attempts=1), gate=gate, sleep=clock.sleep)
    await gate.wait()
    assert clock.slept != []


async def test_a_get_waits_for_the_gate() -> None:
    clock = Clock()
    gate = PauseGate(clock=clock, sleep=clock.sleep)
    gate.pause(4)

    await fetched(CannedTransport(OK), clock, gate)

    assert clock.slept == [4]


async def test_chance_and_time_have_defaults() -> None:
    transport = CannedTransport(OK)

    assert await fetch(transport, GET, read, policy=RetryPolicy(), gate=PauseGate()) == "value"


async def test_further_headers_go_beside_our_own() -> None:
    seen: list[bytes] = []
    async with serving(answering(http(200, b"{}"), http(200, b"{}"), seen=seen)) as url, transport_to(url) as transport:
        await transport.send(HttpRequest("POST", "/x", b"{}", {"Idempotency-Key": "k"}))
        await transport.send(HttpRequest("GET", "/x", headers={"X-Extra": "y"}))
    assert b"Idempotency-Key: k" in seen[0]
    assert b"Content-Type: application/json" in seen[0]
    assert b"X-Extra: y" in seen[1]
    assert b"Content-Type" not in seen[1]
