"""The attack in small, and a burst; ``python -m tests.attack`` is the whole of it."""

from __future__ import annotations

import inspect
import logging
import sys
import time
from collections.abc import Callable
from random import Random

import pytest

from aivideo_async import WebhookReceiver
from aivideo_async.stores import MemoryStore
from tests.attack.__main__ import report
from tests.attack.mutations import MUTATIONS, Mutation
from tests.attack.siege import awaited, siege
from tests.benchmarks.sender import Sender
from tests.callbacks import KEY, SECRET, callback

SEED = 5
MIB = 2**20


@pytest.mark.crash
@pytest.mark.timeout(120)
async def test_an_attack_forges_nothing_and_hinders_nobody(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "aivideo_async")
    outcome = await siege(valid=200, hostile=4_000, seed=SEED)
    with capsys.disabled():
        sys.stdout.write("\n" + report(outcome, valid=200, seed=SEED) + "\n")
    assert (outcome.hostile, outcome.accepted, outcome.forged) == (4_000, 0, 0)
    assert (outcome.resolved, outcome.handled_once) == (200, 200)
    assert outcome.growth < 16 * MIB
    assert {answer.split()[1] for answer in outcome.answers} <= {"0", "400", "401", "404", "405", "408", "413", "415"}


@pytest.mark.crash
@pytest.mark.timeout(120)
async def test_2_000_callbacks_within_a_second_are_all_taken() -> None:
    async with awaited(2_000) as waiting:
        sender = Sender()
        await sender.load([waiting.request(task) for task in waiting.tasks], waiting.port)
        sent = await sender.send(connections=400, over=0.9)
        assert sent.statuses == {200: 2_000}
        assert len({output.task_id for output in await waiting.outputs()}) == 2_000
        assert waiting.client.receiver.stats.get("busy", 0) == 0


def mutated(mutation: Mutation, seed: int) -> bytes:
    return mutation(Random(seed), callback("av_1", now=1_790_000_000), callback("av_2", now=1_790_000_000))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_a_mutation_is_never_the_callback_that_it_was(mutation: Callable[..., bytes]) -> None:
    valid = callback("av_1", now=1_790_000_000).raw()
    made = [mutated(mutation, seed) for seed in range(30)]
    assert valid not in made
    assert made == [mutated(mutation, seed) for seed in range(30)]


def test_every_mutation_is_used() -> None:
    module = inspect.getmodule(MUTATIONS[0])
    found = [
        function
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if list(inspect.signature(function).parameters)[1:2] in (["sent"], ["_sent"]) and not name.startswith("_")
    ]
    assert sorted(map(repr, found)) == sorted(map(repr, MUTATIONS))


async def test_what_is_mutated_is_itself_accepted() -> None:
    async with MemoryStore() as store:
        receiver = WebhookReceiver(store, callback_key=KEY, webhook_secret=SECRET, clock=time.time)
        sent = callback("av_1")
        assert (await receiver.handle("POST", sent.target, sent.headers, sent.body)).status == 200
