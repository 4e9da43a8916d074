"""Whole probes of a sandbox: one that is as we assume, one that is not; nothing secret is left on the disk."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from pydantic import SecretStr

from aivideo_async.catalog import PRICES
from aivideo_async.core.errors import AuthenticationError, InvalidRequestError
from aivideo_async.probe.journal import Journal
from aivideo_async.probe.performing import Setup, perform
from aivideo_async.probe.questions import NOT_TRIED, QUESTIONS
from aivideo_async.sandbox import Delay, Dialect, Fail, Sandbox
from tests.doubles import until
from tests.loopback import refused_port

PRIVATE = "Write to jane@example.org about account 48213, address 203.0.113.7, key sk-live-1234567890."
PRIVATE_PARTS = ("jane@", "48213", "203.0.113.7", "sk-live")
FOREIGN = Dialect(
    id_name="id",
    wrapped_tasks=True,
    words={"processing": "rendering", "completed": "succeeded"},
    progress=0.5,
    tells_cost=True,
    metadata=False,
    quota_headers=True,
    further=("/v1/tasks", "/v1/models", "/v1/logs", "/v1/webhooks", "/v1/files"),
    cancels=True,
    burst=8,
    retry_after=7,
    strict_fields=True,
    refusal_cost=Decimal(1),
    keeps_credits=True,
    idempotent=True,
    hidden_for=1,
    fresh_urls=True,
    heads=True,
    callback_prefix="Aivideo-",
    wrapped_callbacks=True,
    tells_processing=True,
    attempts=(0.0, 3000.0),
)
NEVER = {question.name for question in QUESTIONS if question.step == NOT_TRIED}
ALIKE = {"error_shape", "price", "usual_image", "usual_video"}
"""Questions that the foreign dialect does not answer, or answers as the other does; they have tests of their own."""
TIMED = {"usual_image", "usual_video", "tried_again"}
"""How a busy machine answers them nobody knows; ``test_looking`` has them by the clock."""


async def prepared(sandbox: Sandbox, folder: Path, *, limit: int = 400) -> tuple[Setup, Journal]:
    """What a command makes of this sandbox's settings."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("AIVIDEO_")]:
            environment.delenv(name)
        for name, value in sandbox.environment().items():
            environment.setenv(name, value)
        setup = Setup.from_environment(limit=Decimal(limit))
    return setup, await asyncio.to_thread(setup.journal, folder)


async def probed(sandbox: Sandbox, folder: Path, *, limit: int = 400) -> Journal:
    """A whole probe."""
    setup, journal = await prepared(sandbox, folder, limit=limit)
    await perform(setup, journal, say=lambda _: None)
    return journal


def verdicts(journal: Journal) -> dict[str, str]:
    return {answer.question.name: answer.verdict for answer in journal.answers()}


def written(folder: Path) -> str:
    """Names and contents of everything."""
    return "\n".join(f"{path.relative_to(folder)}\n{path.read_text()}" for path in folder.rglob("*") if path.is_file())


def secrets_of(sandbox: Sandbox) -> set[str]:
    """Everything of a sandbox that nobody else may see."""
    ids = {task.id for task in sandbox.tasks}
    tokens = {part for task in sandbox.tasks for part in urlsplit(task.callback_url or "").path.split("/")[-2:]}
    urls = [str(url) for task in sandbox.tasks if task.output for url in task.output["urls"]]  # type: ignore[union-attr]
    queries = {value for url in urls for name, value in parse_qsl(urlsplit(url).query) if name == "X-Amz-Signature"}
    paths = {urlsplit(url).path for url in urls}
    found = {sandbox.api_key, *ids, *tokens, *queries, *paths, *PRIVATE_PARTS} - {""}
    assert len(found) > 15
    return found


async def test_a_service_as_we_assume_is_told_to_be_so(tmp_path: Path) -> None:
    dialect = Dialect(burst=8)
    async with Sandbox(profile="documented", render="cached", speed=1000, seed=1, dialect=dialect) as sandbox:
        sandbox.enqueue(Delay(400), (), (), (), (), Fail(message=PRIVATE))
        journal = await probed(sandbox, tmp_path)
        found = verdicts(journal)
        assert {name for name, verdict in found.items() if verdict == "open"} == NEVER
        assert {name for name, verdict in found.items() if verdict == "differs"} <= TIMED
        assert journal.purse.spent == 10_000 - sandbox.balance == 112
        text = written(tmp_path)
        assert [secret for secret in secrets_of(sandbox) if secret in text] == []
    assert json.loads((tmp_path / "client.json").read_text()).keys() == {"usual_seconds", "ask_rate"}


async def test_a_service_that_is_otherwise_is_told_to_be_so(tmp_path: Path) -> None:
    async with Sandbox(
        render="cached", speed=1000, seed=1, dialect=FOREIGN, body_forms="nested", url_lifetime=3600
    ) as sandbox:
        sandbox.enqueue(Delay(400), (), Fail(message=PRIVATE))
        journal = await probed(sandbox, tmp_path)
        expected = {q.name: "open" if q.name in NEVER else "differs" for q in QUESTIONS}
        found = verdicts(journal)
        assert {name: found[name] for name in expected if name not in ALIKE} == {
            name: verdict for name, verdict in expected.items() if name not in ALIKE
        }
        text = written(tmp_path)
        assert [secret for secret in secrets_of(sandbox) if secret in text] == []
    assert json.loads((tmp_path / "client.json").read_text())["body_form"] == "nested"
    assert "AIVIDEO_WEBHOOK_SECRET" in (tmp_path / "settings.env").read_text()


