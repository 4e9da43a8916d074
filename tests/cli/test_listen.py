"""``aivideo listen``: what is believed is printed, saved and forwarded, and nothing of that can lose it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aivideo_async import ConfigurationError, MemoryStore, WebhookReceiver
from aivideo_async.cli.captured import Captured, from_text
from aivideo_async.cli.listen import PassingOn, Refusals, Tap, listen
from aivideo_async.cli.output import Screen
from aivideo_async.cli.store import opened_store
from aivideo_async.core.models import Reply, TaskStatus
from aivideo_async.core.tokens import CallbackKeys
from aivideo_async.posting import Answer, Poster
from tests.cli.conftest import Watched
from tests.cli.test_serving import popen
from tests.cli.test_webhook import signed
from tests.doubles import ManualClock
from tests.loopback import answering, http, refused_port, serving
from tests.test_receiver import KEY, SECRET, task_body


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction] - autouse
    monkeypatch.setenv("AIVIDEO_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("AIVIDEO_CALLBACK_KEY", KEY)


class Listening:
    """``aivideo listen`` in this process, and a sender."""

    def __init__(self, url: str, out: io.StringIO, err: io.StringIO) -> None:
        self.url, self.out, self.err = url, out, err

    async def send(self, made: Captured | None = None, *, id: str = "av_1", body: bytes | None = None) -> Answer:
        made = made or signed(task=id)
        token = CallbackKeys(KEY).mint(id, now=time.time())
        async with Poster(within=10) as poster:
            return await poster.send(f"{self.url}/{id}/{token}", made.headers, made.body if body is None else body)

    async def told(self, word: str) -> str:
        async with asyncio.timeout(10):
            while word not in self.out.getvalue() + self.err.getvalue():
                await asyncio.sleep(0.005)
        return self.out.getvalue() + self.err.getvalue()


@asynccontextmanager
async def listening(*, machine: bool = False, path: str | None = None, **more: object) -> AsyncGenerator[Listening]:
    out, err = io.StringIO(), Watched("listening on")
    screen = Screen(machine=machine, out=out, err=err)
    work = asyncio.ensure_future(listen(screen, port=0, path=path, **more))  # type: ignore[arg-type]  # by name
    seen = asyncio.ensure_future(err.seen.wait())
    await asyncio.wait([work, seen], return_when=asyncio.FIRST_COMPLETED)
    seen.cancel()
    if work.done():
        await work
    url = err.getvalue().partition("listening on ")[2].partition(";")[0]
    try:
        yield Listening(url, out, err)
    finally:
        work.cancel()
        await asyncio.wait([work])
        assert work.cancelled()


async def test_what_is_believed_is_printed_and_is_in_the_store() -> None:
    async with listening() as heard:
        assert (await heard.send()).status == 200
        line = await heard.told("av_1")
    assert " task.completed av_1 (svc-1) sora-2, 1 file\n" in line
    assert "sig=" not in line
    assert heard.err.getvalue().endswith("1 received, 1 verified, 0 duplicates, 0 hints, 0 rejected\n")
    async with opened_store() as store:
        assert (await store.get(("av_1",)))["av_1"].status is TaskStatus.COMPLETED


async def test_what_strangers_wrote_does_not_steer_the_terminal() -> None:
    hostile = task_body("svc-1", status="failed", error={"code": "\x1b[2J", "message": "\x07[bold]\nboo"})
    async with listening() as heard:
        await heard.send(signed(hostile))
        line = await heard.told("boo")
    assert "task.failed av_1 (svc-1) sora-2: \\x1b[2J: \\x07[bold]\\nboo" in line
    assert all(sign.isprintable() or sign == "\n" for sign in line)


async def test_the_same_again_is_said_to_be_known() -> None:
    async with listening() as heard:
        for _ in range(2):
            await heard.send()
        assert "[known already]" in await heard.told("known")


async def test_without_a_secret_it_is_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    made = signed()
    monkeypatch.delenv("AIVIDEO_WEBHOOK_SECRET")
    async with listening() as heard:
        await heard.send(made)
        assert "[a hint, to be confirmed]" in await heard.told("av_1")
    assert "callbacks are hints: AIVIDEO_WEBHOOK_SECRET is not set" in heard.err.getvalue()


async def test_what_is_refused_is_told_by_its_reason_and_neither_printed_nor_forwarded() -> None:
    seen: list[bytes] = []
    async with serving(answering(http(200), seen=seen)) as app, listening(forward=app) as heard:
        assert (await heard.send(body=b"{}")).status == 401
        assert "rejected (bad_signature, 1 so far): no secret here" in await heard.told("rejected")
    assert (seen, heard.out.getvalue()) == ([], "")


async def test_it_is_forwarded_byte_for_byte_and_the_answer_is_printed() -> None:
    seen: list[bytes] = []
    made = signed()
    tea = answering(http(418, b"\x1b[2Jtea"), seen=seen)
    async with serving(tea) as app, listening(forward=app + "/hook/{id}/{token}") as heard:
        assert (await heard.send(made)).status == 200
        assert " av_1 forwarded: 418 after " in await heard.told("forwarded")
    assert seen[0].startswith(b"POST /hook/av_1/")
    assert seen[0].endswith(b"\r\n\r\n" + made.body)
    assert all(name + b": " + value in seen[0] for name, value in made.headers)
    assert "ms \\x1b[2Jtea\n" in heard.out.getvalue()


async def test_an_application_that_is_down_costs_nothing_but_its_own_copy(tmp_path: Path) -> None:
    down = f"http://127.0.0.1:{refused_port()}/"
    async with listening(machine=True, forward=down, save=tmp_path / "saved") as heard:
        assert (await heard.send()).status == 200
        line = await heard.told("not forwarded")
    (saved,) = (tmp_path / "saved").iterdir()
    assert json.loads(heard.out.getvalue().splitlines()[-1])["status"] is None
    assert f"It is stored; aivideo webhook replay {saved} sends it again" in line
    assert (saved.stat().st_mode & 0o777, saved.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert from_text(saved.read_text()).body == task_body("svc-1")
    async with opened_store() as store:
        assert (await store.get(("av_1",)))["av_1"].status is TaskStatus.COMPLETED


async def test_a_folder_that_went_away_is_told_and_hurts_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    async with listening(save=folder) as heard:
        folder.rmdir()
        assert (await heard.send()).status == 200
        assert "av_1 is not saved: No such file" in await heard.told("not saved")


async def test_a_machine_gets_objects() -> None:
    async with serving(answering(http(200, b"ok"))) as app, listening(machine=True, forward=app) as heard:
        await heard.send()
        await heard.told("forwarded")
    first, event, forwarded = (json.loads(line) for line in heard.out.getvalue().splitlines())
    assert (first["listening"], first["signed"]) == (heard.url, True)
    assert (event["event"], event["id"], event["believed"], event["first"]) == ("task.completed", "av_1", True, True)
    assert (forwarded["forwarded"], forwarded["status"], forwarded["body"]) == ("av_1", 200, "ok")


@pytest.mark.parametrize(
    ("setting", "given", "path"),
    [
        ("", None, "/webhooks/aivideo"),
        ("https://example.com/hooks/", None, "/hooks"),
        ("https://example.com", None, "/webhooks/aivideo"),
        ("https://example.com/hooks", "/given", "/given"),
    ],
)
async def test_it_listens_where_callbacks_are_sent(
    setting: str, given: str | None, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIVIDEO_CALLBACK_URL", setting)
    async with listening(path=given) as heard:
        assert heard.url.endswith(path)


async def test_a_receiver_behind_the_tap_answers_as_it_would_by_itself() -> None:
    err = io.StringIO()
    screen, receiver = Screen(machine=False, out=io.StringIO(), err=err), WebhookReceiver(MemoryStore())
    async with Poster(within=1) as poster:
        tap = Tap(receiver, PassingOn(screen, poster, signed=True), Refusals(screen, receiver))
        assert tap.too_slow().status == 408
        unknown = tap.admit("POST", "/", [])
        assert isinstance(unknown, Reply)
        await tap.after(unknown)
    assert "rejected (slow, 1 so far): its body did not come in time" in err.getvalue()
    assert receiver._lent._suspect_again_at > 0


async def test_a_path_that_is_none_and_a_missing_key_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="path to listen on"):
        async with listening(path="/{id}"):
            pass  # pragma: no cover
    monkeypatch.delenv("AIVIDEO_CALLBACK_KEY")
    with pytest.raises(ConfigurationError, match="callback key"):
        async with listening():
            pass  # pragma: no cover


async def test_many_strangers_make_one_line_a_second() -> None:
    err, clock = io.StringIO(), ManualClock()
    receiver = WebhookReceiver(MemoryStore())
    refusals = Refusals(Screen(machine=False, out=io.StringIO(), err=err), receiver, clock)
    for _ in range(1_000):
        receiver.admit("POST", "/", [])
        refusals.tell()
    clock.advance(1.1)
    refusals.tell()
    assert [line[:30] for line in err.getvalue().splitlines()] == [
        "rejected (bad_token, 1 so far)",
        "rejected (bad_token, 1000 so f",
    ]


@pytest.mark.crash
def test_ctrl_c_ends_it_as_an_interruption() -> None:
    state = os.environ["XDG_STATE_HOME"]
    with popen("listen", "--port", "0", AIVIDEO_CALLBACK_KEY=KEY, XDG_STATE_HOME=state) as process:
        assert process.stderr is not None
        assert "listening on http://127.0.0.1:" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
    assert process.returncode == 130
    assert said.endswith("0 received, 0 verified, 0 duplicates, 0 hints, 0 rejected\ninterrupted\n")
