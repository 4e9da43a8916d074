"""The engine through the console's eyes."""

from __future__ import annotations

from contextlib import aclosing

from aivideo_async.catalog import Sora2
from aivideo_async.console.controls import KeyForm
from aivideo_async.console.source import Wanted
from aivideo_async.sandbox.records import RequestEntry
from aivideo_async.sandbox.scenarios import DropConnection, ServerError
from tests.console.asking import SORA, a_source
from tests.sandbox.asking import CALLBACK, LATER, NOW, accepted, an_engine, ended


def test_tasks_come_newest_first_in_pages_and_filtered() -> None:
    engine = an_engine(balance=10_000)
    ids = [accepted(engine, {"model": "sora-2", "prompt": f"city {n}", "duration": 4}).id for n in range(5)]
    source = a_source(engine)
    page = source.tasks(Wanted(), 1, 2)
    assert [line.id for line in page.items] == [ids[3], ids[2]]
    assert page.total == 5
    assert [line.id for line in source.tasks(Wanted(text="CITY 2"), 0, 9).items] == [ids[2]]
    assert source.tasks(Wanted(status="completed"), 0, 9).total == 0
    assert source.tally().models == {"sora-2": 5}


async def test_a_create_is_charged_and_a_refusal_says_why() -> None:
    engine = an_engine(balance=150)
    source = a_source(engine)
    sent = await source.create(SORA, CALLBACK)
    assert sent.task_id in engine.tasks
    assert engine.tasks[str(sent.task_id)].callback_url == CALLBACK
    refused = await source.create(Sora2(prompt="x", duration=12), None)
    assert (refused.task_id, refused.status, refused.code) == (None, 402, "insufficient_credits")
    assert "Insufficient" in refused.message


async def test_where_its_own_key_is_disabled_it_says_what_to_do() -> None:
    engine = an_engine()
    source = a_source(engine)
    source.keys.switch("key-1", on=False)
    assert "enable it under Keys" in (await source.create(SORA, None)).message


def test_a_change_of_a_key_gives_the_state_another_name() -> None:
    source = a_source()
    names = [source.revision()]
    source.keys.limit("key-1", KeyForm(daily="5"))
    names.append(source.revision())
    source.keys.switch("key-1", on=False)
    names.append(source.revision())
    assert len(set(names)) == 3


async def test_a_create_without_an_answer_says_so() -> None:
    engine = an_engine()
    engine.enqueue([DropConnection(), ServerError(accepted=True)])
    source = a_source(engine)
    cut, broken = await source.create(SORA, None), await source.create(SORA, None)
    assert (cut.task_id, cut.status) == (None, None)
    assert (broken.task_id, broken.status, broken.code) == (None, 500, "internal_error")


async def test_where_only_one_form_is_taken_that_one_is_sent() -> None:
    engine = an_engine(forms="nested")
    source = a_source(engine)
    source._form_taken = "nested"
    assert (await source.create(SORA, None)).task_id is not None


def test_files_are_none_of_the_requests() -> None:
    engine = an_engine()
    engine.log(RequestEntry(at=NOW, endpoint="get_file", method="GET", path="/files/x", status=200))
    engine.log(RequestEntry(at=NOW, endpoint="unknown", method="GET", path="/x", status=404))
    assert [line.path for line in a_source(engine).requests.requests(0, 9).items] == ["/x"]


async def test_callbacks_are_listed_and_sent_again() -> None:
    engine = an_engine()
    (delivery,) = ended(engine)
    engine.delivered(delivery, LATER, status=503)
    source = a_source(engine)
    (line,) = source.callbacks.attempts(0, 9).items
    assert (line.status, line.attempt, line.accepted) == (503, 1, False)
    assert await source.resend(delivery.task_id)
    assert not await source.resend("nobody")
    again = engine.advance(LATER)
    assert [one.task_id for one in again] == [delivery.task_id]


async def test_the_state_has_another_name_when_anything_happened_and_the_same_when_nothing_did() -> None:
    engine = an_engine()
    source = a_source(engine)
    names = [source.revision(), source.revision()]
    accepted(engine)
    names.append(source.revision())
    source.switchboard.enqueue(["upstream"], 1)
    names.append(source.revision())
    assert names[0] == names[1]
    assert len(set(names)) == 3
    async with aclosing(source.revisions(names[0])) as revisions:
        assert await anext(revisions) == names[-1]


def test_what_runs_gives_the_state_another_name_every_second() -> None:
    engine = an_engine()
    accepted(engine)
    first, second = a_source(engine, now=NOW).revision(), a_source(engine, now=NOW + 1).revision()
    assert first != second
