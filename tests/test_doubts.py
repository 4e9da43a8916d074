from __future__ import annotations

import pytest

from aivideo_async import Client
from aivideo_async.catalog import Sora2
from aivideo_async.core.errors import InvalidRequestError, NotFoundError, SubmissionInDoubtError
from aivideo_async.core.models import TaskRecord, TaskReport, TaskStatus, moment
from aivideo_async.doubts import abandon, bind, in_doubt, is_abandoned, is_in_doubt
from aivideo_async.spending import Budget
from aivideo_async.stores import MemoryStore
from tests.doubles import BROKE_OFF, NOW, ORIGIN, CannedTransport, a_record, completed, until

LATER = moment(NOW + 3600)
CLIP = Sora2(prompt="a cat on a roof", duration=4)


def doubtful(id: str = "av_1", **more: object) -> TaskRecord:
    status = more.pop("status", TaskStatus.IN_DOUBT)
    made = {"service_id": None, "sent_at": moment(NOW), "sender": "x", **more}
    return a_record(id, TaskStatus(str(status)), **made)


async def ask(service_id: str) -> TaskReport:
    return TaskReport(service_id=service_id, status=TaskStatus.PROCESSING, model="sora-2")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (doubtful(), True),
        (doubtful(status=TaskStatus.SUBMITTING), True),
        (doubtful(status=TaskStatus.SUBMITTING, sent_at=LATER), False),
        (doubtful(hinted_id="svc-1"), False),
        (a_record(), False),
        (a_record(status=TaskStatus.COMPLETED), False),
    ],
)
def test_in_doubt_is_what_was_sent_and_never_heard_of(record: TaskRecord, *, expected: bool) -> None:
    assert is_in_doubt(record, LATER, 120.0) is expected


async def test_what_is_in_doubt_is_listed() -> None:
    async with MemoryStore() as store:
        for record in (doubtful("av_1"), a_record("av_2"), doubtful("av_3", origin="https://other.example.com")):
            await store.put(record)
        listed = [record.id async for record in in_doubt(store, now=LATER, create_deadline=120.0, origin=ORIGIN)]
        assert listed == ["av_1"]


async def test_what_is_abandoned_is_refused_and_keeps_its_key() -> None:
    async with MemoryStore() as store:
        await store.put(doubtful(key="order"))
        record = await abandon(store, "av_1", now=LATER, create_deadline=120.0)
        assert (record.status, is_abandoned(record)) == (TaskStatus.REFUSED, True)
        assert (await store.put(a_record("av_2", TaskStatus.SUBMITTING, key="order"))).record.id == "av_1"
        late = (await store.put(TaskRecord(id="av_1", origin=ORIGIN, hinted_at=LATER, hinted_id="svc-9"))).record
        assert not is_abandoned(late)


async def test_what_is_not_in_doubt_is_neither_abandoned_nor_bound() -> None:
    async with MemoryStore() as store:
        await store.put(a_record())
        with pytest.raises(InvalidRequestError, match="it is pending, the service has it as svc-av_1"):
            await abandon(store, "av_1", now=LATER, create_deadline=120.0)
        with pytest.raises(NotFoundError):
            await bind(store, "av_2", "svc-1", now=LATER, create_deadline=120.0, ask=ask)


@pytest.mark.parametrize(
    ("service_id", "model", "said"),
    [
        ("../credits", "sora-2", "1 to 128"),
        ("av_9", "sora-2", "none of ours"),
        ("svc-1", "veo-3", "is a task of sora-2, and av_1 one of veo-3"),
        ("svc-av_2", "sora-2", "is known already: it is av_2"),
    ],
)
async def test_what_cannot_be_that_task_is_not_bound_to_it(service_id: str, model: str, said: str) -> None:
    async with MemoryStore() as store:
        await store.put(doubtful(model=model))
        await store.put(a_record("av_2"))
        with pytest.raises(InvalidRequestError, match=said):
            await bind(store, "av_1", service_id, now=LATER, create_deadline=120.0, ask=ask)
        assert is_in_doubt((await store.get(("av_1",)))["av_1"], LATER, 120.0)


async def test_a_clients_budget_follows_what_is_settled_by_hand() -> None:
    budget, transport = Budget(credits=200), CannedTransport(BROKE_OFF, BROKE_OFF)
    transport.tasks["svc-7"] = completed("svc-7")
    client = Client(
        "sk-test", base_url="http://127.0.0.1:9", callback_url="http://127.0.0.1:9/x", transport=transport,
        store=MemoryStore(), budget=budget, body_form="nested",
    )  # fmt: skip
    async with client:
        ids: list[str] = []
        for _ in range(2):
            with pytest.raises(SubmissionInDoubtError) as caught:
                await client.submit(CLIP)
            ids.append(str(caught.value.task_id))
        assert int(budget.spending().uncertain) == 200
        await client.abandon(ids[0])
        await until(lambda: int(budget.left) == 100)
        await client.bind(ids[1], "svc-7")
        await until(lambda: int(budget.spending().spent) == 100)