async def test_other_errors_prices_and_times_are_noticed_and_the_limit_holds(tmp_path: Path) -> None:
    dear = PRICES.override({"gpt-image-2": {"1k": Decimal(60), "2k": Decimal(60), "4k": Decimal(60)}})
    dialect = Dialect(bare_errors=True)
    async with Sandbox(render="cached", speed=3000, dialect=dialect, prices=dear, profile="documented") as sandbox:
        sandbox.enqueue(Delay(200))
        journal = await probed(sandbox, tmp_path, limit=100)
        found = verdicts(journal)
        assert {name: found[name] for name in ("error_shape", "price", "usual_image")} == dict.fromkeys(
            ("error_shape", "price", "usual_image"), "differs"
        )
        assert [journal.purse.spent, sandbox.balance] == [60, 9940]
        assert "may cost 60 credits, of 100 there are 40 left" in journal.found.left_out["flat"]


@pytest.mark.parametrize("limit", [0, 10])
async def test_no_more_is_spent_than_was_allowed(limit: int, tmp_path: Path) -> None:
    async with Sandbox(render="cached", speed=20_000, profile="documented") as sandbox:
        journal = await probed(sandbox, tmp_path, limit=limit)
        assert 10_000 - sandbox.balance <= journal.purse.at_most <= limit
        assert (sandbox.count("create") == 0) is (limit == 0)
        assert "sora" in journal.found.left_out
        assert json.loads((tmp_path / "report.json").read_text())["left_out"].keys() >= {"sora"}


async def test_an_interrupted_probe_leaves_whole_files_that_say_what_was_spent(tmp_path: Path) -> None:
    async with Sandbox(render="cached", speed=1, profile="documented") as sandbox:
        setup, journal = await prepared(sandbox, tmp_path)
        running = asyncio.create_task(perform(setup, journal, say=lambda _: None))
        await until(lambda: journal.found.first("image.task") is not None)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["state"], report["credits"]) == ("interrupted", {"spent": 2.4, "at_most": 2.4, "max_credits": 400})
    assert all(json.loads(path.read_text()) is not None for path in tmp_path.rglob("*.json"))
    assert (tmp_path / "samples" / "create_ok.json").exists()
    assert not list(tmp_path.rglob("*.part"))


async def test_a_refused_key_ends_it_with_a_report(tmp_path: Path) -> None:
    async with Sandbox(render="cached", profile="documented") as sandbox:
        setup, journal = await prepared(sandbox, tmp_path)
        with pytest.raises(AuthenticationError):
            await perform(replace(setup, api_key=SecretStr("sk-other")), journal, say=lambda _: None)
    assert json.loads((tmp_path / "report.json").read_text())["state"] == "failed"


async def test_without_a_callback_url_and_far_away_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVIDEO_API_KEY", "sk-x")
    monkeypatch.setenv("AIVIDEO_BASE_URL", "https://api.example.com")
    setup = Setup.from_environment(limit=Decimal(100))
    assert not setup.listens
    assert [order.step for order, fits in setup.plan() if not fits] == ["sora"]
    monkeypatch.setenv("AIVIDEO_CALLBACK_URL", "https://hooks.example.com/ai")
    assert Setup.from_environment(limit=Decimal(100)).listens


async def test_callbacks_come_to_the_setting_and_its_host_is_not_written(tmp_path: Path) -> None:
    async with Sandbox(render="cached", speed=3000, profile="documented") as sandbox:
        port = refused_port()
        setup, _ = await prepared(sandbox, tmp_path / "unused", limit=10)
        setup = replace(setup, callback_base=f"http://localhost:{port}/own/path", listen_on=("127.0.0.1", port))
        journal = await asyncio.to_thread(setup.journal, tmp_path / "record")
        await perform(setup, journal, say=lambda _: None)
        assert all("/own/path/" in (task.callback_url or "/own/path/") for task in sandbox.tasks)
    assert journal.found.arrivals
    assert f"localhost:{port}" not in written(tmp_path / "record")


async def test_far_away_without_a_callback_url_its_questions_stay_open(tmp_path: Path) -> None:
    async with Sandbox(render="cached", speed=3000, profile="documented") as sandbox:
        setup, journal = await prepared(sandbox, tmp_path, limit=10)
        setup = replace(setup, base_url=replace(setup.base_url, loopback=False))
        await perform(setup, journal, say=lambda _: None)
    unsigned = next(answer for answer in journal.answers() if answer.question.name == "unsigned")
    assert (unsigned.verdict, unsigned.seen) == ("open", "no AIVIDEO_CALLBACK_URL, so no callback can come")


@pytest.mark.parametrize("limit", ["-1", "nan", "inf"])
def test_a_limit_is_a_number(limit: str) -> None:
    with pytest.raises(InvalidRequestError, match="max-credits"):
        Setup.from_environment(limit=Decimal(limit))
