from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox.clock import Clock
from aivideo_async.sandbox.engine import Engine
from aivideo_async.sandbox.faults import NAMED
from aivideo_async.sandbox.keeping import Keeper, Marks, Secrets, changes_of, read, restore, secrets_of, written
from aivideo_async.sandbox.records import RequestEntry
from aivideo_async.sandbox.scenarios import Course, Delay, Fail, ForgeCallback, RateLimit, Scenario
from aivideo_async.sandbox.state import LASTING, Changes, Kept, StateFolder
from tests.sandbox.asking import BASE, CLIP, KEY, LATER, NOW, accepted, an_engine, content, ended


class Paper(StateFolder):
    """Keeps rows in a dict, unless it is broken."""

    def __init__(self) -> None:
        super().__init__(Path())
        self.rows: dict[tuple[str, str], str] = {}
        self.writes: list[Changes] = []
        self.broken = False

    def write(self, changes: Changes) -> None:
        if self.broken:
            raise sqlite3.OperationalError("disk full")
        self.writes.append(changes)
        if changes.wiped:
            self.rows = {key: row for key, row in self.rows.items() if key[0] in LASTING}
        for kind, id, value in changes.rows:
            self.rows.pop((kind, id), None)
            if value is not None:
                self.rows[kind, id] = value

    def kept(self) -> Kept:
        rows: dict[str, dict[str, str]] = {}
        for (kind, id), text in sorted(self.rows.items()):
            rows.setdefault(kind, {})[id] = text
        return Kept(rows)


def a_clock() -> Clock:
    return Clock(lambda: NOW, speed=1)


def again(paper: Paper, *, base: str = BASE) -> Engine:
    """Another engine that was given what was kept."""
    engine = an_engine(balance=1, seed=2)
    restore(engine, a_clock(), paper.kept(), BASE, base)
    return engine


async def kept(engine: Engine) -> Paper:
    paper = Paper()
    await Keeper(paper, engine, a_clock()).keep()
    return paper


async def test_an_engine_comes_back_as_it_was() -> None:
    engine = an_engine()
    (delivery,) = ended(engine)
    engine.delivered(delivery, LATER, status=503, headers={"a": "b"})
    accepted(engine)
    engine.log(RequestEntry(at=NOW, endpoint="create", method="POST", path="/", status=200))
    other = again(await kept(engine))
    assert other.tasks == engine.tasks
    assert other.ledger.postings == engine.ledger.postings
    assert (list(other.requests), list(other.callbacks)) == (list(engine.requests), list(engine.callbacks))
    assert (list(other.keys), other.outbox.open) == (list(engine.keys), engine.outbox.open)
    assert (other.account(KEY), other.count("create")) == (engine.account(KEY), 1)


async def test_what_was_open_goes_on() -> None:
    engine = an_engine()
    (delivery,) = ended(engine)
    waiting = accepted(engine)
    other = again(await kept(engine))
    other.take_up()
    assert [one.id for one in other.advance(LATER)] == [delivery.id]
    other.finish(waiting.id, CLIP, LATER)
    assert [one.task_id for one in other.advance(LATER)] == [waiting.id]


async def test_files_are_found_at_the_new_address() -> None:
    engine = an_engine()
    ended(engine)
    other = again(await kept(engine), base="http://127.0.0.1:9999")
    (task,) = other.tasks.values()
    url = str(json.loads(json.dumps(task.output))["urls"][0])
    assert url.startswith("http://127.0.0.1:9999/files/")
    other.shelf.secret, other.shelf.base_url = engine.shelf.secret, "http://127.0.0.1:9999"
    assert other.shelf.behind(url, LATER) == content(b"clip")


async def test_only_what_changed_is_written() -> None:
    engine, paper = an_engine(), Paper()
    keeper = Keeper(paper, engine, a_clock())
    task = accepted(engine)
    await keeper.keep()
    paper.rows.clear()
    await keeper.keep()
    assert not paper.rows
    engine.finish(task.id, CLIP, NOW)
    engine.advance(LATER)
    await keeper.keep()
    assert {kind for kind, _ in paper.rows} == {"task", "delivery", "file"}


async def test_what_could_not_be_written_is_written_later(caplog: pytest.LogCaptureFixture) -> None:
    engine, paper = an_engine(), Paper()
    keeper, task = Keeper(paper, engine, a_clock()), accepted(engine)
    paper.broken = True
    await keeper.keep()
    assert caplog.record_tuples == [
        ("aivideo_async.sandbox.keeping", logging.ERROR, "the state could not be written: disk full")
    ]
    paper.broken = False
    await keeper.keep()
    assert ("task", task.id) in paper.rows


async def test_what_is_cancelled_before_it_wrote_writes_and_is_cancelled_then() -> None:
    engine, paper = an_engine(), Paper()
    key = engine.keys.issue("ci", account="a", now=NOW)
    writing = asyncio.create_task(Keeper(paper, engine, a_clock()).keep())
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert again(paper).keys.of(key).name == "ci"


