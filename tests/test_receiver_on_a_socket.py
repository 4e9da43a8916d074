"""The receiver's limits, each over a real socket: what a stranger on the internet can send (webhooks.md §3)."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from aivideo_async import Client
from aivideo_async.catalog import Sora2
from aivideo_async.core.models import TaskRecord, TaskStatus
from aivideo_async.mounting import listening
from aivideo_async.receiver import WebhookReceiver
from aivideo_async.sandbox import Delay, Sandbox
from aivideo_async.stores import MemoryStore, Put
from tests.callbacks import KEY, PATH, SECRET, Connection, callback, completed, connected, statuses
from tests.doubles import ORIGIN, a_record, until

LIMIT = 256 * 1024
NOBODY = f"{PATH}/av_1/497223.{'A' * 43}"


class Gate(MemoryStore):
    """A memory store that counts its puts, and that holds them while it is shut."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0
        self.open = asyncio.Event()
        self.open.set()

    async def put(self, record: TaskRecord, /) -> Put:
        self.begun += 1
        await self.open.wait()
        return await super().put(record)

    async def status_of(self, id: str) -> TaskStatus:
        return (await self.get((id,)))[id].status


class Door:
    """A receiver that listens, over a store that can be held."""

    def __init__(self, store: Gate, receiver: WebhookReceiver, port: int) -> None:
        self.store = store
        self.receiver = receiver
        self.port = port

    def rejected(self, reason: str) -> int:
        return self.receiver.stats.get(f"rejected:{reason}", 0)


@asynccontextmanager
async def door(*, body_within: float = 10.0, keep_alive: float = 15.0) -> AsyncGenerator[Door]:
    async with Gate() as store:
        await store.put(a_record())
        store.begun = 0
        receiver = WebhookReceiver(store, callback_key=KEY, webhook_secret=SECRET, base_url=ORIGIN)
        async with listening(receiver, "127.0.0.1", 0, PATH, body_within=body_within, keep_alive=keep_alive) as server:
            yield Door(store, receiver, server.port)


@asynccontextmanager
async def at(door: Door, *, receives: int | None = None) -> AsyncGenerator[Connection]:
    async with asyncio.timeout(60), connected(door.port, receives=receives) as connection:
        yield connection


# Those who are slow


@pytest.mark.parametrize("said", [b"", b"POST " + NOBODY.encode() + b" HTTP/1.1\r\nHost: exa"])
async def test_who_says_nothing_or_half_a_header_is_hung_up_on(said: bytes) -> None:
    async with door(keep_alive=0.05) as ours, at(ours) as connection:
        await connection.send(said)
        assert await connection.ended() == b""
    assert ours.receiver.stats == {}


async def test_a_header_that_dribbles_does_not_buy_time() -> None:
    async with door(keep_alive=0.1) as ours, at(ours) as connection:
        await connection.send(f"POST {NOBODY} HTTP/1.1\r\n".encode())
        ended = asyncio.ensure_future(connection.ended())
        while not ended.done():
            with contextlib.suppress(ConnectionError):
                await connection.send(b"X")
            await asyncio.sleep(0.01)
        assert await ended == b""
    assert ours.receiver.stats == {}


async def test_a_kept_connection_with_half_of_the_next_header_is_hung_up_on() -> None:
    async with door(keep_alive=0.05) as ours, at(ours) as connection:
        assert await connection.asked(callback("av_1").raw()) == 200
        await connection.send(b"POST /")
        assert await connection.ended() == b""


async def test_a_dribbling_body_is_408_and_the_connection_closed() -> None:
    sent = callback("av_1")
    async with door(body_within=0.1) as ours, at(ours) as connection:
        await connection.send(sent.raw()[: -len(sent.body)])
        answered = asyncio.ensure_future(connection.status())
        while not answered.done():
            with contextlib.suppress(ConnectionError):
                await connection.send(b" ")
            await asyncio.sleep(0.01)
        assert await answered == 408
        assert b"connection: close" in connection.head
    assert (ours.rejected("slow"), ours.store.begun) == (1, 0)


@pytest.mark.crash
@pytest.mark.timeout(120)
async def test_who_does_not_read_its_answers_is_hung_up_on() -> None:
    request = f"GET {NOBODY} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    async with door() as ours, at(ours, receives=4_096) as connection:
        connection.read_nothing()
        with pytest.raises(ConnectionError):
            await _sent_for_ever(connection, request * 100)


async def _sent_for_ever(connection: Connection, requests: bytes) -> None:
    while True:
        await connection.send(requests)


# Those who are large, or not what they say


async def test_a_body_one_byte_over_is_413_and_the_connection_closed() -> None:
    at_limit = callback("av_1", completed("av_1").ljust(LIMIT))
    over = callback("av_1", completed("av_1").ljust(LIMIT + 1), delivery="msg_2")
    async with door() as ours, at(ours) as connection:
        assert await connection.asked(at_limit.raw()) == 200
        assert await connection.asked(over.raw()) == 413
        assert await connection.ended() == b""
    assert ours.rejected("size") == 1


async def test_a_chunked_body_one_byte_over_is_413() -> None:
    over = callback("av_1", completed("av_1").ljust(LIMIT + 1))
    chunked = over.raw().replace(b"Content-Length: %d" % len(over.body), b"Transfer-Encoding: chunked")
    head = chunked[: -len(over.body)]
    async with door() as ours, at(ours) as connection:
        assert await connection.asked(head + b"%x\r\n" % len(over.body) + over.body + b"\r\n0\r\n\r\n") == 413
        assert await connection.ended() == b""


