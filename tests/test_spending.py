from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from threading import Thread

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from aivideo_async import Client
from aivideo_async.catalog import GenericRequest, Sora2
from aivideo_async.core.budget import STANDINGS
from aivideo_async.core.errors import (
    AuthenticationError,
    BudgetExceededError,
    ConfigurationError,
    InvalidRequestError,
    SubmissionInDoubtError,
    UpstreamError,
)
from aivideo_async.core.models import Estimate, TaskRecord, TaskStatus
from aivideo_async.core.retry import RetryPolicy
from aivideo_async.spending import Budget, Reservation, priced
from aivideo_async.stores import MemoryStore
from tests.doubles import BROKE_OFF, CannedTransport, Held, a_record, accepted, refused, until

CLIP = Sora2(prompt="a cat on a roof", duration=4)
OTHER = Sora2(prompt="a dog in a field", duration=4)
COSTS = Decimal(100)
PRICE = Estimate(low=COSTS, high=COSTS, exact=True, source="test", dated="2026-11-22")


def whole(*amounts: Decimal | None) -> tuple[int, ...]:
    return tuple(int(amount or 0) for amount in amounts)


def costing(price: int) -> Estimate:
    return Estimate(low=Decimal(price), high=Decimal(price), exact=True, source="test", dated="2026-11-22")


def a_client(*creates: object, **more: object) -> Client:
    transport = CannedTransport(*creates)  # type: ignore[arg-type]  # canned answers
    made: dict[str, object] = {"base_url": "http://127.0.0.1:9", "store": MemoryStore(), "transport": transport, **more}
    made.setdefault("callback_url", "http://127.0.0.1:9/hooks")
    made.setdefault("retry", RetryPolicy(attempts=2, base=0.0, cap=0.0))
    return Client("sk-test", **made)  # type: ignore[arg-type]  # settings by name


async def ends(client: Client, id: str, status: TaskStatus) -> None:
    record = (await client.store.get((id,)))[id]
    await client.store.put(TaskRecord(id=id, origin=record.origin, status=status))


# The budget by itself


