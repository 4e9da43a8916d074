"""What every store with a URL must do over several processes, written once (stores.md §1.8).

A test module subclasses ``DurableContract`` and gives it a fixture ``url``::

    class TestMyStoreLasts(DurableContract):
        @pytest.fixture
        def url(self) -> str: ...

Every test gets the URL of a fresh, empty store on a real engine. What is killed here are other processes on it; how an
engine itself is killed is for ``tests/journeys``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from aivideo_async.stores import Query, Store, open_store
from tests.stores.contract import PATIENCE, scanned
from tests.stores.made import accepted, completion
from tests.stores.process import KEYS, another_process, output_of, output_until_killed


async def assert_holds(store: Store, ids: list[str]) -> None:
    assert set(await store.get(ids)) == set(ids)


class DurableContract:
    """The tests; see the module."""

    @pytest.fixture
    def unopened(self, url: str) -> Store:
        """Made where no event loop runs: the first one loads its driver, which reads files."""
        return open_store(url)

    @pytest.fixture
    async def lasting(self, unopened: Store) -> AsyncGenerator[Store]:
        async with unopened:
            yield unopened

    async def test_four_processes_that_submit_the_same_keys_get_one_task_per_key(
        self, url: str, lasting: Store
    ) -> None:
        outputs = await asyncio.gather(*(output_of("keys", url, str(number)) for number in range(4)))
        holders = {tuple(line.split()) for lines in outputs for line in lines}
        assert [len(lines) for lines in outputs] == [KEYS] * 4
        assert len(holders) == KEYS
        assert set(await scanned(lasting, Query())) == {id for _, id in holders}

    @pytest.mark.crash
    async def test_whenever_a_process_is_killed_what_was_acknowledged_is_there(self, url: str, lasting: Store) -> None:
        acknowledged: list[str] = []
        for number in range(6):
            acknowledged += await output_until_killed("puts", url, str(number), after=7 + 47 * number)
            await assert_holds(lasting, acknowledged)

    @pytest.mark.crash
    async def test_a_process_that_was_killed_and_started_again_goes_on_where_it_was(
        self, url: str, lasting: Store
    ) -> None:
        before = await output_until_killed("keys", url, "first", after=KEYS // 3)
        after = await output_of("keys", url, "second")
        assert set(before) <= set(after)
        assert len(after) == KEYS
        assert set(await scanned(lasting, Query(unfinished=True))) == {line.split()[1] for line in after}

    async def test_a_change_in_another_process_is_hinted_at(self, url: str, lasting: Store) -> None:
        async with another_process("follow", url) as process, asyncio.timeout(PATIENCE):
            assert process.stdout is not None
            assert await process.stdout.readline() == b"following\n"
            await lasting.put(accepted("av_1", "svc-1"))
            assert await process.stdout.readline() == b"av_1\n"
            assert await process.wait() == 0

    async def test_two_processes_of_a_group_share_its_endings(self, url: str, lasting: Store) -> None:
        ids, given = [f"av_{number}" for number in range(40)], list[str]()

        async def collect(output: asyncio.StreamReader | None) -> None:
            while output is not None and len(given) < len(ids):
                given.append((await output.readline()).decode().strip())

        async with another_process("consume", url, "mail") as one, another_process("consume", url, "mail") as two:
            for process in (one, two):
                assert process.stdout is not None
                assert await process.stdout.readline() == b"consuming\n"
            reading = [asyncio.ensure_future(collect(process.stdout)) for process in (one, two)]
            for id in ids:
                await lasting.put(completion(id, f"svc-{id}", 1.0))
            async with asyncio.timeout(PATIENCE):
                await asyncio.wait(reading, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait(reading)  # what is killed closes its output
        assert sorted(filter(None, given)) == sorted(ids)

    async def test_a_store_that_nobody_closes_does_not_hold_up_the_exit(self, url: str, lasting: Store) -> None:
        async with asyncio.timeout(PATIENCE):
            assert await output_of("unclosed", url) == ["open"]
        await assert_holds(lasting, ["av_0"])

    async def test_it_refuses_to_work_in_a_forked_process_and_goes_on_in_its_own(
        self, url: str, lasting: Store
    ) -> None:
        *refused, parent = await output_of("fork", url)
        assert len(refused) == 3
        assert all(line.startswith("StoreError: ") and "forked process" in line for line in refused)
        assert parent == "av_parent"
        await assert_holds(lasting, ["av_parent"])
