from __future__ import annotations

import asyncio
import socket
from decimal import Decimal
from typing import Literal, cast

import aiohttp
import pytest

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox import Dialect, EarlyCallback, Fail, Sandbox
from tests.sandbox.test_server import FAST, world

SORA = {"model": "sora-2", "prompt": "x"}


async def post(sandbox: Sandbox, **fields: str) -> int:
    bearer = {"Authorization": f"Bearer {sandbox.api_key}"}
    url = f"{sandbox.base_url}/v1/videos/generations"
    async with aiohttp.request("POST", url, json={**SORA, **fields}, headers=bearer) as response:
        return response.status


async def test_its_environment_is_what_a_client_needs() -> None:
    async with Sandbox(render="cached", speed=60) as sandbox:
        assert sandbox.environment() == {
            "AIVIDEO_API_KEY": sandbox.api_key,
            "AIVIDEO_BASE_URL": sandbox.base_url,
            "AIVIDEO_TIME_SCALE": "60",
            "AIVIDEO_WEBHOOK_SECRET": sandbox.webhook_secret,
        }


async def test_the_documented_profile_has_no_secret() -> None:
    async with Sandbox(render="cached", profile="documented") as sandbox:
        assert sandbox.webhook_secret is None
        assert "AIVIDEO_WEBHOOK_SECRET" not in sandbox.environment()


def test_keys_and_secrets_look_like_the_services() -> None:
    sandbox = Sandbox()
    assert sandbox.api_key.startswith("sk-")
    assert str(sandbox.webhook_secret).startswith("whsec_")
    assert Sandbox(api_key="sk-mine").api_key == "sk-mine"


def test_a_seed_makes_the_same_keys() -> None:
    assert Sandbox(seed=7).api_key == Sandbox(seed=7).api_key
    assert Sandbox().api_key != Sandbox().api_key


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf")])
def test_a_speed_that_makes_no_sense_is_refused(speed: float) -> None:
    with pytest.raises(ConfigurationError):
        Sandbox(speed=speed)


def test_a_profile_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="signed, documented"):
        Sandbox(profile=cast("Literal['signed']", "sign"))


def test_it_has_no_address_before_it_is_entered() -> None:
    with pytest.raises(ConfigurationError):
        _ = Sandbox().base_url


async def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        await Sandbox(port=taken.getsockname()[1], render="cached").__aenter__()


@pytest.mark.parametrize(
    ("host", "shown"),
    [("::1", "http://[::1]:"), ("0.0.0.0", "http://127.0.0.1:")],  # noqa: S104 - for the length of a request
)
async def test_its_address_can_be_asked_wherever_it_listens(host: str, shown: str) -> None:
    if host == "::1" and not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    async with Sandbox(host=host, render="cached") as sandbox:
        assert sandbox.base_url.startswith(shown)
        assert await post(sandbox) == 200


async def test_it_can_be_entered_in_one_task_and_left_in_another() -> None:
    sandbox = Sandbox(render="cached")
    await asyncio.create_task(sandbox.__aenter__())
    assert await post(sandbox) == 200
    await asyncio.create_task(sandbox.__aexit__(None, None, None))
    with pytest.raises(aiohttp.ClientConnectionError):
        await post(sandbox)


async def test_its_state_stays_and_it_can_be_entered_again() -> None:
    sandbox = Sandbox(render="cached", credits=Decimal(1000))
    for left in (800, 600):
        async with sandbox:
            await post(sandbox)
        assert sandbox.balance == left
        assert sandbox.count("create") == len(sandbox.requests) == len(sandbox.tasks)


async def test_leaving_does_not_wait_for_what_is_under_way() -> None:
    async with Sandbox(render="real", speed=1) as sandbox:
        sandbox.enqueue((), EarlyCallback())
        await post(sandbox)
        held = asyncio.create_task(post(sandbox, callback_url="http://127.0.0.1:9/"))
        while len(sandbox.tasks) < 2:
            await asyncio.sleep(0)
    await asyncio.gather(held, return_exceptions=True)
    assert [task.status for task in sandbox.tasks] != ["completed", "completed"]


async def test_leaving_twice_is_leaving_once() -> None:
    async with Sandbox(render="cached") as sandbox:
        pass
    await sandbox.__aexit__(None, None, None)


async def test_what_was_enqueued_before_entering_counts() -> None:
    sandbox = Sandbox(render="cached")
    sandbox.enqueue(Fail())
    async with sandbox:
        await post(sandbox)
    assert sandbox.tasks[0].course.failure == Fail()
    assert sandbox.callbacks == ()