async def test_gzip_is_415_and_a_bomb_never_inflates() -> None:
    small, bomb = gzip.compress(completed("av_1")), gzip.compress(bytes(64 * 1024 * 1024))
    async with door() as ours:
        for body in (small, bomb):
            async with at(ours) as connection:
                assert await connection.asked(callback("av_1", body).raw(b"Content-Encoding: gzip")) == 415
        assert await ours.store.status_of("av_1") is TaskStatus.PENDING
    assert (ours.rejected("media_type"), ours.store.begun) == (2, 0)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"webhook-id: msg_2", 401),
        (b"Webhook-Timestamp: 1", 401),
        (b"WEBHOOK-SIGNATURE: v1,AAAA", 401),
        (b"X-Task-Id: svc-av_1\r\nx-task-id: svc-av_2", 401),
        (b"Content-Type: text/html", 400),  # aiohttp itself refuses two of those
        (b"Content-Length: 1", 400),
        (b"Content-Encoding: identity\r\nContent-Encoding: gzip", 415),
    ],
)
async def test_a_header_that_comes_twice_is_refused(line: bytes, status: int) -> None:
    async with door() as ours, at(ours) as connection:
        assert await connection.asked(callback("av_1").raw(line)) == status
        assert await ours.store.status_of("av_1") is TaskStatus.PENDING


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"X-Note: \xff\xfe\x80", 200),
        ("X-Note: \u20ac".encode(), 200),
        (b"X-Task-Id: svc-\xe9", 400),
        ("webh\u00f6\u00f6k-id: 1".encode(), 400),
        (b"X-Note: a\x00b", 400),
    ],
)
async def test_headers_that_are_not_ascii_are_answered(
    line: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with door() as ours, at(ours) as connection:
        assert await connection.asked(callback("av_1").raw(line)) == status
    assert not [record for record in caplog.records if record.exc_info]


async def test_pipelined_callbacks_are_answered_in_order() -> None:
    sent = [
        callback("av_1").raw(),
        callback("av_1").raw(method="GET"),
        callback("av_1").raw(target=NOBODY),
        callback("av_2").raw(),
        callback("av_2").raw(b"Content-Encoding: br"),
    ]
    async with door() as ours, at(ours) as connection:
        await connection.send(b"".join(sent))
        assert [await connection.status() for _ in sent] == [200, 405, 404, 200, 415]
        assert await ours.store.status_of("av_2") is TaskStatus.COMPLETED


async def test_a_body_with_another_request_behind_it_is_cut_where_its_length_says() -> None:
    async with door() as ours, at(ours) as connection:
        smuggled = callback("av_2").raw()
        one = callback("av_1").raw(body=callback("av_1").body + smuggled)
        assert await connection.asked(one) == 401
    assert ours.store.begun == 0


# Those who are many


@pytest.mark.crash
@pytest.mark.timeout(120)
async def test_10_000_unknown_ids_leave_nothing_behind() -> None:
    requests = [callback("av_1").raw(target=f"{PATH}/av_{n:032x}/497223.{n:043d}") for n in range(10_000)]
    async with door() as ours:
        before = len(ours.receiver.stats)
        assert Counter(await statuses(ours.port, requests)) == {404: 10_000}
        assert len(ours.receiver.stats) - before == 3  # received, rejected, and why
        assert (ours.store.begun, len(ours.receiver._replays)) == (0, 0)
        assert await ours.store.get([f"av_{n:032x}" for n in range(10_000)]) == {}


@pytest.mark.crash
@pytest.mark.timeout(120)
async def test_1_000_connections_at_once_are_all_answered() -> None:
    async with door() as ours, AsyncExitStack() as opened:
        made = [await opened.enter_async_context(connected(ours.port)) for _ in range(1_000)]
        asked = [connection.asked(callback(f"av_{n}").raw()) for n, connection in enumerate(made)]
        assert Counter(await asyncio.gather(*asked)) == {200: 1_000}
    assert ours.receiver.stats["verified"] == 1_000


# Those who go, and we who do


async def test_a_sender_that_hangs_up_before_the_reply_has_resolved_the_task() -> None:
    async with Gate() as store, Sandbox(speed=3600, render="cached") as sandbox:
        client = Client(
            sandbox.api_key, base_url=sandbox.base_url, store=store, callback_key=KEY, webhook_secret=SECRET
        )
        async with client, client.receiver.serve() as server:
            sandbox.enqueue(Delay(1e9))
            task = await client.submit(Sora2(prompt="a kite", duration=4))
            store.begun = 0
            store.open.clear()
            async with connected(server.port) as connection:
                await connection.send(callback(task.id, completed(task.id, service_id=task.service_id)).raw())
                await until(lambda: store.begun == 1)
                connection.hang_up()
            store.open.set()
            assert (await task).task_id == task.id


@pytest.mark.crash
@pytest.mark.timeout(120)
async def test_shutting_down_under_load_loses_nothing_that_was_acknowledged() -> None:
    async with Gate() as store:
        receiver = WebhookReceiver(store, callback_key=KEY, webhook_secret=SECRET, base_url=ORIGIN)
        acknowledged: list[str] = []

        async def send(id: str, port: int) -> None:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                async with connected(port) as connection:
                    if await connection.asked(callback(id).raw()) == 200:
                        acknowledged.append(id)

        async with asyncio.TaskGroup() as group, receiver.serve() as server:
            for n in range(300):
                group.create_task(send(f"av_{n}", server.port))
            await until(lambda: len(acknowledged) >= 20)
            store.open.clear()
            begun = store.begun
            await until(lambda: store.begun > begun)
            asyncio.get_running_loop().call_later(0.05, store.open.set)
        kept = await store.get([f"av_{n}" for n in range(300)])
        ended = {id for id, record in kept.items() if record.status is TaskStatus.COMPLETED}
    assert set(acknowledged) <= ended
    assert len(acknowledged) > 20
