"""What a test does to a sandbox while it runs."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import aiohttp
import pytest

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox import Fail, Sandbox
from tests.sandbox.test_server import Json, code_of, world

SLOW = 1.0


def still() -> Sandbox:
    sandbox = Sandbox(render="cached", speed=SLOW)
    sandbox.clock.pause()
    return sandbox


async def test_a_clock_that_stands_is_moved_on_step_by_step() -> None:
    async with world(still()) as w:
        id = await w.accepted()
        w.sandbox.clock.advance(100)
        while [task.status for task in w.sandbox.tasks] == ["pending"]:
            await asyncio.sleep(0)
        w.sandbox.clock.advance(3600)
        _, told = await w.receiver.next()
        assert (told["id"], told["status"]) == (id, "completed")


async def test_a_clock_goes_on() -> None:
    async with world(still()) as w:
        await w.accepted()
        w.sandbox.clock.advance(3600)
        await w.receiver.next()
        w.sandbox.clock.resume()
        w.sandbox.clock.advance(1)
        assert not w.sandbox.clock.paused


async def test_a_key_is_made_disabled_let_in_and_deleted() -> None:
    async with world() as w:
        secret = w.sandbox.issue_key("ci", total=Decimal(5))
        assert [key.name for key in w.sandbox.keys] == ["default", "ci"]
        seen: list[int] = []
        for step in (w.sandbox.enable_key, w.sandbox.disable_key, w.sandbox.enable_key, w.sandbox.delete_key):
            step("ci")
            bearer = {"Authorization": f"Bearer {secret}"}
            async with aiohttp.request("GET", f"{w.sandbox.base_url}/v1/credits", headers=bearer) as response:
                seen.append(response.status)
        assert seen == [200, 401, 200, 401]


def test_a_key_may_have_an_account_of_its_own() -> None:
    sandbox = Sandbox(credits=100)
    sandbox.issue_key("poor", credits=Decimal(1))
    sandbox.top_up(50)
    assert (sandbox.balance, [posting.credits for posting in sandbox.ledger]) == (
        Decimal(150),
        [Decimal(100), Decimal(1), Decimal(50)],
    )
    with pytest.raises(ConfigurationError):
        sandbox.top_up(0)


def test_a_key_is_given_limits_and_its_account_credits() -> None:
    sandbox = Sandbox(credits=100)
    sandbox.issue_key("poor", credits=1, daily=5)
    sandbox.limit_key("poor", hourly=2, addresses=["10.0.0.0/8"])
    sandbox.top_up(9, key="poor")
    key = sandbox.keys[1]
    assert (key.caps, key.addresses) == ({"hourly": Decimal(2)}, ("10.0.0.0/8",))
    assert [(posting.account, posting.balance) for posting in sandbox.ledger][-1] == (key.account, Decimal(10))
    with pytest.raises(ConfigurationError, match="no key named"):
        sandbox.top_up(9, key="nobody")


async def test_a_callback_is_sent_again_by_hand() -> None:
    async with world() as w:
        id = await w.accepted()
        await w.receiver.next()
        assert w.sandbox.resend(id)
        await w.receiver.next()
        assert not w.sandbox.resend("another")


async def test_a_task_meets_a_fault_after_it_was_accepted() -> None:
    async with world(still()) as w:
        w.sandbox.afflict(await w.accepted(), Fail(message="sensitive"))
        w.sandbox.clock.advance(3600)
        _, told = await w.receiver.next()
        assert told["status"] == "failed"
        with pytest.raises(ConfigurationError):
            w.sandbox.afflict("another", Fail())


async def test_a_request_is_logged_with_its_key_and_without_secrets() -> None:
    async with world() as w:
        await w.accepted()
        await w.create({"model": "none"})
        taken, refused = w.sandbox.requests
        assert (taken.key, taken.status, taken.code, taken.seconds > 0) == ("default", 200, "", True)
        assert (refused.status, refused.code) == (404, "model_not_found")
        assert "/cb/token" not in taken.body
        assert '"prompt": "a lake at dawn"' in taken.body


async def test_what_was_created_can_be_asserted() -> None:
    async with world() as w:
        await w.accepted()
        (task,) = w.sandbox.assert_created(model="sora-2", duration=4)
        assert task == w.sandbox.tasks[0]
        with pytest.raises(AssertionError, match="duration is 4 and not 8"):
            w.sandbox.assert_created(model="sora-2", duration=8)


async def test_a_reset_forgets_all_but_keys_and_what_was_bought() -> None:
    async with world() as w:
        await w.accepted()
        w.sandbox.reset()
        assert (w.sandbox.tasks, w.sandbox.requests, w.sandbox.callbacks, w.sandbox.count("create")) == ((), (), (), 0)
        assert (w.sandbox.balance, len(w.sandbox.keys), len(w.sandbox.ledger)) == (Decimal(10_000), 1, 1)
        await w.accepted()
        await w.receiver.next()


@pytest.mark.parametrize(
    ("fault", "seen"),
    [("html", ("text/html", 200)), ("truncated-json", ("application/json", 200)),
     ("server-error", ("application/json", 500)), ("rate-limit-retry-after", ("application/json", 429))],
)  # fmt: skip
async def test_an_answer_is_spoilt(fault: str, seen: tuple[str, int]) -> None:
    async with world() as w:
        w.sandbox.faults.set(fault)
        async with w.http.get("/v1/credits") as response:
            assert (response.content_type, response.status) == seen
            assert ("Retry-After" in response.headers) == (fault == "rate-limit-retry-after")
            if fault == "truncated-json":
                with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
                    await response.json()


async def test_a_connection_is_dropped_before_anything_was_accepted() -> None:
    async with world() as w:
        w.sandbox.faults.set("drop-connection")
        with pytest.raises(aiohttp.ClientConnectionError):
            await w.create({"model": "sora-2", "prompt": "x"})
        assert (w.sandbox.tasks, w.sandbox.requests[0].status) == ((), None)


async def test_an_answer_is_slow() -> None:
    async with world() as w:
        w.sandbox.faults.set("slow-answer")
        await w.get("/v1/credits")
        assert w.sandbox.requests[0].seconds > 60 / 7200 / 2


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
async def test_a_stranger_is_not_let_in(headers: dict[str, str]) -> None:
    async with world() as w, w.http.get("/v1/credits", headers=headers) as response:
        answer: Json = await response.json()
        assert (response.status, code_of(answer)) == (403, "host_not_allowed")


def test_off_loopback_it_has_a_token() -> None:
    assert Sandbox().token is None
    assert Sandbox(host="192.0.2.1", token="mine").token == "mine"
    drawn = {Sandbox(host="192.0.2.1", seed=1).token for _ in range(2)}
    assert len(drawn) == 2
    assert all(len(str(token)) > 30 for token in drawn)
