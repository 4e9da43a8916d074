"""What the processes of a journey do. Each says lines on its standard output; its settings are in its environment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

from aivideo_async import Batch, Budget, Client, GenerationTask, WebhookReceiver
from aivideo_async.catalog import Sora2
from aivideo_async.core.errors import StoreError, SubmissionInDoubtError
from aivideo_async.stores import open_store
from tests.stores.process import say

CLIP = Sora2(prompt="A paper boat crosses a puddle", duration=4)
NEVER = 3600.0 * 24 * 365
"""Usual seconds of a task that no asker ever looks after by itself."""


async def receive(store: str, port: int) -> None:
    """A callback server without an API key."""
    async with open_store(store) as opened, WebhookReceiver(opened).serve(port=port):
        say("listening")
        await forever()


async def work(store: str, keys: Sequence[str], *, concurrency: int = 8, patient: bool = False) -> None:
    """Go on with what is unfinished, submit every key and await all of it.

    It says ``accepted KEY ID`` and ``resolved ID SERVICE_ID URL``.
    """
    async with Client(store=store, max_concurrency=concurrency, usual_seconds=usual(patient=patient)) as client:
        say("open")
        unfinished = [task async for task in client.unfinished()]
        await asyncio.gather(
            *(resolve(task) for task in unfinished), *(submit_and_resolve(client, key) for key in keys)
        )
        say("done")
        await forever()


async def contend(store: str, keys: Sequence[str]) -> None:
    """Submit every key, awaiting nothing: accepted KEY ID."""
    async with Client(store=store) as client:
        say("open")
        await asyncio.gather(*(submit(client, key) for key in keys))
        say("done")
        await forever()


async def replicate(
    store: str, port: int, *, keys: Sequence[str] = (), ids: Sequence[str] = (), patient: bool = False
) -> None:
    """A client with its callback server, which submits keys and awaits them, and awaits tasks of others by id."""
    async with (
        Client(store=store, usual_seconds=usual(patient=patient)) as client,
        client.receiver.serve(port=port),
    ):
        theirs = [await client.task(id) for id in ids]
        say("open")
        await asyncio.gather(*(resolve(task) for task in theirs), *(submit_and_resolve(client, key) for key in keys))
        say("done")
        await forever()


async def many(store: str, port: int, *, count: int, name: str, ahead: float = 0.0, resubmit: bool = False) -> None:
    """A batch with its callback server: ``ended INDEX ENDING CREDITS`` for each item, and ``done SPENT UNCERTAIN``.

    ``ahead`` is how many seconds its clock is: what was sent before and not answered has had its time.
    """
    requests = [Sora2(prompt=f"clip {number}", duration=4) for number in range(count)]
    budget = Budget(credits=100 * count)
    async with (
        Client(store=store, clock=lambda: time.time() + ahead) as client,
        client.receiver.serve(port=port),
        Batch(client, requests, concurrency=20, budget=budget, name=name, resubmit_in_doubt=resubmit) as batch,
    ):
        say("open")
        async for item in batch:
            say(f"ended {item.index} {item.ending} {item.credits:f}")
        spending = budget.spending()
        say(f"done {spending.spent:f} {spending.uncertain:f}")
        await forever()


async def insist(store: str, keys: Sequence[str]) -> None:
    """Submit every key until the store has taken it, and await it."""
    async with Client(store=store) as client:
        say("open")
        await asyncio.gather(*(insist_and_resolve(client, key) for key in keys))
        say("done")
        await forever()


async def insist_and_resolve(client: Client, key: str) -> None:
    """One task, however often the store is away when it is submitted: away KEY."""
    while True:
        try:
            return await submit_and_resolve(client, key)
        except StoreError:
            say(f"away {key}")
            await asyncio.sleep(0.05)


async def submit(client: Client, key: str) -> GenerationTask:
    """The task of a key, also of one in doubt."""
    try:
        task = await client.submit(CLIP, key=key)
    except SubmissionInDoubtError as doubt:
        task = await client.task(str(doubt.task_id))
    say(f"accepted {key} {task.id}")
    return task


async def resolve(task: GenerationTask) -> None:
    """Await it, and say what it came to."""
    output = await task
    assert output.task_id == task.id
    say(f"resolved {task.id} {task.service_id} {output.url}")


async def submit_and_resolve(client: Client, key: str) -> None:
    """One task, from the beginning to its end."""
    await resolve(await submit(client, key))


def usual(*, patient: bool) -> Mapping[str, float]:
    """How long a task usually takes, for an asker that looks after it or for one that does not."""
    return {"sora-2": NEVER} if patient else {}


async def forever() -> None:
    """Until the process is killed."""
    await asyncio.Event().wait()