class Interleavings(RuleBasedStateMachine):
    """Creates begin, arrive, end, are heard of late and twice, and are taken over, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.budget = Budget(credits=50)
        self.reservations: list[tuple[Reservation, int]] = []
        self.tasks: dict[str, tuple[int, TaskStatus]] = {}
        self.pending = 0

    @rule(price=st.integers(0, 30))
    def reserve(self, price: int) -> None:
        left = self.budget.left
        try:
            reservation = self.budget.reserve("sora-2", costing(price))
        except BudgetExceededError:
            assert price > left
        else:
            assert price <= left
            self.reservations.append((reservation, price))

    @rule(data=st.data(), twice=st.booleans())
    def is_refused(self, data: st.DataObject, *, twice: bool) -> None:
        if self.reservations:
            reservation, _ = self.reservations.pop(data.draw(st.integers(0, len(self.reservations) - 1)))
            reservation.release()
            if twice:
                reservation.release()

    @rule(data=st.data(), status=st.sampled_from(TaskStatus), again=st.booleans())
    def is_accepted(self, data: st.DataObject, status: TaskStatus, *, again: bool) -> None:
        if not self.reservations:
            return
        reservation, price = self.reservations.pop(data.draw(st.integers(0, len(self.reservations) - 1)))
        known = again and bool(self.tasks)
        id = data.draw(st.sampled_from(sorted(self.tasks))) if known else f"av_{len(self.tasks)}"
        reservation.bind(a_record(id, status))
        if not known:
            self.tasks[id] = (price, status)

    @rule(data=st.data(), status=st.sampled_from(TaskStatus))
    def is_heard_of(self, data: st.DataObject, status: TaskStatus) -> None:
        if self.tasks:
            id = data.draw(st.sampled_from(sorted(self.tasks)))
            price, known = self.tasks[id]
            self.budget.learn(a_record(id, status))
            ranks = list(_RANKED)
            if ranks.index(_rank(status)) > ranks.index(_rank(known)):
                self.tasks[id] = (price, status)

    @rule(price=st.integers(0, 80), status=st.sampled_from(TaskStatus))
    def is_taken_over(self, price: int, status: TaskStatus) -> None:
        id = f"av_{len(self.tasks)}"
        for _ in range(2):
            self.budget.adopt(a_record(id, status, estimate=costing(price)))
        self.tasks[id] = (price, status)

    @invariant()
    def never_below_zero_and_every_credit_stands_where_its_task_has_come_to(self) -> None:
        sums = dict.fromkeys(("reserved", "uncertain", "spent", "released"), 0)
        sums["reserved"] = sum(price for _, price in self.reservations)
        for price, status in self.tasks.values():
            sums[STANDINGS[status]] += price
        spend = self.budget.spending()
        assert tuple(map(int, (spend.reserved, spend.uncertain, spend.spent))) == (
            sums["reserved"],
            sums["uncertain"],
            sums["spent"],
        )
        assert self.budget.left >= 0
        committed = spend.reserved + spend.uncertain + spend.spent
        assert self.budget.left - self.budget.overdrawn == 50 - committed


_RANKED: Sequence[tuple[TaskStatus, ...]] = (
    (TaskStatus.SUBMITTING,),
    (TaskStatus.IN_DOUBT,),
    (TaskStatus.PENDING,),
    (TaskStatus.PROCESSING,),
    (TaskStatus.REFUSED, TaskStatus.EXPIRED),
    (TaskStatus.FAILED, TaskStatus.COMPLETED),
)


def _rank(status: TaskStatus) -> tuple[TaskStatus, ...]:
    return next(rank for rank in _RANKED if status in rank)


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


@pytest.mark.parametrize("amount", [Decimal(-1), Decimal("NaN"), Decimal("Infinity")])
def test_a_budget_that_makes_no_sense_is_refused(amount: Decimal) -> None:
    with pytest.raises(ConfigurationError):
        Budget(credits=amount)


def test_what_does_not_fit_is_refused_in_numbers() -> None:
    budget = Budget(credits=150)
    budget.reserve("sora-2", PRICE)
    with pytest.raises(BudgetExceededError, match="sora-2 costs 100 credits, and 50 are left of 150") as caught:
        budget.reserve("sora-2", PRICE)
    assert caught.value.charged == "no"
    assert repr(budget) == "<Budget 50 of 150 credits left>"


def test_a_price_without_a_bound_is_refused() -> None:
    unbounded = Estimate(low=Decimal(0), high=None, exact=False, source="test", dated="")
    with pytest.raises(BudgetExceededError, match="no known bound"):
        Budget(credits=10**9).reserve("new-model", unbounded)
    assert priced(unbounded, Decimal(40)).high == 40
    with pytest.raises(InvalidRequestError):
        priced(unbounded, -1)


def test_spending_is_reported_per_model() -> None:
    budget = Budget(credits=500)
    budget.reserve("sora-2", PRICE).bind(a_record("av_1", TaskStatus.COMPLETED))
    budget.reserve("kling-3.0", PRICE).bind(a_record("av_2", TaskStatus.IN_DOUBT))
    report = budget.report()
    assert list(report) == ["kling-3.0", "sora-2"]
    assert whole(report["sora-2"].spent, report["kling-3.0"].uncertain) == (100, 100)
    assert budget.open_tasks() == ("av_2",)


def test_threads_together_reserve_no_more_than_there_is() -> None:
    budget, got = Budget(credits=1000), list[Reservation]()

    def reserve() -> None:
        for _ in range(50):
            try:
                got.append(budget.reserve("sora-2", PRICE))
            except BudgetExceededError:
                return

    threads = [Thread(target=reserve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), int(budget.left)) == (10, 0)


# In a client


async def test_over_budget_nothing_is_sent() -> None:
    budget = Budget(credits=99)
    async with a_client() as client:
        with pytest.raises(BudgetExceededError):
            await client.submit(CLIP, budget=budget)
        transport = client._transport
        assert isinstance(transport, CannedTransport)
        assert transport.sent == []
        assert [record async for record in client.unfinished()] == []


@pytest.mark.parametrize(
    ("status", "spent", "left"),
    [(TaskStatus.COMPLETED, 100, 900), (TaskStatus.FAILED, 0, 1000), (TaskStatus.EXPIRED, 0, 900)],
)
async def test_a_create_settles_when_its_task_has_ended(status: TaskStatus, spent: int, left: int) -> None:
    budget = Budget(credits=1000)
    async with a_client(budget=budget) as client:
        task = await client.submit(CLIP)
        assert whole(budget.left, budget.spending().reserved) == (900, 100)
        await ends(client, task.id, status)
        await until(lambda: budget.spending().reserved == 0)
        assert whole(budget.spending().spent, budget.left) == (spent, left)


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (refused(401, "invalid_api_key"), AuthenticationError),
        (refused(503, "upstream_error"), UpstreamError),
    ],
)
async def test_a_refusal_gives_back_what_was_reserved(answer: object, raised: type[Exception]) -> None:
    budget = Budget(credits=100)
    async with a_client(answer) as client:
        with pytest.raises(raised):
            await client.submit(CLIP, budget=budget)
    assert budget.left == 100


async def test_what_is_in_doubt_stays_uncertain_until_its_callback_comes() -> None:
    budget = Budget(credits=100)
    async with a_client(BROKE_OFF) as client:
        with pytest.raises(SubmissionInDoubtError) as caught:
            await client.submit(CLIP, budget=budget)
        assert whole(budget.spending().uncertain, budget.left) == (100, 0)
        await ends(client, str(caught.value.task_id), TaskStatus.FAILED)
        await until(lambda: budget.left == 100)


async def test_a_submit_that_is_cancelled_before_it_sends_gives_back_and_one_that_sends_keeps() -> None:
    budget, waiting, sending = Budget(credits=200), Held(accepted("a"), first_byte=False), Held(accepted("b"))
    async with a_client(waiting, sending, body_form="nested") as client:
        for held, left in ((waiting, 200), (sending, 100)):
            submitting = asyncio.create_task(client.submit(CLIP, budget=budget))
            await held.arrived.wait()
            submitting.cancel()
            await asyncio.wait([submitting])
            while budget.left != left:
                await asyncio.sleep(0)
        sending.release.set()
        await until(lambda: bool(budget.open_tasks()))
    assert budget.spending().reserved == 100


async def test_a_client_that_closes_before_the_answer_leaves_it_uncertain() -> None:
    budget, held = Budget(credits=100), Held(accepted("a"))
    async with a_client(held, body_form="nested", close_timeout=0.0) as client:
        submitting = asyncio.create_task(client.submit(CLIP, budget=budget))
        await held.arrived.wait()
    with pytest.raises(SubmissionInDoubtError):
        await submitting
    assert budget.spending().uncertain == 100


async def test_one_key_is_one_price_however_often_it_is_submitted() -> None:
    budget, held = Budget(credits=1000), Held(accepted("a"))
    async with a_client(held, body_form="nested") as client:
        both = [asyncio.create_task(client.submit(CLIP, key="order", budget=budget)) for _ in range(2)]
        await held.arrived.wait()
        assert budget.spending().reserved == 200
        held.release.set()
        first, second = await asyncio.gather(*both)
        assert (first.id, int(budget.spending().reserved)) == (second.id, 100)
        await ends(client, first.id, TaskStatus.COMPLETED)
        await until(lambda: budget.spending().spent == 100)
        await client.submit(CLIP, key="order", budget=budget)
        assert budget.left == 900


async def test_a_joined_submit_that_is_cancelled_gives_its_own_back() -> None:
    budget, held = Budget(credits=1000), Held(accepted("a"))
    async with a_client(held, body_form="nested") as client:
        first, second = [asyncio.create_task(client.submit(CLIP, key="order", budget=budget)) for _ in range(2)]
        await held.arrived.wait()
        second.cancel()
        await asyncio.wait([second])
        assert budget.spending().reserved == 100
        held.release.set()
        await first


async def test_the_key_of_another_request_costs_nothing() -> None:
    budget = Budget(credits=1000)
    async with a_client() as client:
        await client.submit(CLIP, key="order", budget=budget)
        with pytest.raises(InvalidRequestError):
            await client.submit(OTHER, key="order", budget=budget)
    assert budget.left == 900


async def test_a_price_that_the_caller_says_is_the_one_that_counts() -> None:
    budget, new = Budget(credits=100), GenericRequest(kind="video", model="new", input={"prompt": "a cat"})
    async with a_client() as client:
        with pytest.raises(BudgetExceededError):
            await client.submit(new, budget=budget)
        task = await client.submit(new, budget=budget, credits=40)
        assert task.record.estimate is not None
        assert whole(task.record.estimate.high, budget.left) == (40, 60)


async def test_a_client_that_opens_again_goes_on_settling_its_budget() -> None:
    budget, store = Budget(credits=100), MemoryStore()
    async with store, a_client(budget=budget, store=store) as first:
        task = await first.submit(CLIP)
    assert budget.spending().reserved == 100
    async with store, a_client(budget=budget, store=store) as second:
        await ends(second, task.id, TaskStatus.COMPLETED)
        await until(lambda: budget.spending().spent == 100)
