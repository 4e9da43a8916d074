from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import aiohttp
import pytest

from aivideo_async.core.errors import APIConnectionError, ConfigurationError, StoreError
from aivideo_async.core.models import Reply, TaskEvent, TaskRecord, TaskStatus, moment
from aivideo_async.core.scheme_verifier import verifier_for
from aivideo_async.core.signing import StandardWebhooks, load_key, sign
from aivideo_async.core.tokens import CallbackKeys
from aivideo_async.core.webhooks import Verifier
from aivideo_async.jwks import JwksVerifier
from aivideo_async.lent_store import FINGERPRINT
from aivideo_async.receiver import WebhookReceiver
from aivideo_async.stores import MemoryStore, Put
from aivideo_async.turns import Turns
from tests.core import senders
from tests.doubles import NOW, ManualClock, a_record

KEY = "k" * 32
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HOSTED = "https://api.example.com"


class Door:
    """A receiver over a memory store, and the sender's side of it."""

    def __init__(self, *, secret: str | None = SECRET, store: MemoryStore | None = None) -> None:
        self.clock = ManualClock()
        self.store = store or MemoryStore(clock=self.clock)
        self.receiver = WebhookReceiver(
            self.store, callback_key=KEY, webhook_secret=secret, base_url=HOSTED, clock=self.clock
        )

    def path(self, id: str = "av_1") -> str:
        return f"/webhooks/aivideo/{id}/{CallbackKeys(KEY).mint(id, now=self.clock())}"

    def headers(self, body: bytes, *, delivery: str = "msg_1", secret: str = SECRET) -> list[tuple[bytes, bytes]]:
        key = load_key(secret)
        signed = sign([key], delivery_id=delivery, timestamp=int(self.clock()), body=body)  # type: ignore[list-item]
        return [(b"Content-Type", b"application/json"), *((k.encode(), v.encode()) for k, v in signed.items())]

    async def deliver(
        self, body: bytes, *, id: str = "av_1", delivery: str = "msg_1", secret: str = SECRET, path: str | None = None
    ) -> Reply:
        headers = self.headers(body, delivery=delivery, secret=secret)
        return await self.receiver.handle("POST", path or self.path(id), headers, body)

    async def record(self, id: str = "av_1") -> TaskRecord:
        return (await self.store.get((id,)))[id]


def task_body(service_id: str = "svc-av_1", status: str = "completed", **more: object) -> bytes:
    task: dict[str, object] = {"id": service_id, "status": status, "model": "sora-2", "created_at": int(NOW), **more}
    if status == "completed":
        task.setdefault("output", {"urls": ["https://cdn.example.com/a.mp4?sig=1"]})
    if status == "failed":
        task.setdefault("error", {"code": "upstream_error", "message": "sensitive"})
    return json.dumps(task).encode()


async def test_a_signed_callback_is_the_answer() -> None:
    door = Door()
    await door.store.put(a_record())
    assert (await door.deliver(task_body())).status == 200
    record = await door.record()
    assert record.status is TaskStatus.COMPLETED
    assert record.output is not None
    assert door.receiver.stats == {"received": 1, "verified": 1}


async def test_a_signed_failure_is_recorded_with_its_message() -> None:
    door = Door()
    await door.store.put(a_record())
    await door.deliver(task_body(status="failed"))
    failure = (await door.record()).failure
    assert failure is not None
    assert (failure.code, failure.message) == ("upstream_error", "sensitive")


async def test_an_unsigned_callback_is_only_a_hint_due_now() -> None:
    door = Door(secret=None)
    await door.store.put(a_record(next_check=moment(NOW + 500)))
    assert (await door.deliver(task_body())).status == 200
    record = await door.record()
    assert (record.status, record.hinted_id, record.next_check) == (TaskStatus.PENDING, "svc-av_1", moment(NOW))
    assert door.receiver.stats["hints"] == 1


async def test_a_hint_for_an_ended_task_does_nothing() -> None:
    door = Door(secret=None)
    await door.store.put(a_record(status=TaskStatus.FAILED, ended_at=moment(NOW)))
    await door.deliver(task_body())
    assert (await door.record()).next_check is None


