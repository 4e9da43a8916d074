"""The contract of a store under a callback server and under whoever awaits: deliveries, awaiters, restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from aivideo_async.core.lifecycle import ENDED
from aivideo_async.core.models import TaskRecord, TaskStatus
from aivideo_async.core.signing import HmacKey, StandardWebhooks, sign
from aivideo_async.core.tokens import CallbackKeys
from aivideo_async.receiver import WebhookReceiver
from aivideo_async.store_contract.engine import (
    ContractPart,
    Engine,
    consuming,
    in_a_loop_of_its_own,
    record_in,
    taken,
)
from aivideo_async.store_contract.records import ORIGIN, accepted, completion, failure, intent
from aivideo_async.store_contract.unreliable import UnreliableStore
from aivideo_async.stores.base import Store
from aivideo_async.supervise import Supervisor
from aivideo_async.waiters import Waiters

COMPLETED = b'{"id":"svc-1","status":"completed","output":{"urls":["https://cdn.example.com/1.mp4"]}}'
FAILED = b'{"id":"svc-1","status":"failed","error":{"message":"sensitive"}}'


class Sender:
    """The service's side of callbacks for ``av_1``, delivered to a receiver over ``store``."""

    def __init__(self, engine: Engine, store: Store, *, signed: bool = True) -> None:
        self._engine = engine
        self._key = HmacKey(b"s" * 32)
        self._path = f"/hooks/av_1/{CallbackKeys(b'k' * 32).mint('av_1', now=engine.now())}"
        with pytest.MonkeyPatch.context() as environment:
            for name in ("AIVIDEO_WEBHOOK_SECRET", "AIVIDEO_WEBHOOK_SCHEME"):
                environment.delenv(name, raising=False)  # the developer's own
            self.receiver: WebhookReceiver = WebhookReceiver(
                store,
                callback_key=b"k" * 32,
                webhook_secret=StandardWebhooks(self._key) if signed else None,
                base_url=ORIGIN,
                clock=engine.now,
            )

    async def deliver(self, delivery_id: str, body: bytes) -> int:
        """Deliver once, and give the status of the answer."""
        headers = sign([self._key], delivery_id=delivery_id, timestamp=int(self._engine.now()), body=body)
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        return (await self.receiver.handle("POST", self._path, pairs, body)).status


@asynccontextmanager
async def waiting(store: Store) -> AsyncGenerator[Waiters]:
    """Waiters that listen to the store, as those of an open client do."""
    waiters, supervisor = Waiters(store), Supervisor("contract")
    await supervisor.start()
    try:
        supervisor.spawn(waiters.listen)
        await waiters.subscribed()
        yield waiters
    finally:
        await supervisor.stop()


async def submitted(engine: Engine, store: Store) -> None:
    """A task that the service has accepted and that nobody is to ask for yet."""
    await store.put(intent("av_1", engine.now()))
    await store.put(accepted("av_1", "svc-1", next_check=engine.now() + 1_000))


async def ending(waiters: Waiters, id: str) -> TaskRecord | None:
    """Await one task: subscribe, read, wait."""
    with waiters.join(id) as waiter:
        await waiters.read((id,))
        return await waiter.ended()