async def test_a_dialect_reaches_the_wire() -> None:
    dialect = Dialect(
        further=("/v1/models",), cancels=True, burst=1, retry_after=7, heads=True, quota_headers=True, bare_errors=True
    )
    key = {"Authorization": "Bearer sk-x"}
    async with Sandbox(dialect=dialect, api_key="sk-x", render="cached") as sandbox, aiohttp.ClientSession() as http:
        ways = [("GET", "/v1/models"), ("HEAD", "/files/a.jpg"), ("POST", "/v1/tasks/x/cancel"), ("GET", "/v1/nowhere")]
        seen: list[int] = []
        for method, path in ways:
            async with http.request(method, sandbox.base_url + path) as response:
                seen.append(response.status)
        assert seen == [200, 200, 404, 404]
        for expected in (None, "7"):
            async with http.get(f"{sandbox.base_url}/v1/credits", headers=key) as response:
                assert response.headers.get("Retry-After") == expected
                assert "X-RateLimit-Limit" in response.headers


async def test_a_console_is_there_where_it_is_wanted_and_no_request_to_it_is_the_services() -> None:
    async with Sandbox(render="cached") as plain:
        assert plain.console_url is None
    async with Sandbox(render="cached", console=True) as sandbox:
        assert sandbox.console_url == f"{sandbox.base_url}/console/"
        async with aiohttp.request("GET", f"{sandbox.base_url}/console/") as response:
            assert "Nothing was made yet" in await response.text()
        async with aiohttp.request("GET", f"{sandbox.base_url}/console/nothing") as response:
            assert (response.status, response.content_type) == (404, "text/html")
        assert sandbox.requests == ()


async def test_off_loopback_the_consoles_address_has_its_token() -> None:
    async with Sandbox(render="cached", console=True, host="0.0.0.0") as sandbox:  # noqa: S104 - the point of the test
        url = str(sandbox.console_url)
        async with aiohttp.request("GET", url.partition("?")[0]) as response:
            assert response.status == 401
        async with aiohttp.request("GET", url, allow_redirects=False) as response:
            assert response.status == 303


async def test_what_the_console_creates_is_made_logged_and_called_back_again() -> None:
    async with Sandbox(render="cached", console=True, speed=100_000) as sandbox, aiohttp.ClientSession() as session:
        url, origin = str(sandbox.console_url), {"Origin": sandbox.base_url}
        async with session.get(f"{url}try") as response:
            token = (await response.text()).partition('name="form_token" value="')[2].partition('"')[0]
        form = {"form_token": token, "model": "sora-2", "prompt": "x", "duration": "4"}
        form["callback_url"] = f"{sandbox.base_url}/nobody"
        async with session.post(f"{url}try", data=form, headers=origin) as response:
            assert response.url.path == f"/console/tasks/{sandbox.tasks[0].id}"
        first = sandbox.requests[0]
        assert (first.endpoint, first.task_id) == ("create", sandbox.tasks[0].id)
        async with asyncio.timeout(10):
            while not sandbox.callbacks:
                await asyncio.sleep(0.01)
        before = len(sandbox.callbacks)
        async with session.post(f"{url}tasks/{sandbox.tasks[0].id}/resend", data=form, headers=origin) as response:
            assert response.status == 200
        async with asyncio.timeout(10):
            while len(sandbox.callbacks) <= before:
                await asyncio.sleep(0.01)


async def test_results_are_said_to_be_where_the_creator_found_the_service() -> None:
    sandbox = Sandbox(render="cached", speed=FAST, hosts=["sandbox"])
    async with world(sandbox) as w:
        port = sandbox.base_url.rpartition(":")[2]
        for host, where in (f"sandbox:{port}", f"http://sandbox:{port}"), (f"localhost:{port}", sandbox.base_url):
            body = {"model": "sora-2", "prompt": "a city", "callback_url": w.receiver.url}
            async with w.http.post("/v1/videos/generations", json=body, headers={"Host": host}) as response:
                assert response.status == 200
            _, told = await w.receiver.next()
            _, asked = await w.get(f"/v1/tasks/{told['id']}")
            urls = cast("list[str]", cast("dict[str, object]", told["output"])["urls"])
            assert told == asked
            assert urls[0].startswith(f"{where}/files/")
            async with w.http.get(urls[0].replace(where, sandbox.base_url), headers={"Host": host}) as response:
                assert (response.status, response.content_type) == (200, "video/mp4")


def test_a_host_that_is_no_name_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no host name"):
        Sandbox(hosts=["http://sandbox"])
