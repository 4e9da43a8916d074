from __future__ import annotations

import subprocess
import sys

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


def test_importing_it_loads_nothing_heavy() -> None:
    program = "import sys, aivideo_async.pytest_plugin; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()  # noqa: S603 - our own interpreter
    assert not {"aiohttp", "pydantic", "anyio", "av", "PIL", "cryptography"} & set(loaded)