@in_a_loop_of_its_own
class Receiving(ContractPart):
    """What a callback does."""

    @pytest.mark.parametrize("signed", [True, False])
    async def test_a_delivery_that_met_a_store_that_was_down_counts_the_next_time(
        self, engine: Engine, store: Store, signed: bool
    ) -> None:
        unreliable = UnreliableStore(store, "put")
        sender = Sender(engine, unreliable, signed=signed)
        await submitted(engine, store)
        assert await sender.deliver("msg_1", COMPLETED) == 503
        assert (await record_in(store, "av_1")).status is TaskStatus.PENDING
        unreliable.down.clear()
        assert await sender.deliver("msg_1", COMPLETED) == 200
        if signed:
            await self.assert_resolves(store, "av_1")
        else:
            assert [record.id for record in await store.claim(ORIGIN, 10, self.lease)] == ["av_1"]

    async def test_a_delivery_that_comes_again_changes_nothing(self, engine: Engine, store: Store) -> None:
        await submitted(engine, store)
        sender = Sender(engine, store)
        assert await sender.deliver("msg_1", COMPLETED) == 200
        before = await record_in(store, "av_1")
        assert [await sender.deliver(id, COMPLETED) for id in ("msg_1", "msg_1", "msg_2")] == [200, 200, 200]
        assert await record_in(store, "av_1") == before
        await store.put(completion("av_last", "svc-last", engine.now()))
        async with consuming(store, "mail") as events:
            assert await taken(events, 2, patience=self.patience) == ["av_1", "av_last"]

    @pytest.mark.parametrize("bodies", [(COMPLETED, FAILED), (FAILED, COMPLETED)])
    async def test_of_contradicting_callbacks_the_first_stands(
        self, engine: Engine, store: Store, bodies: tuple[bytes, bytes]
    ) -> None:
        await submitted(engine, store)
        async with engine.connect() as other:
            assert await Sender(engine, store).deliver("msg_1", bodies[0]) == 200
            first = await record_in(other, "av_1")
            assert first.status in ENDED
            assert await Sender(engine, other).deliver("msg_2", bodies[1]) == 200
        stands = await record_in(store, "av_1")
        assert (stands.status, stands.output, stands.failure) == (first.status, first.output, first.failure)

    async def test_a_callback_before_the_creates_answer_resolves_the_task(self, engine: Engine, store: Store) -> None:
        await store.put(intent("av_1", engine.now()))
        assert await Sender(engine, store).deliver("msg_1", COMPLETED) == 200
        await store.put(accepted("av_1", "svc-1", next_check=engine.now()))
        await self.assert_resolves(store, "av_1")

    # Whoever awaits

    async def test_a_callback_at_another_replica_resolves_the_task_here(self, engine: Engine, store: Store) -> None:
        await submitted(engine, store)
        async with engine.connect() as other, waiting(store) as waiters, asyncio.timeout(self.patience):
            awaiter = asyncio.ensure_future(ending(waiters, "av_1"))
            await asyncio.sleep(0)
            assert await Sender(engine, other).deliver("msg_1", COMPLETED) == 200
            assert await awaiter == await record_in(store, "av_1")

    async def test_an_awaiter_that_is_cancelled_hurts_no_other(self, engine: Engine, store: Store) -> None:
        await submitted(engine, store)
        async with engine.connect() as other, waiting(store) as waiters, asyncio.timeout(self.patience):
            leaves, stays = (asyncio.ensure_future(ending(waiters, "av_1")) for _ in range(2))
            await waiters.read(("av_1",))
            leaves.cancel()
            await asyncio.wait([leaves])
            await other.put(failure("av_1", "svc-1", engine.now()))
            record = await stays
        assert leaves.cancelled()
        assert record is not None
        assert record.status is TaskStatus.FAILED

    async def test_who_awaits_again_after_a_restart_is_told(self, engine: Engine) -> None:
        async with engine.connect() as before:
            if not before.durable:
                pytest.skip("records end with the process")
            await before.put(intent("av_early", engine.now()))
            await before.put(intent("av_late", engine.now()))
            await before.put(completion("av_early", "svc-early", engine.now()))
        async with engine.connect() as after:
            await self.assert_resolves(after, "av_early")
            async with waiting(after) as waiters, asyncio.timeout(self.patience):
                awaiter = asyncio.ensure_future(ending(waiters, "av_late"))
                await asyncio.sleep(0)
                await after.put(completion("av_late", "svc-late", engine.now()))
                assert await awaiter == await record_in(after, "av_late")

    async def assert_resolves(self, store: Store, id: str) -> None:
        """Whoever awaits the task here is told that it has ended."""
        async with waiting(store) as waiters, asyncio.timeout(self.patience):
            record = await ending(waiters, id)
        assert record is not None
        assert record.status in ENDED