async def test_secrets_are_written_in_one_go_with_what_belongs_to_them() -> None:
    paper = Paper()
    secrets = Secrets(api_key="sk-a", webhook="", shelf="", base_url=BASE)
    await Keeper(paper, an_engine(), a_clock()).keep(secrets)
    (changes,) = paper.writes
    assert {"secrets", "key", "posting"} <= {kind for kind, _, _ in changes.rows}
    assert secrets_of(paper.kept()) == secrets


async def test_a_reset_wipes_what_was_kept() -> None:
    engine, paper = an_engine(), Paper()
    keeper = Keeper(paper, engine, a_clock())
    ended(engine)
    await keeper.keep()
    engine.reset(LATER)
    task = accepted(engine)
    await keeper.keep()
    other = again(paper)
    assert (list(other.tasks), len(other.ledger)) == ([task.id], 2)
    assert other.account(KEY).balance == 800


async def test_a_key_that_was_deleted_does_not_come_back() -> None:
    engine, paper = an_engine(), Paper()
    keeper = Keeper(paper, engine, a_clock())
    engine.keys.issue("ci", account="a", now=NOW)
    await keeper.keep()
    engine.keys.delete("ci")
    await keeper.keep()
    assert len(again(paper).keys) == 1


def test_lists_that_forget_are_kept_as_far_as_they_go() -> None:
    engine = an_engine()
    entry = RequestEntry(at=NOW, endpoint="create", method="POST", path="/", status=200)
    for _ in range(3):
        engine.log(entry)
    engine.requests.popleft()
    changes, marks = changes_of(engine, a_clock(), Marks())
    assert [id for kind, id, _ in changes.rows if kind == "request"] == [f"{2:012d}", f"{1:012d}"]
    assert (changes.oldest["request"], marks.requests) == (f"{1:012d}", 3)


@pytest.mark.parametrize("scenario", NAMED.values(), ids=NAMED)
def test_every_scenario_is_read_as_it_was_written(scenario: Scenario) -> None:
    task = replace(accepted(an_engine()), course=Course((scenario, scenario)))
    assert read(written(task)) == task
    assert isinstance(scenario, get_args(Scenario))


async def test_what_is_to_go_wrong_and_the_clock_come_back_also_after_a_reset() -> None:
    engine, clock, paper = an_engine(), a_clock(), Paper()
    keeper = Keeper(paper, engine, clock)
    engine.enqueue([Fail(message="no"), (Delay(5), ForgeCallback())])
    engine.faults.set("html", 0.5, model="sora-2")
    engine.faults.set(RateLimit(retry_after=7))
    clock.advance(60)
    clock.pause()
    await keeper.keep()
    other, its_clock = an_engine(), a_clock()
    restore(other, its_clock, paper.kept(), BASE, BASE)
    assert (other.waiting(), other.faults.rules) == (engine.waiting(), engine.faults.rules)
    assert (its_clock.now(), its_clock.paused) == (NOW + 60, True)
    engine.reset(NOW)
    await keeper.keep()
    other = again(paper)
    assert (other.waiting(), other.faults.rules) == ((), engine.faults.rules)


async def test_what_is_set_by_then_is_over_what_was_kept() -> None:
    engine, paper = an_engine(), Paper()
    for name in "html", "truncated-json":
        engine.faults.set(name, 0.5)
    engine.enqueue([Fail()])
    await Keeper(paper, engine, a_clock()).keep()
    other = an_engine()
    other.faults.set("html", 0.1)
    other.enqueue([Delay(1)])
    restore(other, a_clock(), paper.kept(), BASE, BASE)
    assert {rule.name: rule.share for rule in other.faults.rules} == {"html": 0.1, "truncated-json": 0.5}
    assert [course.scenarios for course in other.waiting()] == [(Fail(),), (Delay(1),)]


async def test_what_is_as_it_was_is_not_written_again() -> None:
    engine, clock, paper = an_engine(), a_clock(), Paper()
    keeper = Keeper(paper, engine, clock)
    engine.enqueue([Fail()])
    await keeper.keep()
    before = len(paper.writes)
    await keeper.keep()
    assert len(paper.writes) == before
    clock.pause()
    await keeper.keep()
    assert [(kind, id) for kind, id, _ in paper.writes[-1].rows] == [("clock", "all")]


@pytest.mark.parametrize(
    "rows",
    [
        {"queue": {"all": '[[{"is":"Nonsense"}]]'}},
        {"rules": {"all": "[{}]"}},
        {"task": {"a": "{}"}},
        {"key": {"a": "["}},
        {"file": {"/files/a.mp4": '{"name":"no size"}'}},
    ],
)  # fmt: skip  # fmt: skip
def test_rows_that_are_damaged_are_one_sentence(rows: dict[str, dict[str, str]]) -> None:
    with pytest.raises(ConfigurationError, match="damaged"):
        restore(an_engine(), a_clock(), Kept(rows), BASE, BASE)
    with pytest.raises(ConfigurationError, match="damaged"):
        secrets_of(Kept({"secrets": {"all": "{}"}}))