async def test_a_signed_callback_with_an_odd_body_is_only_a_hint() -> None:
    door = Door()
    await door.store.put(a_record())
    assert (await door.deliver(task_body(output=None))).status == 200
    record = await door.record()
    assert (record.status, record.hinted_at) == (TaskStatus.PENDING, moment(NOW))


async def test_a_callback_before_the_creates_answer_finds_its_task() -> None:
    door = Door()
    await door.store.put(a_record(status=TaskStatus.SUBMITTING, service_id=None))
    await door.deliver(task_body())
    await door.store.put(a_record(status=TaskStatus.PENDING))
    assert (await door.record()).status is TaskStatus.COMPLETED


async def test_a_duplicate_is_200_without_effect_and_reaches_no_store() -> None:
    door = Door()
    await door.store.put(a_record())
    assert [(await door.deliver(task_body())).status for _ in range(3)] == [200, 200, 200]
    assert door.receiver.stats["duplicates"] == 2


async def test_of_two_endings_the_first_stands(caplog: pytest.LogCaptureFixture) -> None:
    door = Door()
    await door.store.put(a_record())
    await door.deliver(task_body())
    assert (await door.deliver(task_body(status="failed"), delivery="msg_2")).status == 200
    assert (await door.record()).status is TaskStatus.COMPLETED
    assert "the first stands" in caplog.text


async def test_a_result_that_is_not_what_was_asked_for_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    from aivideo_async.catalog import Sora2

    door = Door()
    await door.store.put(a_record(request=Sora2(prompt="x", duration=12)))
    await door.deliver(task_body(output={"urls": ["https://cdn.example.com/a"], "metadata": {"duration": 4}}))
    assert "duration: asked for 12, got 4" in caplog.text


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", [], 405),
        ("POST", [(b"Content-Type", b"text/html")], 415),
        ("POST", [(b"Content-Encoding", b"gzip")], 415),
        ("POST", [(b"Content-Length", b"262145")], 413),
    ],
)
async def test_what_can_be_refused_before_the_body_is(
    method: str, headers: Sequence[tuple[bytes, bytes]], status: int
) -> None:
    door = Door()
    reply = door.receiver.admit(method, door.path(), headers)
    assert isinstance(reply, Reply)
    assert reply.status == status
    assert (method != "GET") or ("Allow", "POST") in reply.headers


async def test_json_with_a_charset_or_unnamed_or_identity_is_admitted() -> None:
    door = Door()
    for headers in ([(b"content-type", b"application/json; charset=utf-8")], [], [(b"content-encoding", b"identity")]):
        assert not isinstance(door.receiver.admit("POST", door.path(), headers), Reply)


async def test_a_body_over_the_limit_is_413() -> None:
    door = Door()
    assert (await door.deliver(b"x" * (256 * 1024 + 1))).status == 413


@pytest.mark.parametrize("path", ["/", "/webhooks/aivideo/av_1/497223.AAAA", "/av_1/" + "9" * 300])
async def test_an_unknown_token_is_404_and_reaches_no_store(path: str) -> None:
    door = Door()
    assert (await door.deliver(task_body(), path=path)).status == 404
    assert await door.store.get(("av_1",)) == {}


async def test_a_token_of_another_task_is_404() -> None:
    door = Door()
    path = door.path("av_1").replace("av_1", "av_2")
    assert (await door.deliver(task_body(), path=path)).status == 404


async def test_a_token_lives_seven_days() -> None:
    door = Door()
    path = door.path()
    door.clock.advance(7 * 86_400 - 1)
    assert (await door.deliver(task_body(), path=path)).status == 200
    door.clock.advance(3_601)
    assert (await door.deliver(task_body(), path=path, delivery="msg_2")).status == 404


