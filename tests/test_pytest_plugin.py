from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from aivideo_async.client import Client
from aivideo_async.sandbox import Sandbox

pytest_plugins = ["pytester"]


LOADED = (Client, Sandbox)
"""pytester unloads what an inner run was the first to import, and cryptography cannot be imported twice."""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Somebody else's project with asynchronous tests."""
    pytester.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")
    return pytester


def passes(project: pytest.Pytester, source: str, *, count: int = 1) -> None:
    """Run a test file of that project; all of it must pass, with no warning."""
    project.makepyfile(source)
    options = ("-W", "error", "--strict-markers", "-p", "no:hypothesispytest")
    project.runpytest_inprocess(*options).assert_outcomes(passed=count)


def test_a_client_of_the_sandbox_gets_its_video(project: pytest.Pytester) -> None:
    passes(
        project,
        """
        from aivideo_async.catalog import Sora2

        async def test_my_app(aivideo_sandbox, aivideo_client):
            async with aivideo_client as client:
                video = await client.run(Sora2(prompt="a lake"))
            assert video.url.startswith(aivideo_sandbox.base_url)
            assert aivideo_sandbox.count("create") == 1
        """,
    )


def test_scenarios_are_enqueued_from_the_tests_own_thread(project: pytest.Pytester) -> None:
    passes(
        project,
        """
        import pytest
        from aivideo_async.catalog import Sora2
        from aivideo_async.core.errors import TaskFailedError
        from aivideo_async.sandbox import Fail

        async def test_my_app(aivideo_sandbox, aivideo_client):
            aivideo_sandbox.enqueue(Fail(message="sensitive"))
            async with aivideo_client as client:
                with pytest.raises(TaskFailedError, match="sensitive"):
                    await client.run(Sora2(prompt="a lake"))
            assert aivideo_sandbox.balance == 10_000
        """,
    )


def test_a_synchronous_test_may_use_it_too(project: pytest.Pytester) -> None:
    passes(
        project,
        """
        import urllib.request

        def test_my_script(aivideo_sandbox):
            request = urllib.request.Request(aivideo_sandbox.base_url + "/v1/credits")
            request.add_header("Authorization", "Bearer " + aivideo_sandbox.api_key)
            with urllib.request.urlopen(request) as response:
                assert response.status == 200
        """,
    )


def test_the_marker_takes_the_sandboxs_settings(project: pytest.Pytester) -> None:
    passes(
        project,
        """
        import pytest

        @pytest.mark.aivideo_sandbox(profile="documented", credits=5, render="real", speed=60)
        def test_my_app(aivideo_sandbox):
            assert (aivideo_sandbox.webhook_secret, aivideo_sandbox.balance) == (None, 5)
            assert aivideo_sandbox.time_scale == 60

        def test_without_it(aivideo_sandbox):
            assert aivideo_sandbox.balance == 10_000
        """,
        count=2,
    )


def test_the_developers_own_settings_do_not_reach_the_client(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIVIDEO_STORE", "nonsense:")
    monkeypatch.setenv("AIVIDEO_CALLBACK_URL", "nonsense")
    monkeypatch.setenv("AIVIDEO_WEBHOOK_SECRET", "nonsense")
    passes(project, "async def test_my_app(aivideo_client):\n    async with aivideo_client: pass\n")


OWN_STORE = (Path(__file__).parent.parent / "examples" / "test_your_own_store.py").read_text(encoding="utf-8")
WRONG = """
import asyncio
from aivideo_async import Query


class Overwriting(CountingStore):
    async def put(self, record, /):
        self._records.pop(record.id, None)
        return await super().put(record)


class Racing(CountingStore):
    async def claim(self, origin, limit, lease, /):
        records = [record async for record in self.scan(Query(origin=origin, unfinished=True))]
        due = [r for r in records if r.next_check is not None and r.next_check.timestamp() <= self._clock()][:limit]
        await asyncio.sleep(0)
        for record in due:
            await self.due(record.id, lease)
        return due


class Silent(CountingStore):
    def _hint(self, id):
        pass


def engine_of(kind):
    engine = OneStore()
    engine.store = kind(engine.now)
    return engine


class TestOverwriting(StoreContract):
    patience = 0.05

    @pytest.fixture
    def engine(self):
        return engine_of(Overwriting)


class TestRacing(StoreContract):
    @pytest.fixture
    def engine(self):
        return engine_of(Racing)


class TestSilent(StoreContract):
    patience = 0.05

    @pytest.fixture
    def engine(self):
        return engine_of(Silent)
"""
"""Three stores with something wrong, each with one method that reads as if it were right."""


def run_of_contract(pytester: pytest.Pytester, source: str, *options: str) -> pytest.RunResult:
    """The contract in a process of its own, as a stranger's project runs it."""
    pytester.makepyfile(source)
    return pytester.runpytest_subprocess("-W", "error", "--strict-markers", "-p", "no:cacheprovider", *options)


@pytest.mark.crash
@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("-p", "no:asyncio"), id="none but anyio"),
        pytest.param(
            ("-o", "asyncio_mode=strict", "-o", "asyncio_default_fixture_loop_scope=function"),
            id="asyncio strict",
        ),
        pytest.param(
            ("-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=session"),
            id="asyncio auto",
        ),
    ],
)
def test_a_store_of_somebodys_own_is_tested_whatever_runs_their_coroutines(
    pytester: pytest.Pytester, options: tuple[str, ...]
) -> None:
    outcomes = run_of_contract(pytester, OWN_STORE, *options).parseoutcomes()
    assert set(outcomes) == {"passed", "skipped"}
    assert outcomes["passed"] > 50
    assert outcomes["skipped"] == 2


@pytest.mark.crash
def test_a_store_that_is_wrong_fails_by_tests_that_say_what_is_wrong(pytester: pytest.Pytester) -> None:
    ran = run_of_contract(pytester, OWN_STORE + WRONG, "-p", "no:asyncio", "--tb=short")
    ran.stdout.re_match_lines([r"E .*assert \d+ == 40", r"E .*where \d+ = len"])  # the plugin has assertions explained
    failed: dict[str, set[str]] = {"TestCountingStore": set()}
    for where, test in re.findall(r"^FAILED .*::(Test\w+)::(test_\w+)", ran.stdout.str(), re.MULTILINE):
        failed.setdefault(where, set()).add(test)
    assert failed["TestCountingStore"] == set()
    assert failed["TestOverwriting"] > {
        "test_a_put_merges_and_never_overwrites",
        "test_of_two_endings_the_first_stands_and_wins_once",
    }
    assert failed["TestRacing"] > {"test_four_claimers_at_once_share_without_overlap"}
    assert "test_a_put_merges_and_never_overwrites" not in failed["TestRacing"] | failed["TestSilent"]
    assert failed["TestSilent"] > {"test_a_change_is_hinted_at_everybody_who_subscribed"}


def test_importing_it_loads_nothing_heavy() -> None:
    program = "import sys, aivideo_async.pytest_plugin; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()  # noqa: S603 - our own interpreter
    assert not {"aiohttp", "pydantic", "anyio", "av", "PIL", "cryptography"} & set(loaded)