async def test_a_wrong_signature_is_401_and_the_task_is_untouched() -> None:
    door = Door()
    await door.store.put(a_record())
    reply = await door.deliver(task_body(), secret="whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    assert (reply.status, (await door.record()).status) == (401, TaskStatus.PENDING)
    assert door.receiver.stats["rejected:bad_signature"] == 1


async def test_a_missing_a_stale_and_a_replayed_signature_answer_the_same() -> None:
    door = Door()
    body = task_body()
    headers = door.headers(body)
    missing = await door.receiver.handle("POST", door.path(), [], body)
    door.clock.advance(301)
    stale = await door.receiver.handle("POST", door.path(), headers, body)
    assert missing == stale
    assert missing.status == 401


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"id":"a","id":"b"}', b'{"status":"completed"}', b"\xff"])
async def test_a_malformed_body_is_400(body: bytes) -> None:
    assert (await Door().deliver(body)).status == 400


async def test_an_id_that_is_not_the_records_is_400_and_the_task_is_untouched() -> None:
    door = Door()
    await door.store.put(a_record())
    assert (await door.deliver(task_body("svc-other"))).status == 400
    record = await door.record()
    assert (record.status, record.service_id) == (TaskStatus.PENDING, "svc-av_1")


async def test_an_id_that_another_task_holds_is_400() -> None:
    door = Door()
    await door.store.put(a_record("av_1"))
    await door.store.put(a_record("av_2", service_id=None))
    assert (await door.deliver(task_body("svc-av_1"), id="av_2")).status == 400
    assert (await door.record("av_1")).status is TaskStatus.PENDING


async def test_a_hint_that_names_another_id_than_the_record_is_400() -> None:
    door = Door(secret=None)
    await door.store.put(a_record())
    assert (await door.deliver(task_body("svc-other"))).status == 400
    assert (await door.record()).hinted_at is None


async def test_a_valid_token_without_a_record_makes_it_anew(caplog: pytest.LogCaptureFixture) -> None:
    door = Door(secret=None)
    assert (await door.deliver(task_body())).status == 200
    record = await door.record()
    assert (record.status, record.hinted_id) == (TaskStatus.IN_DOUBT, "svc-av_1")
    assert record.created_at == moment(NOW)
    assert "made it anew" in caplog.text


class DownStore(MemoryStore):
    """A store whose engine is away while ``down`` is true."""

    down = False

    async def put(self, record: TaskRecord, /) -> Put:
        if self.down:
            raise StoreError("no route to the engine")
        return await super().put(record)


async def test_a_store_that_is_down_answers_503_and_the_same_delivery_resolves_later() -> None:
    store = DownStore()
    door = Door(store=store)
    await store.put(a_record())
    store.down = True
    reply = await door.deliver(task_body())
    assert (reply.status, "Retry-After" in dict(reply.headers)) == (503, True)
    store.down = False
    assert (await door.deliver(task_body())).status == 200
    assert (await door.record()).status is TaskStatus.COMPLETED


class SlowStore(MemoryStore):
    """Takes its time over a put, until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    async def put(self, record: TaskRecord, /) -> Put:
        self.begun.set()
        await self.go.wait()
        return await super().put(record)


async def test_a_sender_that_hangs_up_does_not_stop_the_put() -> None:
    store = SlowStore()
    door = Door(store=store)
    handling = asyncio.ensure_future(door.deliver(task_body()))
    await store.begun.wait()
    handling.cancel()
    store.go.set()
    with pytest.raises(asyncio.CancelledError):
        await handling
    assert (await door.record()).status is TaskStatus.COMPLETED


async def test_more_than_the_queue_holds_is_503() -> None:
    store = SlowStore()
    door = Door(store=store)
    door.receiver._turns = Turns(at_work=1, waiting=1, longest_wait=5.0)
    handling = [asyncio.ensure_future(door.deliver(task_body(), delivery=f"msg_{n}")) for n in range(3)]
    await store.begun.wait()
    assert (await handling[2]).status == 503
    store.go.set()
    assert [(await one).status for one in handling[:2]] == [200, 200]


async def test_who_waits_too_long_for_a_turn_gets_503() -> None:
    store = SlowStore()
    door = Door(store=store)
    door.receiver._turns = Turns(at_work=1, waiting=5, longest_wait=0.01)
    first = asyncio.ensure_future(door.deliver(task_body()))
    await store.begun.wait()
    assert (await door.deliver(task_body(), delivery="msg_2")).status == 503
    store.go.set()
    assert (await first).status == 200


OTHER = "whsec_" + "b" * 32


async def test_secrets_are_replaced_from_the_next_callback_on() -> None:
    door = Door()
    door.receiver.replace_secrets([OTHER, SECRET])
    both = [await door.deliver(task_body(), delivery=secret[-3:], secret=secret) for secret in (SECRET, OTHER)]
    door.receiver.replace_secrets(OTHER)
    dropped = await door.deliver(task_body(), delivery="msg_3")
    assert [reply.status for reply in (*both, dropped)] == [200, 200, 401]


@pytest.mark.parametrize("wrong", [[OTHER, "whsec_no"], [], verifier_for("kie", "k" * 16)])
async def test_after_a_wrong_secret_the_old_ones_hold(wrong: list[str] | Verifier) -> None:
    door = Door()
    with pytest.raises(ConfigurationError):
        door.receiver.replace_secrets(wrong)
    assert (await door.deliver(task_body())).status == 200
    assert (await door.deliver(task_body(), secret=OTHER)).status == 401


async def test_secrets_are_not_replaced_where_callbacks_are_unsigned() -> None:
    door = Door(secret=None)
    with pytest.raises(ConfigurationError, match="no secret to replace"):
        door.receiver.replace_secrets(SECRET)
    assert (await door.deliver(task_body())).status == 200


@pytest.mark.parametrize(("scheme", "believed"), [("github", True), ("kie", False)])
async def test_a_scheme_is_named_and_says_what_a_callback_is_worth(scheme: str, believed: bool) -> None:
    store, clock = MemoryStore(), ManualClock()
    receiver = WebhookReceiver(store, callback_key=KEY, webhook_secret=senders.SECRET, scheme=scheme, clock=clock)
    body = task_body(data={"task_id": "task_7"})
    path = f"/x/av_1/{CallbackKeys(KEY).mint('av_1', now=NOW)}"
    forged = await receiver.handle("POST", path, [], body)
    right = await receiver.handle("POST", path, senders.SENDERS[scheme](body, int(NOW)), body)
    assert (forged.status, right.status, receiver.stats.get("hints", 0)) == (401, 200, not believed)


async def test_while_a_senders_keys_cannot_be_had_it_is_asked_to_come_again() -> None:
    answers: list[bytes | APIConnectionError] = [APIConnectionError("away", sent="maybe"), senders.KEY_SET]

    async def fetch(_: str) -> bytes:
        answer = answers.pop(0)
        if isinstance(answer, APIConnectionError):
            raise answer
        return answer

    clock = ManualClock()
    verifier = JwksVerifier(clock=clock, fetch=fetch)
    receiver = WebhookReceiver(MemoryStore(), callback_key=KEY, webhook_secret=verifier, clock=clock)
    path = f"/x/av_1/{CallbackKeys(KEY).mint('av_1', now=NOW)}"
    replies: list[int] = []
    for _ in range(3):
        headers = senders.SENDERS["fal"](task_body(), int(clock()))
        replies.append((await receiver.handle("POST", path, headers, task_body())).status)
        clock.advance(5)
    assert (replies, receiver.stats["duplicates"]) == ([503, 200, 200], 1)


async def test_deliveries_are_remembered_for_as_long_as_the_window_of_their_scheme() -> None:
    door = Door()
    door.receiver.replace_secrets(StandardWebhooks(SECRET, tolerance=1000))
    headers, path = door.headers(task_body()), door.path()
    await door.receiver.handle("POST", path, headers, task_body())
    door.clock.advance(900)
    await door.receiver.handle("POST", path, headers, task_body())
    assert door.receiver.stats["duplicates"] == 1


async def test_the_memory_of_deliveries_forgets_what_is_old_enough() -> None:
    door = Door()
    await door.deliver(task_body(), delivery="msg_1")
    door.clock.advance(602)
    await door.deliver(task_body(), delivery="msg_2")
    assert len(door.receiver._replays) == 1


async def test_an_unopened_store_is_opened_at_the_first_request_and_closed_in_the_end() -> None:
    door = Door()
    opened = [door.store.opened]
    await asyncio.gather(door.deliver(task_body()), door.deliver(task_body(), delivery="msg_2"))
    opened.append(door.store.opened)
    await door.receiver.aclose()
    await door.receiver.aclose()
    opened.append(door.store.opened)
    assert opened == [False, True, False]


class ClosedStore(MemoryStore):
    """Cannot be opened."""

    async def __aenter__(self) -> Self:
        raise StoreError("no route to the engine")


async def test_a_receiver_without_the_minting_key_says_so(caplog: pytest.LogCaptureFixture) -> None:
    door = Door()
    await door.store.note(FINGERPRINT, CallbackKeys("m" * 32).fingerprint())
    await door.deliver(task_body())
    assert "does not hold" in caplog.text


async def test_it_says_so_also_over_a_store_that_was_open_already(caplog: pytest.LogCaptureFixture) -> None:
    door = Door()
    async with door.store:
        await door.store.note(FINGERPRINT, CallbackKeys("m" * 32).fingerprint())
        async with door.receiver.serve():
            assert caplog.text.count("does not hold") == 1
        await door.deliver(task_body())
    assert caplog.text.count("does not hold") == 1


async def test_it_says_so_when_what_it_gets_is_minted_with_that_key(caplog: pytest.LogCaptureFixture) -> None:
    door, minting = Door(), CallbackKeys("m" * 32)
    token = minting.mint("av_1", now=door.clock())
    async with door.receiver.serve() as server, aiohttp.ClientSession() as session:
        for fingerprint in (None, minting.fingerprint(), None):  # nobody had minted at first
            await door.store.note(FINGERPRINT, fingerprint)
            reply = await session.post(f"{server.url}/av_1/{token}", json={})
            assert reply.status == 404
            door.clock.advance(60)
        await session.post(f"{server.url}/av_1/{token}", json={})
    assert caplog.text.count("does not hold") == 1
    assert not door.store.opened


async def test_a_stranger_does_not_make_it_look_for_keys_again_and_again(caplog: pytest.LogCaptureFixture) -> None:
    door = Door(store=ClosedStore())
    for _ in range(3):
        await door.receiver.after(await door.deliver(task_body(), path="/webhooks/aivideo/av_1/1.abc"))
    assert caplog.text.count("does not tell with which key") == 1


async def test_a_receiver_of_a_closed_client_answers_503() -> None:
    door = Door()
    door.receiver = WebhookReceiver(
        door.store, callback_key=KEY, base_url=HOSTED, clock=door.clock, ready=lambda: False
    )
    assert (await door.deliver(task_body())).status == 503


def test_a_receiver_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIVIDEO_API_KEY", "AIVIDEO_CALLBACK_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match="callback key or an API key"):
        WebhookReceiver(MemoryStore())


async def test_it_serves_on_a_socket_and_says_where() -> None:
    door = Door()
    await door.store.put(a_record())
    body = task_body()
    async with door.receiver.serve() as server, aiohttp.ClientSession() as session:
        addresses = [door.receiver.address]
        url = f"http://127.0.0.1:{server.port}{door.path()}"
        headers = {name.decode(): value.decode() for name, value in door.headers(body)}
        async with session.post(url, data=body, headers=headers) as response:
            assert response.status == 200
    addresses.append(door.receiver.address)
    assert addresses == [server.url, None]
    assert (await door.record()).status is TaskStatus.COMPLETED


async def test_it_is_an_asgi_application() -> None:
    door = Door()
    body = task_body()
    sent: list[MutableMapping[str, object]] = []

    async def receive() -> MutableMapping[str, object]:
        return {"type": "http.request", "body": body}

    async def send(message: MutableMapping[str, object]) -> None:
        sent.append(message)

    scope: dict[str, object] = {
        "type": "http",
        "method": "POST",
        "path": door.path(),
        "headers": door.headers(body),
    }
    await door.receiver.asgi(scope, receive, send)
    assert sent[0]["status"] == 200


def test_routes_are_for_aiohttp() -> None:
    (route,) = Door().receiver.routes("/hooks/")
    assert route.path == "/hooks/{id}/{token}"


def test_without_a_loop_it_answers_from_one_of_its_own() -> None:
    store = MemoryStore()
    door = Door(store=store)
    asyncio.run(store_put(store, a_record()))
    seen: list[str] = []

    @door.receiver.on("task.completed")
    async def handler(event: TaskEvent) -> None:
        seen.append(event.record.id)

    body = task_body()
    headers = {name.decode(): value.decode() for name, value in door.headers(body)}
    first = door.receiver.handle_sync("POST", door.path(), headers, body)
    large = door.receiver.handle_sync("POST", door.path(), headers, b"x" * (256 * 1024 + 1))
    opened = [store.opened]
    door.receiver.close()
    opened.append(store.opened)
    assert (first.status, large.status, opened, seen) == (200, 413, [True, False], ["av_1"])
    assert ("Connection", "close") not in large.headers
    assert handler is not None


class ReluctantStore(MemoryStore):
    """Takes its time to open."""

    async def __aenter__(self) -> Self:
        await asyncio.sleep(0.02)
        return await super().__aenter__()


def test_many_threads_may_be_its_first_callers_also_once_it_was_closed() -> None:
    door, body = Door(store=ReluctantStore()), task_body()
    for delivery in ("msg_1", "msg_2"):
        headers = door.headers(body, delivery=delivery)
        with ThreadPoolExecutor(8) as pool:
            asked = [
                pool.submit(door.receiver.handle_sync, "POST", door.path(), headers, task_body("svc-av_1"))
                for _ in range(8)
            ]
        assert [one.result().status for one in asked] == [200] * 8
        door.receiver.close()


async def store_put(store: MemoryStore, record: TaskRecord) -> None:
    await store.put(record)


async def test_where_a_loop_runs_the_blocking_way_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="an event loop runs"):
        Door().receiver.handle_sync("POST", "/", [], b"")


async def test_a_handler_runs_after_the_reply_and_only_for_the_first_ending() -> None:
    door = Door()
    await door.store.put(a_record())
    seen: list[str] = []

    @door.receiver.on("task.completed")
    async def handler(event: TaskEvent) -> None:
        seen.append(event.name)

    replies = [await door.deliver(task_body(), delivery=delivery) for delivery in ("msg_1", "msg_2")]
    before_the_reply_is_out = list(seen)
    for reply in replies:
        await door.receiver.after(reply)
    assert (before_the_reply_is_out, seen, handler.__name__) == ([], ["task.completed"], "handler")


async def test_a_handler_over_a_socket_runs_once_the_sender_has_its_reply() -> None:
    door = Door()
    await door.store.put(a_record())
    replied, seen = asyncio.Event(), asyncio.Event()

    @door.receiver.on("task.completed")
    async def handler(_event: TaskEvent) -> None:
        await replied.wait()
        seen.set()

    body = task_body()
    headers = {name.decode(): value.decode() for name, value in door.headers(body)}
    async with door.receiver.serve() as server, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{server.port}{door.path()}"
        async with session.post(url, data=body, headers=headers) as response:
            assert (response.status, await response.read()) == (200, b"ok\n")
        replied.set()
        await seen.wait()
    assert handler is not None


def test_a_handler_where_only_hints_arrive_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"client\.events"):
        Door(secret=None).receiver.on("task.completed")


async def test_it_counts_how_long_what_it_stored_took_and_which_secret_matched() -> None:
    door = Door()
    await door.store.put(a_record())
    await door.deliver(task_body())
    await door.deliver(task_body(), delivery="msg_2", secret="whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    stats = door.receiver.stats
    assert (stats.matched, stats.rejections, stats.latency.count) == ({0: 1}, {"bad_signature": 1}, 1)
    assert 0.0 < stats.latency.seconds < 60.0


async def test_of_two_secrets_the_one_that_matched_is_counted() -> None:
    door = Door()
    old = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    door.receiver = WebhookReceiver(door.store, callback_key=KEY, webhook_secret=[SECRET, old], clock=door.clock)
    await door.store.put(a_record())
    await door.deliver(task_body(), secret=old)
    assert door.receiver.stats.matched == {1: 1}
